"""frame.c against the Python codec: both must see the same frames in the same bytes, in both directions."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench.protocol import MAX_PAYLOAD, OVERHEAD, SYNC, Command, Decoder, Frame, encode
from tests.firmware.firmware_host import Host, Status

frames = st.builds(
    Frame,
    command=st.integers(0, 255),
    sequence=st.integers(0, 255),
    payload=st.binary(max_size=80) | st.lists(st.sampled_from([b"\xf5", b"\xed", b"\0"]), max_size=30).map(b"".join),
)


def encoded(frame: Frame) -> bytes:
    return encode(frame.command, frame.sequence, frame.payload)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Frames whole, cut short, with bytes flipped, twice, inside another frame, or with garbage around them."""
    wire = b""
    for frame in draw(st.lists(frames, max_size=5)):
        piece = bytearray(encoded(frame))
        match draw(st.sampled_from(["whole", "cut", "flipped", "twice", "inside", "garbage"])):
            case "cut":
                del piece[draw(st.integers(0, len(piece) - 1)) :]
            case "flipped":
                piece[draw(st.integers(0, len(piece) - 1))] ^= draw(st.integers(1, 255))
            case "twice":
                piece *= 2
            case "inside":
                at = draw(st.integers(0, len(piece)))
                piece[at:at] = encoded(draw(frames))
            case "garbage":
                piece[:0] = draw(st.binary(max_size=40) | st.sampled_from([SYNC, SYNC[:1], SYNC + b"\x01\x02\x20"]))
        wire += piece
    return wire


def in_chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def complete(events: list[tuple[Status, Frame]]) -> list[Frame]:
    return [frame for status, frame in events if status == Status.COMPLETE]


@given(streams(), st.lists(st.integers(0, 10_000), max_size=20))
def test_firmware_and_host_find_the_same_frames_in_any_stream(host: Host, wire: bytes, cuts: list[int]) -> None:
    host.reset_decoder()
    decoder = Decoder()
    events = []
    for chunk in in_chunks(wire, cuts):
        found = host.decode(chunk)
        assert complete(found) == decoder.feed(chunk)
        events += found
    assert len(events) - len(complete(events)) == decoder.damaged
    assert complete(host.decode_silence()) == decoder.flush()


@given(streams(), frames)
def test_after_a_silence_any_frame_is_received(host: Host, wire: bytes, frame: Frame) -> None:
    host.reset_decoder()
    host.decode(wire)
    host.decode_silence()
    assert host.decode(encoded(frame)) == [(Status.COMPLETE, frame)]


@given(frames)
def test_a_frame_sealed_by_the_firmware_is_the_frame_python_encodes(host: Host, frame: Frame) -> None:
    assert host.encode(frame.command, frame.sequence, frame.payload) == encoded(frame)


@pytest.mark.parametrize("size", [0, 1, MAX_PAYLOAD - 1, MAX_PAYLOAD])
def test_frames_of_every_size_pass_both_ways(host: Host, size: int) -> None:
    frame = Frame(2, 9, bytes(i * 7 & 0xFF for i in range(size)))
    host.reset_decoder()
    # Twice in a row: the second one starts at the end of the buffer.
    assert host.decode(encoded(frame) * 2) == [(Status.COMPLETE, frame)] * 2
    assert Decoder().feed(host.encode(2, 9, frame.payload)) == [frame]


def test_a_length_over_the_limit_is_reported_at_once_and_costs_no_other_frame(host: Host) -> None:
    host.reset_decoder()
    oversized = SYNC + b"\x02\x07" + (MAX_PAYLOAD + 1).to_bytes(2, "little")
    assert host.decode(oversized + encode(1, 1)) == [
        (Status.TOO_LONG, Frame(2, 7, b"")),
        (Status.COMPLETE, Frame(1, 1, b"")),
    ]


def test_a_frame_cut_short_is_given_up_by_a_silence_and_the_one_behind_it_is_found(host: Host) -> None:
    host.reset_decoder()
    cut = encode(Command.INFER, 3, bytes(2304))[:1000]
    assert host.decode(cut + encode(Command.HELLO, 4)) == []
    assert host.decode_silence() == [
        (Status.DAMAGED, Frame(Command.INFER, 3, b"")),
        (Status.COMPLETE, Frame(Command.HELLO, 4, b"")),
    ]
    assert host.decode_silence() == []


def test_a_stream_of_frame_starts_alone_never_fills_the_decoder(host: Host) -> None:
    host.reset_decoder()
    promise = SYNC + b"\x02\x00" + MAX_PAYLOAD.to_bytes(2, "little")
    damaged = 0
    for _ in range(40):
        damaged += sum(status == Status.DAMAGED for status, _ in host.decode(promise * 100))
    # All but those that still wait for the bytes they promise.
    assert damaged >= 4000 - (MAX_PAYLOAD + OVERHEAD) // len(promise) - 1


@given(frames, st.data())
def test_the_decoder_never_waits_for_bytes_that_a_frame_does_not_have(
    host: Host, frame: Frame, data: st.DataObject
) -> None:
    host.reset_decoder()
    wire, done = encoded(frame), 0
    while done < len(wire):
        assert 1 <= host.missing() <= len(wire) - done
        step = data.draw(st.integers(1, host.missing()))
        events = host.decode(wire[done : done + step])
        done += step
        assert bool(complete(events)) == (done == len(wire))
    assert host.missing() == 1
