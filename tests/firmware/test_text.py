"""text.c: the commands of MLPerf Tiny, as its runner uses them and as it does not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from firmware_host import Host
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlperf import Runner
from stub_network import StubNetwork

from fer_edge.bench.protocol import REPLY, Command, Decoder, Frame, encode

NETWORK = StubNetwork()


@pytest.fixture(autouse=True)
def _fresh(host: Host) -> Iterator[None]:
    host.set_hanging(False)
    host.set_line_busy(False)
    host.answer(b"\x80%")  # drops what an earlier test left unfinished
    yield
    host.answer(b"\x80%mode performance%")


@pytest.fixture
def runner(host: Host) -> Runner:
    return Runner(host.answer)


def test_the_runner_finds_device_and_model(runner: Runner) -> None:
    assert runner.identify() == ("fer-edge", "stub")


def test_help_names_every_command(runner: Runner) -> None:
    text = "\n".join(runner.command("help"))
    for command in ("name", "profile", "timestamp", "db load", "infer", "results"):
        assert command in text


@given(hnp.arrays(np.int8, 6), hnp.arrays(np.int32, 3))
def test_the_input_arrives_and_results_come_back(host: Host, image: np.ndarray, logits: np.ndarray) -> None:
    runner = Runner(host.answer)
    runner.load(image)
    host.write_memory(NETWORK.outputs[0], logits)
    laps, results = runner.infer(5, 2)
    assert host.read_memory(0x50400000, 6).tolist() == image.view(np.uint8).tolist()
    assert results == runner.results() == logits.tolist()
    first, last = laps
    assert last - first == pytest.approx(5 * 20, rel=0.1)


def test_a_timestamp_tells_the_time_in_microseconds(host: Host, runner: Runner) -> None:
    (before,) = runner.command("timestamp")
    host.wait(2.5)
    (after,) = runner.command("timestamp")
    elapsed = int(after.removeprefix("m-lap-us-")) - int(before.removeprefix("m-lap-us-"))
    assert elapsed == pytest.approx(2.5e6, rel=1e-3)


def test_energy_mode_gives_edges_instead_of_laps_at_9600_baud(host: Host, runner: Runner) -> None:
    assert runner.command("mode energy") == []
    assert host.baud_rate == 9600
    runner.load(np.zeros(6, np.int8))
    edges = host.falling_edges
    assert runner.infer(3, 0)[0] == []
    assert host.falling_edges - edges == 2
    assert runner.command("timestamp") == []
    assert host.falling_edges - edges == 3
    assert runner.command("mode performance") == []
    assert host.baud_rate == 115200


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("nonsense", "Unknown command: nonsense"),
        ("db", "Command 'db' requires a subcommand"),
        ("db load", "Command 'db load' requires the # of bytes"),
        ("db load six", "Command 'db load' requires the # of bytes"),
        ("db load 5", "The network takes 6 bytes"),
        ("db 012", "Insufficent number of hex digits"),
        ("db 0g", "Invalid hex digit"),
        ("", "Unknown command: "),
        ("infer", "Inference iterations must be >0"),
        ("infer 0", "Inference iterations must be >0"),
        ("infer -1", "Inference iterations must be >0"),
        ("infer 99999999999", "Inference iterations must be >0"),
        ("infer 1 x", "Inference warmup must be >=0"),
        ("mode fast", "Mode must be energy or performance"),
        ("x" * 81, "Command too long"),
    ],
)
def test_what_cannot_be_done_is_answered_by_an_error(runner: Runner, command: str, error: str) -> None:
    assert runner.command(command) == [f"e-[{error}]"]


def test_without_a_whole_input_nothing_is_inferred(start_host: Callable[[StubNetwork], Host]) -> None:
    runner = Runner(start_host(NETWORK).answer)
    assert runner.command("infer 1 0") == ["e-[No input has been loaded]"]
    runner.load(np.zeros(6, np.int8))
    runner.command("db load 6")
    runner.command("db 0102030405")
    assert runner.command("infer 1 0") == ["e-[No input has been loaded]"]
    assert runner.command("db 06ffff") == ["m-load-done"]
    assert len(runner.infer(1, 0)[1]) == 3


def test_a_hanging_accelerator_and_an_impatient_host_end_a_run(host: Host, runner: Runner) -> None:
    runner.load(np.zeros(6, np.int8))
    host.set_hanging(True)
    assert runner.command("infer 1 0")[-1] == "e-[The accelerator did not finish in time]"
    host.set_hanging(False)
    host.set_line_busy(True)
    assert runner.command("infer 1000000 0")[-1] == "e-[Interrupted]"


def test_noise_spoils_one_command_at_most(host: Host, runner: Runner) -> None:
    assert host.answer(b"na\x00me%") == b""
    assert runner.command("name")
    host.answer(b"\x07")
    host.wait(0.3)
    assert runner.command("name")


def test_both_dialects_in_one_stream(host: Host) -> None:
    sent = host.answer(b"name%\r\n" + encode(Command.HELLO, 7) + b"db load 6%")
    name, rest = sent.split(b"m-ready\r\n", 1)
    assert name == b"m-name-dut-[fer-edge]\r\n"
    (hello,) = Decoder().feed(rest)
    assert (hello.command, hello.sequence) == (Command.HELLO | REPLY, 7)
    assert rest.endswith(b"m-[Expecting 6 bytes]\r\nm-ready\r\n")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_text_inside_a_frame_is_no_command(host: Host, before: bytes, after: bytes) -> None:
    frame = encode(0x80, 1, before + b"name%" + after)  # a reply: not answered
    assert host.answer(frame) == b""


@given(st.text(st.characters(codec="ascii", exclude_characters="%"), max_size=90).map(str.encode), st.booleans())
def test_whatever_is_said_is_answered_once_or_not_at_all(host: Host, words: bytes, cut: bool) -> None:
    if not words.strip().startswith(b"mode"):
        answer = host.answer(words + b"%")
        assert answer == b"" or (answer.endswith(b"m-ready\r\n") and answer.count(b"m-ready") == 1)
    (hello,) = Decoder().feed(host.answer(encode(Command.HELLO, 1)))
    assert isinstance(hello, Frame)
