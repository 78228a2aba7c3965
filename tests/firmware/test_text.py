"""text.c: the commands of MLPerf Tiny, as its runner uses them and as it does not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_edge.bench.protocol import REPLY, Command, Decoder, Frame, encode
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from tests.firmware.firmware_host import Host
from tests.firmware.mlperf import Runner
from tests.firmware.stub_network import Group, StubNetwork

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


@given(hnp.arrays(np.uint8, 6), hnp.arrays(np.int32, 3))
def test_the_input_arrives_and_results_come_back(host: Host, image: np.ndarray, logits: np.ndarray) -> None:
    runner = Runner(host.answer)
    runner.load(image)
    host.write_memory(NETWORK.outputs[0], logits)
    laps, results = runner.infer(5, 2)
    assert host.read_memory(0x50400000, 6).view(np.int8)[::4].tolist() == (image.astype(int) - 128).tolist()
    assert results == runner.results() == pytest.approx(probabilities(logits, 14), abs=HALF_A_THOUSANDTH)
    first, last = laps
    assert last - first == pytest.approx(5 * 20, rel=0.1)


HALF_A_THOUSANDTH = 0.0005 + 1e-8  # what three decimals cost, and the 30 bits before them


def probabilities(outputs: np.ndarray, fraction: int) -> np.ndarray:
    """Softmax of outputs with `fraction` bits below the point."""
    powers = np.exp((outputs.astype(np.float64) - outputs.max()) * 2.0**-fraction)
    result: np.ndarray = powers / powers.sum()
    return result


@pytest.mark.parametrize(("outputs", "fraction"), [(2, 7), (7, 10), (64, 14), (8, 29), (8, -1)])
def test_results_are_the_softmax_of_as_many_outputs_as_the_network_has(
    start_host: Callable[[StubNetwork], Host], outputs: int, fraction: int
) -> None:
    base = 0x50404000
    host = start_host(StubNetwork(outputs=tuple(base + 4 * i for i in range(outputs)), fraction=fraction))
    runner = Runner(host.answer)
    near = st.floats(-9, 9).map(lambda logit: int(np.clip(round(logit * 2.0**fraction), -(2**31), 2**31 - 1)))
    anywhere = st.integers(-(2**31), 2**31 - 1)

    @given(hnp.arrays(np.int32, outputs, elements=near) | hnp.arrays(np.int32, outputs, elements=anywhere))
    def hold(logits: np.ndarray) -> None:
        host.write_memory(base, logits)
        assert runner.results() == pytest.approx(probabilities(logits, fraction), abs=HALF_A_THOUSANDTH)

    hold()


def test_pixels_are_folded_on_the_board_as_the_network_folds_them(start_host: Callable[[StubNetwork], Host]) -> None:
    layer = Layer("conv1", Operator.CONV, (INPUT,), np.ones((2, 12, 1, 1), np.int8), output_width=32)
    network = IntegerNetwork("folds", (12, 3, 5), (layer,), fold=2)
    groups = tuple(Group(0x50400000 + 0x8000 * g, 15, 1, (4 * g, 4 * g + 1, 4 * g + 2, 4 * g + 3)) for g in range(3))
    host = start_host(StubNetwork(channels=12, pixels=15, columns=5, fold=2, inputs=groups, sample=(0,) * 45))
    image = np.random.default_rng(1).integers(0, 256, (6, 10, 3), np.uint8)
    runner = Runner(host.answer)
    runner.load(image)
    runner.infer(1, 0)
    found = np.concatenate([host.read_memory(g.address, 15).view(np.int8).reshape(15, 4).T for g in groups])
    assert np.array_equal(found.reshape(12, 3, 5), network.device_input(image.transpose(2, 0, 1)[None])[0])


def test_the_buffer_is_printed_as_it_came(host: Host, start_host: Callable[[StubNetwork], Host]) -> None:
    runner = Runner(host.answer)
    runner.load(np.array([0, 1, 127, 128, 254, 255], np.uint8))
    assert runner.command("db print") == ["m-buffer-00-01-7f-80-fe-ff"]
    longer = Runner(start_host(StubNetwork(pixels=17, inputs=(Group(0x50400000, 17, 1, (0, -1, -1, -1)),))).answer)
    assert longer.command("db print") == []
    longer.load(np.arange(17, dtype=np.uint8))
    lines = ["00-01-02-03-04-05-06-07", "08-09-0a-0b-0c-0d-0e-0f", "10"]
    assert longer.command("db print") == [f"m-buffer-{line}" for line in lines]


def test_infer_without_numbers_is_once_after_ten(host: Host, runner: Runner) -> None:
    runner.load(np.zeros(6, np.uint8))
    lines = runner.command("infer")
    assert lines[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-1"]
    assert runner.command("infer 2")[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-2"]


def test_a_timestamp_tells_the_time_in_microseconds(host: Host, runner: Runner) -> None:
    (before,) = runner.command("timestamp")
    host.wait(2.5)
    (after,) = runner.command("timestamp")
    elapsed = int(after.removeprefix("m-lap-us-")) - int(before.removeprefix("m-lap-us-"))
    assert elapsed == pytest.approx(2.5e6, rel=1e-3)


def test_energy_mode_gives_edges_instead_of_laps_at_9600_baud(host: Host, runner: Runner) -> None:
    assert runner.command("mode energy") == []
    assert host.baud_rate == 9600
    runner.load(np.zeros(6, np.uint8))
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


def test_an_input_stays_until_the_next_is_whole(start_host: Callable[[StubNetwork], Host]) -> None:
    host = start_host(NETWORK)
    runner = Runner(host.answer)

    def inferred() -> list[int]:
        runner.infer(1, 0)
        result: list[int] = host.read_memory(0x50400000, 6).tolist()
        return result

    assert runner.command("infer 1 0") == ["e-[No input has been loaded]"]
    runner.load(np.full(6, 128 + 9, np.uint8))
    assert inferred() == inferred() == [9] * 6
    runner.command("db load 6")
    runner.command("db 8182838485")
    assert inferred() == [9] * 6
    assert runner.command("db 86ffff") == ["m-load-done"]
    assert inferred() == [1, 2, 3, 4, 5, 6]


def test_an_input_of_our_own_client_is_one_for_infer(host: Host, runner: Runner) -> None:
    host.answer(encode(Command.INFER, 1, bytes([1, 2, 3, 4, 5, 255])))
    runner.infer(1, 0)
    assert host.read_memory(0x50400000, 6).tolist() == [1, 2, 3, 4, 5, 255]


def test_a_hanging_accelerator_and_an_impatient_host_end_a_run(host: Host, runner: Runner) -> None:
    runner.load(np.zeros(6, np.uint8))
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
