"""commands.c and inference.c on the host: replies as Python reads them, input and outputs where they belong."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_edge.bench.protocol import (
    BAUD_RATE,
    BAUD_REPLY,
    BAUD_REQUEST,
    BAUD_TRIAL,
    DEEP,
    DUTY_CYCLE_REPLY,
    DUTY_CYCLE_REQUEST,
    DUTY_CYCLE_SECONDS,
    ERROR,
    ERROR_REPLY,
    HELLO_REPLY,
    INFER_REPLY,
    MAX_PAYLOAD,
    PROBE_REQUEST,
    PROBE_WORDS,
    PROTOCOL_VERSION,
    REPEAT_REPLY,
    REPEAT_REQUEST,
    REPLY,
    SELFTEST_REPLY,
    SYNC,
    WINDOW_REPLY,
    WINDOW_REQUEST,
    Activity,
    ClockSetting,
    Command,
    Decoder,
    ErrorCode,
    Frame,
    ResetCause,
    Rest,
    Sensor,
    Wait,
    WindowFlag,
    encode,
)
from fer_edge.registers import IPO_HZ, PM_LPM, PM_STANDBY, PM_UPM
from tests.firmware.firmware_host import Host
from tests.firmware.stub_network import Group, StubNetwork

NETWORK = StubNetwork()
NO_FLAG = WindowFlag(0)
Start = Callable[[StubNetwork], Host]


def ask(host: Host, command: int, payload: bytes = b"", sequence: int = 5) -> bytes:
    """The payload of the one reply, which must name command and sequence."""
    (reply,) = Decoder().feed(host.answer(encode(command, sequence, payload)))
    assert (reply.command, reply.sequence) == (command | REPLY, sequence)
    return reply.payload


def refusal(sent: bytes) -> tuple[int, int, ErrorCode]:
    """(sequence, command, error) of the one reply, an error."""
    (reply,) = Decoder().feed(sent)
    assert reply.command == ERROR
    command, error = ERROR_REPLY.unpack(reply.payload)
    return reply.sequence, command, ErrorCode(error)


@pytest.fixture(autouse=True)
def _fresh(host: Host) -> None:
    host.reset_decoder()
    host.set_hanging(False)
    host.set_line_busy(False)


def test_hello_names_versions_network_and_sizes(host: Host) -> None:
    reply = ask(host, Command.HELLO)
    version, *firmware, network_hash, size, outputs, shift = HELLO_REPLY.unpack(reply)[:8]
    assert (version, network_hash, size, outputs, shift) == (PROTOCOL_VERSION, NETWORK.hash, 6, 3, 0)
    assert len(firmware) == 3
    assert HELLO_REPLY.unpack(reply)[8:] == (Sensor.NONE, 1, 1234, ResetCause.FAULT, 1, 2, 3, 4, 5)
    assert reply[HELLO_REPLY.size :] == b"stub\nyes\nno"


@given(hnp.arrays(np.int32, 3))
def test_infer_returns_the_logits_the_first_of_the_highest_and_the_time(host: Host, logits: np.ndarray) -> None:
    host.write_memory(NETWORK.outputs[0], logits)
    reply = ask(host, Command.INFER, bytes(6))
    cycles, microseconds, predicted = INFER_REPLY.unpack(reply)
    assert np.frombuffer(reply, "<i4", offset=INFER_REPLY.size).tolist() == logits.tolist()
    assert predicted == logits.argmax()
    assert (cycles, microseconds) == (1000, 20)


def test_8_bit_outputs_are_read_from_their_byte_lanes_with_their_sign(start_host: Start) -> None:
    host = start_host(StubNetwork(width=8, shift=0, outputs=(0x50404003, 0x50404000, 0x50C08006)))
    host.write_memory(0x50404000, np.array([0x80AABB7F]))
    host.write_memory(0x50C08004, np.array([0x00FF0000]))
    reply = ask(host, Command.INFER, bytes(6))
    assert np.frombuffer(reply, "<i4", offset=INFER_REPLY.size).tolist() == [-128, 127, -1]
    assert INFER_REPLY.unpack(reply)[2] == 1


def scattered(network: StubNetwork, image: np.ndarray) -> dict[int, int]:
    """Address → word, straight from the definition of network_input[]."""
    words = {}
    flat = image.reshape(network.channels, network.pixels).view(np.uint8).astype(int)
    for group in network.inputs:
        for i in range(group.words):
            if network.chw:
                pixels = [flat[group.channels[0], n] if n < network.pixels else 0 for n in range(4 * i, 4 * i + 4)]
            else:
                pixels = [flat[c, i] if c >= 0 else 0 for c in group.channels]
            words[group.address + 4 * i * group.stride] = sum(int(p) << 8 * lane for lane, p in enumerate(pixels))
    return words


LAYOUTS = {
    "one channel": NETWORK,
    "five channels in two memories": StubNetwork(
        channels=5,
        inputs=(Group(0x50400100, 6, 1, (0, 1, 2, 3)), Group(0x50408100, 6, 1, (-1, 4, -1, -1))),
        sample=tuple(range(12)),
    ),
    "two passes, interleaved": StubNetwork(
        channels=4,
        inputs=(Group(0x50800000, 6, 2, (0, -1, 2, -1)), Group(0x50800004, 6, 2, (1, -1, 3, -1))),
        sample=tuple(range(12)),
    ),
    "channel by channel, last word partly filled": StubNetwork(
        channels=2,
        chw=True,
        inputs=(Group(0x50400000, 2, 1, (0, -1, -1, -1)), Group(0x51018000, 2, 1, (1, -1, -1, -1))),
        sample=(1, 2, 3, 4),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_infer_writes_every_input_word_whatever_the_memory_held(start_host: Start, layout: str) -> None:
    network = LAYOUTS[layout]
    host = start_host(network)
    rng = np.random.default_rng(1)
    image = rng.integers(-128, 128, network.input_size, dtype=np.int8)
    expected = scattered(network, image)
    span = sorted(expected)
    for address in span:
        host.write_memory(address, np.array([0xDEADBEEF]))
    host.write_memory(span[-1] + 4, np.array([0x12345678]))
    ask(host, Command.INFER, image.tobytes())
    assert {address: int(host.read_memory(address, 1)[0]) for address in span} == expected
    assert host.read_memory(span[-1] + 4, 1)[0] == 0x12345678


@pytest.mark.parametrize("layout", LAYOUTS)
def test_selftest_puts_the_sample_where_images_go(start_host: Start, layout: str) -> None:
    network = LAYOUTS[layout]
    host = start_host(network)
    ask(host, Command.SELFTEST)
    addresses = [g.address + 4 * i * g.stride for g in network.inputs for i in range(g.words)]
    assert [int(host.read_memory(address, 1)[0]) for address in addresses] == list(network.sample)


def test_selftest_passes_on_the_expected_outputs_and_names_the_first_word_that_differs(host: Host) -> None:
    host.write_memory(0x50404000, np.array([7, 8, 9]))
    assert SELFTEST_REPLY.unpack(ask(host, Command.SELFTEST)) == (0, 0, 0, 0, 1000)
    host.write_memory(0x50404000, np.array([7, 88, 99]))
    assert SELFTEST_REPLY.unpack(ask(host, Command.SELFTEST)) == (2, 0x50404004, 8, 88, 1000)


def test_selftest_ignores_bits_outside_the_mask(start_host: Start) -> None:
    host = start_host(StubNetwork(expected=((0x50404000, 0xFF, (7,)), (0x50408000, 0xFF0000, (0x50000,)))))
    host.write_memory(0x50404000, np.array([0xABCDEF07]))
    host.write_memory(0x50408000, np.array([0xFF05FFFF]))
    assert SELFTEST_REPLY.unpack(ask(host, Command.SELFTEST))[0] == 0


def test_repeat_infers_the_last_image_and_counts(start_host: Start) -> None:
    host = start_host(NETWORK)
    assert refusal(host.answer(encode(Command.REPEAT, 1, REPEAT_REQUEST.pack(3)))) == (
        1, Command.REPEAT, ErrorCode.NO_INPUT,
    )  # fmt: skip
    ask(host, Command.INFER, bytes([1, 2, 3, 4, 5, 6]))
    host.write_memory(0x50400000, np.zeros(6))
    assert REPEAT_REPLY.unpack(ask(host, Command.REPEAT, REPEAT_REQUEST.pack(3))) == (3, 60)
    assert host.read_memory(0x50400000, 6).tolist() == [1, 2, 3, 4, 5, 6]


def test_repeat_ends_early_when_a_byte_arrives(host: Host) -> None:
    ask(host, Command.INFER, bytes(6))
    host.set_line_busy(True)
    assert REPEAT_REPLY.unpack(ask(host, Command.REPEAT, REPEAT_REQUEST.pack(2**32 - 1))) == (0, 0)


def window(host: Host, activity: Activity, count: int, flags: WindowFlag = NO_FLAG) -> tuple[int, ...]:
    """The fields of the reply."""
    result: tuple[int, ...] = WINDOW_REPLY.unpack(
        ask(host, Command.WINDOW, WINDOW_REQUEST.pack(activity, count, flags))
    )
    return result


def test_an_idle_window_lasts_as_many_milliseconds_as_asked(host: Host) -> None:
    activity, done, microseconds, *sensor = window(host, Activity.IDLE, 3000)
    assert (activity, done) == (Activity.IDLE, 3000)
    assert microseconds == pytest.approx(3_000_000, rel=1e-3)
    assert not any(sensor)


@pytest.mark.parametrize("activity", [Activity.LOAD_WEIGHTS, Activity.LOAD_INPUT, Activity.INFER])
def test_a_window_repeats_its_activity(start_host: Start, activity: Activity) -> None:
    host = start_host(NETWORK)
    ask(host, Command.INFER, bytes([9, 8, 7, 6, 5, 4]))
    host.write_memory(0x50400000, np.zeros(6))
    before = host.weight_loads
    found, done, microseconds, *_ = window(host, activity, 100)
    assert (found, done) == (activity, 100)
    assert host.weight_loads - before == (100 if activity == Activity.LOAD_WEIGHTS else 0)
    loaded = [0] * 6 if activity == Activity.LOAD_WEIGHTS else [9, 8, 7, 6, 5, 4]
    assert host.read_memory(0x50400000, 6).tolist() == loaded
    if activity == Activity.INFER:
        assert microseconds == pytest.approx(100 * 20, rel=0.05)


def test_a_window_without_an_image_takes_the_sample(start_host: Start) -> None:
    host = start_host(NETWORK)
    window(host, Activity.LOAD_INPUT, 1)
    assert host.read_memory(0x50400000, 6).tolist() == [1, 2, 3, 4, 5, 6]


def test_a_byte_from_the_host_ends_a_window(host: Host) -> None:
    host.set_line_busy(True)
    for activity in Activity:
        assert window(host, activity, 2**32 - 1)[1] == 0


def test_a_window_sums_up_what_the_sensor_reads(start_host: Start) -> None:
    host = start_host(NETWORK)
    flags = WindowFlag.SENSOR
    assert window(host, Activity.IDLE, 1000, flags)[3:] == (Sensor.NONE, 0, 0, 0, 0, 0, 0)
    host.set_sensor_register(0, 0x4127)
    host.set_sensor_register(0xFE, 0x5449)
    host.set_sensor_register(1, 400)  # 1 mV: 10 mA
    host.set_sensor_register(2, 4000)  # 5 V
    fields = window(host, Activity.IDLE, 1000, flags)
    _, done, microseconds, sensor, samples, microvolts, microamperes, nanojoules, configuration, shunt = fields
    assert (done, sensor, microvolts, microamperes, shunt) == (1000, Sensor.INA226, 5_000_000, 10_000, 100_000)
    assert nanojoules == pytest.approx(50e-3 * 1e9 * microseconds / 1e6, rel=1e-3)
    assert samples in (28, 29, 30)  # of 35.2 ms, and what remained
    assert configuration == 0x4527
    assert HELLO_REPLY.unpack(ask(host, Command.HELLO))[8] == Sensor.INA226
    host.set_sensor_register(1, 0x10000 - 400)
    assert window(host, Activity.IDLE, 100, flags)[6] == -10_000
    host.remove_sensor()
    assert window(host, Activity.IDLE, 100, flags)[3:] == (Sensor.NONE, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("request_", [(4, 1, 0), (0, 1, 8)])
def test_an_unknown_window_is_refused(host: Host, request_: tuple[int, int, int]) -> None:
    sent = host.answer(encode(Command.WINDOW, 6, WINDOW_REQUEST.pack(*request_)))
    assert refusal(sent) == (6, Command.WINDOW, ErrorCode.BAD_VALUE)


def test_a_probe_runs_the_first_layers_only_and_reads_words(host: Host) -> None:
    ask(host, Command.INFER, bytes([1, 2, 3, 4, 5, 6]))
    host.write_memory(0x50408000, np.array([7, 0xFFFFFFFF, 9]))
    host.write_memory(0x50400000, np.zeros(6))
    reply = ask(host, Command.PROBE, PROBE_REQUEST.pack(1, 0x50408000, 3))
    assert np.frombuffer(reply, "<u4").tolist() == [7, 0xFFFFFFFF, 9]
    assert host.read_memory(0x50400000, 6).tolist() == [1, 2, 3, 4, 5, 6]  # the input is there again
    assert host.last_layers == (1, 3)
    ask(host, Command.INFER, bytes(6))
    assert host.last_layers == (3, 3)


@pytest.mark.parametrize(
    "request_",
    [(4, 0x50400000, 1), (0, 0x50400002, 1), (0, 0x20000000, 1), (0, 0x50400000, PROBE_WORDS + 1)],
)
def test_a_probe_beyond_layers_or_data_memory_is_refused(host: Host, request_: tuple[int, int, int]) -> None:
    ask(host, Command.INFER, bytes(6))
    sent = host.answer(encode(Command.PROBE, 6, PROBE_REQUEST.pack(*request_)))
    assert refusal(sent) == (6, Command.PROBE, ErrorCode.BAD_VALUE)


def test_a_probe_needs_an_image(start_host: Start) -> None:
    sent = start_host(NETWORK).answer(encode(Command.PROBE, 6, PROBE_REQUEST.pack(0, 0x50400000, 1)))
    assert refusal(sent) == (6, Command.PROBE, ErrorCode.NO_INPUT)


@pytest.mark.parametrize(("wanted", "given"), [(921600, 921600), (230400, 230400), (9600, 9600), (250000, 254234)])
def test_baud_tells_the_rate_it_can_do_and_uses_it(host: Host, wanted: int, given: int) -> None:
    assert BAUD_REPLY.unpack(ask(host, Command.BAUD, BAUD_REQUEST.pack(wanted))) == (given,)
    assert host.baud_rate == given
    ask(host, Command.BAUD, BAUD_REQUEST.pack(BAUD_RATE))


@pytest.mark.parametrize("wanted", [0, 1_000_001, 2**32 - 1, 800_000])
def test_a_rate_out_of_reach_is_refused(host: Host, wanted: int) -> None:
    sent = host.answer(encode(Command.BAUD, 4, BAUD_REQUEST.pack(wanted)))
    assert refusal(sent) == (4, Command.BAUD, ErrorCode.BAD_VALUE)
    assert host.baud_rate == BAUD_RATE


def test_a_raised_rate_at_which_no_frame_comes_is_given_up(host: Host) -> None:
    ask(host, Command.BAUD, BAUD_REQUEST.pack(921600))
    host.wait(0.9 * BAUD_TRIAL)
    assert host.baud_rate == 921600
    host.answer(b"\x00\xff")
    host.wait(0.2 * BAUD_TRIAL)
    assert host.baud_rate == BAUD_RATE


def test_a_rate_that_holds_is_kept_through_silence_until_another_host_speaks_at_the_old_one(host: Host) -> None:
    ask(host, Command.BAUD, BAUD_REQUEST.pack(921600))
    ask(host, Command.HELLO)
    host.wait(60 * BAUD_TRIAL)
    ask(host, Command.HELLO)
    assert host.baud_rate == 921600
    host.answer(b"\x80\x08\xf8")  # what a HELLO at 115,200 baud looks like at 921,600
    host.wait(1.1 * BAUD_TRIAL)
    assert host.baud_rate == BAUD_RATE


@pytest.mark.parametrize(
    ("command", "payload", "error"),
    [
        (Command.BAUD, bytes(3), ErrorCode.BAD_LENGTH),
        (Command.WINDOW, bytes(5), ErrorCode.BAD_LENGTH),
        (Command.PROBE, bytes(6), ErrorCode.BAD_LENGTH),
        (0x7F, b"", ErrorCode.UNKNOWN_COMMAND),
        (0x00, b"", ErrorCode.UNKNOWN_COMMAND),
        (Command.HELLO, b"x", ErrorCode.BAD_LENGTH),
        (Command.INFER, bytes(5), ErrorCode.BAD_LENGTH),
        (Command.INFER, bytes(7), ErrorCode.BAD_LENGTH),
        (Command.INFER, bytes(MAX_PAYLOAD), ErrorCode.BAD_LENGTH),
        (Command.REPEAT, bytes(3), ErrorCode.BAD_LENGTH),
        (Command.SELFTEST, b"x", ErrorCode.BAD_LENGTH),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(host: Host, command: int, payload: bytes, error: ErrorCode) -> None:
    assert refusal(host.answer(encode(command, 77, payload))) == (77, command, error)


def test_a_damaged_frame_is_reported_and_the_next_one_answered(host: Host) -> None:
    damaged = bytearray(encode(Command.INFER, 8, bytes(6)))
    damaged[9] ^= 1
    error, hello = Decoder().feed(host.answer(bytes(damaged) + encode(Command.HELLO, 9)))
    assert error == Frame(ERROR, 8, ERROR_REPLY.pack(Command.INFER, ErrorCode.BAD_CRC))
    assert (hello.command, hello.sequence) == (Command.HELLO | REPLY, 9)


def test_a_frame_cut_short_is_reported_once_the_line_is_silent(host: Host) -> None:
    assert host.answer(encode(Command.INFER, 8, bytes(6))[:-1]) == b""
    assert refusal(host.answer_silence()) == (8, Command.INFER, ErrorCode.BAD_CRC)
    assert host.answer_silence() == b""


def test_a_frame_too_long_is_refused(host: Host) -> None:
    sent = host.answer(SYNC + bytes([Command.INFER, 8, 0xFF, 0xFF]) + bytes(4))
    assert refusal(sent) == (8, Command.INFER, ErrorCode.BAD_LENGTH)


@given(st.integers(0x80, 0xFF), st.binary(max_size=20))
def test_replies_are_never_answered(host: Host, command: int, payload: bytes) -> None:
    host.reset_decoder()
    assert host.answer(encode(command, 1, payload)) == b""


@given(st.binary(max_size=300))
def test_garbage_does_no_harm(host: Host, garbage: bytes) -> None:
    host.reset_decoder()
    host.answer(garbage)
    host.answer_silence()
    assert ask(host, Command.HELLO).endswith(b"stub\nyes\nno")


@pytest.mark.parametrize("clock", ClockSetting)
@pytest.mark.parametrize(("wait", "rest"), [(w, r) for w in Wait for r in Rest if w not in DEEP or r >= Rest.RETAINED])
def test_a_duty_cycle_keeps_its_rate_in_every_mode(host: Host, wait: Wait, rest: Rest, clock: ClockSetting) -> None:
    host.write_memory(NETWORK.outputs[0], np.zeros(3))
    ask(host, Command.INFER, bytes(6))
    loads = host.weight_loads
    period = 2000 if wait == Wait.BUSY else 2_500_000  # looking at a timer takes its time here, too
    request = DUTY_CYCLE_REQUEST.pack(period, 4, wait, rest, clock)
    reply = DUTY_CYCLE_REPLY.unpack(ask(host, Command.DUTY_CYCLE, request))
    assert (reply.frames, reply.late, reply.differing) == (4, 0, 0)
    assert reply.logits_crc == zlib.crc32(bytes(4 * 3)), "three outputs, all zero"
    assert reply.microseconds == pytest.approx(4 * period, rel=1e-3)
    assert reply.wake_us + reply.load_us + reply.infer_us + reply.read_us < 1000
    assert host.weight_loads - loads == (5 if rest == Rest.OFF else 0), "each frame, and when it is over"
    mode = {Wait.LPM: PM_LPM, Wait.UPM: PM_UPM, Wait.STANDBY: PM_STANDBY}.get(wait, 0)
    assert host.power_state == (mode, IPO_HZ, False), "afterwards it listens, at the clock it knows"
    ask(host, Command.INFER, bytes(6))


def test_frames_that_take_longer_than_their_period_are_told(host: Host) -> None:
    request = DUTY_CYCLE_REQUEST.pack(10, 5, Wait.SLEEP, Rest.ON, ClockSetting.IPO)
    reply = DUTY_CYCLE_REPLY.unpack(ask(host, Command.DUTY_CYCLE, request))
    assert (reply.frames, reply.late) == (5, 5)
    assert reply.microseconds > 5 * 10


@pytest.mark.parametrize(
    "request_",
    [
        (0, 1, 0, 0, 0),
        (1, 0, 0, 0, 0),
        (1_000_000, DUTY_CYCLE_SECONDS + 1, 0, 0, 0),
        (1, 1, 5, 0, 0),
        (1, 1, 0, 4, 0),
        (1, 1, 0, 0, 2),
        (1, 1, Wait.UPM, Rest.ON, 0),
        (1, 1, Wait.STANDBY, Rest.GATED, 0),
    ],
)
def test_a_duty_cycle_that_cannot_be_is_refused(host: Host, request_: tuple[int, ...]) -> None:
    sent = host.answer(encode(Command.DUTY_CYCLE, 6, DUTY_CYCLE_REQUEST.pack(*request_)))
    assert refusal(sent) == (6, Command.DUTY_CYCLE, ErrorCode.BAD_VALUE)


@pytest.mark.parametrize(("wait", "refused"), [(w, w >= Wait.LPM) for w in Wait])
def test_nothing_sleeps_deeply_without_the_oscillator_that_would_wake_it(host: Host, wait: Wait, refused: bool) -> None:
    host.stop_oscillator(True)
    sent = host.answer(encode(Command.DUTY_CYCLE, 6, DUTY_CYCLE_REQUEST.pack(1000, 1, wait, Rest.RETAINED, 0)))
    host.stop_oscillator(False)
    (reply,) = Decoder().feed(sent)
    assert reply.command == (ERROR if refused else Command.DUTY_CYCLE | REPLY)
    if refused:
        assert refusal(sent) == (6, Command.DUTY_CYCLE, ErrorCode.NO_OSCILLATOR)


@pytest.mark.parametrize("command", [Command.INFER, Command.SELFTEST, Command.REPEAT, Command.WINDOW, Command.PROBE])
def test_an_accelerator_that_hangs_is_reported_and_set_up_again(host: Host, command: Command) -> None:
    ask(host, Command.INFER, bytes(6))
    payload = {
        Command.INFER: bytes(6),
        Command.SELFTEST: b"",
        Command.REPEAT: REPEAT_REQUEST.pack(2),
        Command.WINDOW: WINDOW_REQUEST.pack(Activity.INFER, 2, 0),
        Command.PROBE: PROBE_REQUEST.pack(1, 0x50400000, 1),
    }[command]
    host.set_hanging(True)
    assert refusal(host.answer(encode(command, 3, payload))) == (3, command, ErrorCode.CNN_TIMEOUT)
    host.set_hanging(False)
    ask(host, Command.INFER, bytes(6))
