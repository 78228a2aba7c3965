"""The codec: whatever the line does to the bytes, no wrong frame comes out, and a good one is found."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench.protocol import (
    MAX_PAYLOAD,
    MESSAGES,
    OVERHEAD,
    SYNC,
    Command,
    Decoder,
    Frame,
    Message,
    c_header,
    encode,
)

sync_rich = st.lists(st.sampled_from([b"\xf5", b"\xed", b"\0"]), max_size=30).map(b"".join)
frames = st.builds(
    Frame,
    command=st.integers(0, 255),
    sequence=st.integers(0, 255),
    payload=st.binary(max_size=80) | sync_rich,
)


def encoded(frame: Frame) -> bytes:
    return encode(frame.command, frame.sequence, frame.payload)


def in_chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 10_000), max_size=20))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(sent: list[Frame], cuts: list[int]) -> None:
    decoder = Decoder()
    received = [f for chunk in in_chunks(b"".join(map(encoded, sent)), cuts) for f in decoder.feed(chunk)]
    assert received == sent
    assert decoder.damaged == 0


@given(frames, st.data())
def test_a_damaged_frame_never_comes_out(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encoded(frame))
    # A CRC-32 finds every error burst of up to 32 bits.
    start = data.draw(st.integers(0, len(wire) - 1))
    burst = data.draw(st.binary(min_size=1, max_size=4).filter(any))
    for offset, flips in enumerate(burst[: len(wire) - start]):
        wire[start + offset] ^= flips
    if bytes(wire) == encoded(frame):
        return
    decoder = Decoder()
    assert frame not in decoder.feed(bytes(wire)) + decoder.flush()


@given(frames, st.integers(1, 10_000))
def test_a_truncated_frame_never_comes_out(frame: Frame, missing: int) -> None:
    wire = encoded(frame)
    decoder = Decoder()
    assert frame not in decoder.feed(wire[: -(missing % len(wire)) or -1]) + decoder.flush()


@given(st.binary(max_size=60), frames, st.lists(st.integers(0, 10_000), max_size=10))
def test_a_good_frame_behind_garbage_is_found(garbage: bytes, frame: Frame, cuts: list[int]) -> None:
    decoder = Decoder()
    received = [f for chunk in in_chunks(garbage + encoded(frame), cuts) for f in decoder.feed(chunk)]
    assert frame in received + decoder.flush()


@given(st.lists(frames, min_size=2, max_size=5), st.data())
def test_losing_bytes_of_one_frame_loses_no_other(sent: list[Frame], data: st.DataObject) -> None:
    victim = data.draw(st.integers(0, len(sent) - 1))
    wires = [encoded(f) for f in sent]
    keep = data.draw(st.integers(0, len(wires[victim]) - 1))
    wires[victim] = wires[victim][:keep]
    decoder = Decoder()
    received = decoder.feed(b"".join(wires)) + decoder.flush()
    others = sent[:victim] + sent[victim + 1 :]
    assert [f for f in received if f in others] == others


def test_a_false_start_that_promises_many_bytes_is_given_up_after_a_silence() -> None:
    reply = encode(Command.HELLO | 0x80, 7, b"hello")
    decoder = Decoder()
    assert decoder.feed(SYNC + b"\x01\x02\x00\x30" + reply) == []
    assert decoder.flush() == [Frame(Command.HELLO | 0x80, 7, b"hello")]
    assert decoder.damaged == 1


def test_a_length_over_the_limit_is_refused_at_once() -> None:
    reply = encode(1, 1)
    decoder = Decoder()
    assert decoder.feed(SYNC + b"\x01\x02\xff\xff" + reply) == [Frame(1, 1, b"")]


def test_no_frame_exceeds_the_limit() -> None:
    assert len(encode(2, 0, bytes(MAX_PAYLOAD))) == MAX_PAYLOAD + OVERHEAD
    with pytest.raises(ValueError, match="16385"):
        encode(2, 0, bytes(MAX_PAYLOAD + 1))


def test_the_c_header_holds_every_command() -> None:
    header = c_header()
    for command in Command:
        assert f"COMMAND_{command.name} = {command.value:#04x}," in header


def values_of(width: str) -> st.SearchStrategy[int | bytes]:
    if width.endswith("s"):
        size = int(width[:-1])
        return st.binary(min_size=size, max_size=size)
    bits = 8 * struct.calcsize("<" + width)
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if width.islower() else st.integers(0, (1 << bits) - 1)


@given(st.sampled_from([part for pair in MESSAGES.values() for part in pair if isinstance(part, Message)]), st.data())
def test_a_message_reads_back_as_it_was_written_whatever_follows(message: Message, data: st.DataObject) -> None:
    values = tuple(data.draw(values_of(width)) for _, width, _ in message.fields)
    payload = message.pack(*values)
    assert len(payload) == message.size
    read = message.unpack(payload + data.draw(st.binary(max_size=8)))
    assert read == values
    assert read._fields == tuple(name for name, _, _ in message.fields)


def test_every_command_has_its_messages() -> None:
    assert set(MESSAGES) == set(Command)
