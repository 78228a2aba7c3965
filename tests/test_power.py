"""The vendor's powers by mode, and what stands in where it has published none."""

from __future__ import annotations

import itertools

import pytest

from fer_edge.power import PHASES, waiting

REACHABLE = [
    *itertools.product(("busy", "sleep", "lpm"), ("on", "gated", "retained", "off"), (100, 60)),
    *itertools.product(("upm", "standby"), ("retained", "off"), (100, 60)),
]


@pytest.mark.parametrize(
    ("mode", "milliwatts"),
    [
        (("busy", "gated", 60), 4.41),
        (("sleep", "gated", 60), 2.1),
        (("lpm", "gated", 60), 1.56),
        (("lpm", "on", 60), 4.6),
        (("sleep", "on", 100), 7.22),
        (("upm", "retained", 60), 0.387),
        (("upm", "off", 60), 0.172),
        (("standby", "off", 60), 0.0015),
    ],
)
def test_what_was_measured_stands_as_measured(mode: tuple[str, str, int], milliwatts: float) -> None:
    power = waiting(*mode)
    assert (power.mw, power.kind) == (milliwatts, "estimated")
    assert "measured by the vendor" in power.words


@pytest.mark.parametrize("mode", REACHABLE)
def test_what_stands_in_says_so_and_lies_within_its_spread(mode: tuple[str, str, int]) -> None:
    power = waiting(*mode)
    assert 0 <= power.low_mw <= power.mw <= power.high_mw
    assert (power.kind == "assumed") == power.words.startswith("assumed")


@pytest.mark.parametrize(("wait", "mhz"), [*itertools.product(("busy", "sleep", "lpm"), (100, 60))])
def test_nothing_assumed_makes_gating_or_a_slower_clock_dearer(wait: str, mhz: int) -> None:
    assert waiting(wait, "gated", mhz).mw <= waiting(wait, "on", mhz).mw
    for rest in ("on", "gated"):
        assert waiting(wait, rest, 60).mw <= waiting(wait, rest, 100).mw
    for name, power in PHASES[60].items():
        assert power.mw < PHASES[100][name].mw


@pytest.mark.parametrize("rest", ["retained", "off"])
def test_deeper_is_never_dearer(rest: str) -> None:
    powers = [waiting(wait, rest, 60).mw for wait in ("busy", "sleep", "lpm", "upm", "standby")]
    assert powers == sorted(powers, reverse=True)
