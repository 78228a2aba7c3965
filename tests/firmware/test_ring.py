"""The ring between interrupt and program."""

from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.firmware_host import Host

SIZE = 32768


@given(st.lists(st.binary(max_size=3000) | st.integers(0, 4000), max_size=40))
def test_bytes_come_out_in_order_and_none_is_invented(host: Host, steps: list[bytes | int]) -> None:
    expected = host.ring_get(SIZE)[:0]  # what an earlier example left is taken out
    for step in steps:
        if isinstance(step, bytes):
            assert host.ring_put(step) == len(step)
            expected += step
        else:
            assert host.ring_get(step) == expected[:step]
            expected = expected[step:]
    assert host.ring_get(SIZE) == expected


def test_a_full_ring_refuses_and_keeps_what_it_has(host: Host) -> None:
    first = bytes(n % 251 for n in range(SIZE + 100))
    assert host.ring_put(first) == SIZE
    assert host.ring_put(b"x") == 0
    assert host.ring_get(10) == first[:10]
    assert host.ring_put(b"0123456789+") == 10
    assert host.ring_get(SIZE + 1) == first[10:SIZE] + b"0123456789"
