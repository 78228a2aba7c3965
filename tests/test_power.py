"""The table of powers, held against the energies and times that the vendor published beside them.

All rows: energy µJ, time ms, active mW, inactive mW, as printed, of application note AN7417, at 100/50 MHz.
"""

from __future__ import annotations

import pytest

from fer_edge.power import ACTIVE, CAPTURE, CAPTURE_MS, INACTIVE, INPUT_LOAD, WEIGHT_LOAD, ModePower

FACEID = {
    "weights, active": (WEIGHT_LOAD, 158, 12.2, 20.01, 7.03),
    "weights, sleep": (WEIGHT_LOAD, 156, 12.2, 20.01, 7.22),
    "input, active": (INPUT_LOAD, 132, 12.1, 17.91, 7.03),
    "input, sleep": (INPUT_LOAD, 130, 12.1, 17.93, 7.22),
    "input and inference, active": (ACTIVE, 435, 14, 38.19, 7.03),
    "input and inference, sleep": (ACTIVE, 430, 14, 38.0, 7.22),
}
KWS20_INFERENCE = {"active": (140, 2.0, 37.45, 7.2), "sleep": (136, 2.0, 35.82, 7.02)}
FRAME = {"weights": (935, 37.5, 24.94, WEIGHT_LOAD), "three inferences": (1165, 42, 27.73, ACTIVE)}


@pytest.mark.parametrize("row", FACEID)
def test_our_powers_give_the_published_energies_of_faceid(row: str) -> None:
    mode, energy, time, _, _ = FACEID[row]
    assert (mode.mw - INACTIVE.mw) * time == pytest.approx(energy, rel=0.02)


@pytest.mark.parametrize("row", FACEID)
def test_the_rows_of_faceid_are_consistent_and_within_the_spread(row: str) -> None:
    mode, energy, time, active, inactive = FACEID[row]
    assert (active - inactive) * time == pytest.approx(energy, rel=0.005)
    assert mode.low_mw <= active <= mode.high_mw
    assert INACTIVE.low_mw <= inactive <= INACTIVE.high_mw


@pytest.mark.parametrize("row", KWS20_INFERENCE)
def test_nothing_rests_on_the_inference_rows_of_kws20_which_contradict_themselves(row: str) -> None:
    energy, time, active, inactive = KWS20_INFERENCE[row]
    assert energy > 2 * (active - inactive) * time
    assert active != ACTIVE.mw


@pytest.mark.parametrize("row", FRAME)
def test_the_whole_frame_of_the_demo_is_total_power_times_time(row: str) -> None:
    energy, time, power, mode = FRAME[row]
    assert power * time == pytest.approx(energy, rel=0.005)
    assert mode.low_mw <= power <= mode.high_mw


def test_the_capture_is_the_published_one() -> None:
    assert CAPTURE.mw * CAPTURE_MS == pytest.approx(1190, rel=0.005)


@pytest.mark.parametrize("mode", [INACTIVE, WEIGHT_LOAD, INPUT_LOAD, ACTIVE, CAPTURE], ids=str)
def test_a_power_lies_within_its_spread_and_names_its_source(mode: ModePower) -> None:
    assert mode.low_mw <= mode.mw <= mode.high_mw
    assert "FaceID" in mode.source
