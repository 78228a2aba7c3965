"""The synthesizer against an independent implementation's accelerator state, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fer_edge.load import load_described, load_for_synthesis, load_network
from fer_edge.synth.synthesize import synthesize

NAMES = (
    "fer_abs fer_add fer_add_mp fer_addmp2 fer_addpool fer_avground fer_bigfc fer_flat16 fer_flatmp fer_mixedq"
    " fer_narrow fer_out32_mp fer_out8_map fer_pads fer_q1 fer_q4 fer_res fer_rgb fer_tiny fer_vgg8 fer_vgg8_chw"
    " fer_wide".split()
)


@pytest.fixture(params=NAMES)
def reference(request: pytest.FixtureRequest, golden: Path) -> Path:
    folder: Path = golden / request.param
    if not (folder / "state.npz").exists():
        pytest.skip(f"no reference network {request.param}")
    return folder


def rounding(folder: Path) -> bool:
    return bool(json.loads((folder / "about.json").read_text())["avg_pool_rounding"])


def test_state_as_described_is_the_reference(reference: Path, tmp_path: Path) -> None:
    placed, sample = load_for_synthesis(
        reference / "net.pth.tar",
        description=reference / "net.yaml",
        sample_path=reference / "sample.npy",
        avg_pool_rounding=rounding(reference),
    )
    synthesize(placed, tmp_path, sample=sample)
    want, got = np.load(reference / "state.npz"), np.load(tmp_path / "state.npz")
    for key in want.files:
        if (
            key not in ("kernel", "bias", "kernel_used", "bias_used", "input_addr", "input_value")
            and key[:6] != "output"
        ):
            assert np.array_equal(want[key].astype(np.int64), got[key].astype(np.int64)), key
    for key, axis in (("kernel", (..., None)), ("bias", ...)):
        used = f"{key}_used"
        assert np.array_equal(want[key] * want[used][axis], got[key] * got[used][axis]), key
    have = dict(zip(got["input_addr"].tolist(), got["input_value"].tolist(), strict=True))
    for address, value in zip(want["input_addr"].tolist(), want["input_value"].tolist(), strict=True):
        assert have[address] == value, hex(address)
    have = dict(zip(got["output_addr"].tolist(), got["output_value"].tolist(), strict=True))
    rows = (want[f"output_{part}"].tolist() for part in ("addr", "mask", "value"))
    for address, mask, value in zip(*rows, strict=True):
        assert (have[address] ^ value) & mask == 0, hex(address)


def test_our_own_placement_gives_the_same_outputs_and_no_more_cycles(reference: Path, tmp_path: Path) -> None:
    sample = np.load(reference / "sample.npy").astype(np.int8)
    described, _ = load_described(
        reference / "net.pth.tar", reference / "net.yaml", sample=sample, avg_pool_rounding=rounding(reference)
    )
    synthesize(described, tmp_path, sample=sample)
    want, got = np.load(reference / "state.npz"), np.load(tmp_path / "state.npz")
    for key in want.files:
        if key.startswith("layer") or key == "logits":
            assert np.array_equal(want[key], got[key]), key
    assert got["cycles"].sum() <= want["cycles"].sum()
    assert load_network(tmp_path).content_hash == described.content_hash
    assert load_network(tmp_path / "model.pth.tar").content_hash == described.content_hash


PROCESSORS, OFFSETS = {"processors", "output_processors", "output_map"}, {"in_offset", "out_offset", "write_gap"}


@pytest.mark.parametrize("left_out", [PROCESSORS | OFFSETS, OFFSETS], ids=["everything", "offsets"])
def test_what_a_description_leaves_out_is_placed(reference: Path, tmp_path: Path, left_out: set[str]) -> None:
    lines = (reference / "net.yaml").read_text().splitlines()
    kept = [line for line in lines if line.strip().removeprefix("- ").split(":")[0] not in left_out]
    assert len(kept) < len(lines)
    (tmp_path / "net.yaml").write_text("\n".join(kept))
    placed, sample = load_for_synthesis(
        reference / "net.pth.tar",
        description=tmp_path / "net.yaml",
        sample_path=reference / "sample.npy",
        avg_pool_rounding=rounding(reference),
    )
    synthesize(placed, tmp_path / "out", sample=sample)
    want, got = np.load(reference / "state.npz"), np.load(tmp_path / "out" / "state.npz")
    for key in want.files:
        if key.startswith("layer") or key == "logits":
            assert np.array_equal(want[key], got[key]), key
    assert got["cycles"].sum() <= want["cycles"].sum()
