"""Virtual time while firmware waits."""

from __future__ import annotations

from fer_edge.board.clock import TICK_HZ, Clock


def test_a_flag_and_a_counter_read_in_turn_are_one_wait() -> None:
    clock = Clock()
    done: list[int] = []
    clock.schedule(lambda: done.append(clock.now), TICK_HZ)
    reads, longest = 0, 0
    while not done:
        before = clock.now
        clock.polled("flag", clock.deadline)
        clock.polled_counter("counter", True)
        reads += 1
        longest = max(longest, clock.now - before)
    assert done == [TICK_HZ]
    assert reads < 20_000  # of 25 million, did time not leap
    assert longest <= 2 * TICK_HZ // 10_000  # what count it waits for is not known


def test_another_register_begins_another_wait() -> None:
    clock = Clock()
    clock.schedule(lambda: None, 10 * TICK_HZ)
    for _ in range(1000):
        clock.polled("flag", clock.deadline)
    before = clock.now
    for _ in range(8):
        clock.polled("other", clock.deadline)
    assert clock.now - before <= 8 * 4 * clock.cycle
