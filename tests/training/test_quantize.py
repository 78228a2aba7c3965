"""Quantizing trained checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fer_edge import checkpoint, models
from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.faces import ferplus
from fer_edge.network import IntegerNetwork
from fer_edge.training.evaluate import evaluate
from fer_edge.training.quantize import quantize
from fer_edge.training.train import TrainResult
from tests.nets import deployable_net
from tests.present import present


def network(path: Path) -> IntegerNetwork:
    return checkpoint.integer_network(checkpoint.read(path))


@pytest.mark.parametrize("data", [True, False], ids=["scored", "without faces"])
def test_a_qat_checkpoint_becomes_the_network_of_its_training(
    data: bool, run: TrainResult, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "q.pth.tar"
    result = quantize(run.output_dir / "best.pth.tar", output, folder if data else None)
    assert network(output).content_hash == network(run.output_dir / "quantized.pth.tar").content_hash
    assert result.trained == "qat"
    if data:
        assert run.summary is not None
        assert (result.split, result.before, result.after) == ("test", run.summary["qat"], run.summary["integer"])
    else:
        assert (result.split, result.before, result.after) == (None, None, None)
    json.dumps(result.to_dict())
    assert str(output) in result.report()


def test_a_float_checkpoint_is_calibrated_and_stays_close(run: TrainResult, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.pth.tar"
    result = quantize(run.output_dir / "float.pth.tar", output, folder)
    assert run.summary is not None
    assert result.before == run.summary["float"]
    assert abs(present(result.after)["accuracy"] - present(result.before)["accuracy"]) < 0.1
    assert network(output).name == "fernet-nano"
    low, high = (100 * bound for bound in present(result.after)["accuracy_95"])
    assert f"(measured; 95 %: {low:.2f} % to {high:.2f} %, n = 42) on test; before " in result.report()


def test_classes_are_matched_by_name(run: TrainResult, folder: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("happy", "sad"):
            shutil.copytree(folder / split / name, tmp_path / "two" / split / name)
    output = tmp_path / "q.pth.tar"
    after = present(quantize(run.output_dir / "float.pth.tar", output, tmp_path / "two").after)
    scored = evaluate(output, tmp_path / "two")
    assert after == {name: scored[name] for name in after}


def test_a_float_checkpoint_that_learnt_from_votes_is_scored_by_votes(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "faces")
    names = [path.relative_to(tmp_path / "faces").as_posix() for path in (tmp_path / "faces").glob("*/*/*.png")]
    rows = "".join(f"{name},{row}\n" for row, name in enumerate(names))
    (tmp_path / "faces/rows.csv").write_text(f"path,row\n{rows}")
    votes = tmp_path / "votes.csv"
    contempt = ",".join("10" if name == "contempt" else "0" for name in [*ferplus.COLUMNS, *ferplus.NO_EMOTION])
    header = ",".join(["Usage", *ferplus.COLUMNS.values(), *ferplus.NO_EMOTION])
    votes.write_text("\n".join([header, *[f"Training,{contempt}"] * len(names)]))
    state = dict(models.build("fernet-nano", classes=ferplus.CLASSES).state_dict())
    path = save(tmp_path / "c.pth.tar", "fernet-nano", state, settings={"classes": list(ferplus.CLASSES)})
    after = present(quantize(path, tmp_path / "q.pth.tar", tmp_path / "faces", labels=votes).after)
    assert after["per_class"]["contempt"]["support"] == 42


def test_a_float_checkpoint_needs_faces(run: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--data"):
        quantize(run.output_dir / "float.pth.tar", tmp_path / "q.pth.tar")
    assert not (tmp_path / "q.pth.tar").exists()


def test_a_quantized_checkpoint_is_named_so(run: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="quantized already"):
        quantize(run.output_dir / "quantized.pth.tar", tmp_path / "q.pth.tar")


def test_the_checkpoint_itself_is_not_overwritten(run: TrainResult) -> None:
    path = run.output_dir / "best.pth.tar"
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="another --output"):
        quantize(path, path)
    assert path.read_bytes() == before


def save(path: Path, arch: str, state: dict[str, torch.Tensor], **extras: object) -> Path:
    torch.save({"epoch": 1, "arch": arch, "state_dict": state, "extras": extras}, path)
    return path


def test_checkpoints_of_the_vendors_trainer_have_no_settings_of_ours(tmp_path: Path) -> None:
    """Four bits are known from the checkpoint itself."""
    net = deployable_net("fernet-nano", "conv4=4")
    net.start_qat()
    path = save(tmp_path / "vendor.pth.tar", "fernet-nano", net.state_dict())
    quantize(path, tmp_path / "q.pth.tar")
    expected = net.integer_network()
    assert network(tmp_path / "q.pth.tar").content_hash == expected.content_hash
    assert expected.layers[3].weight_bits == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arch": "ai85net5"}, r"'ai85net5', which is none of fer-edge's.*--yaml"),
        ({"conv1.op.weight": torch.full((32, 4, 3, 3), np.nan)}, "conv1.op.weight has values that are not finite"),
        ({"conv1.op.weight": torch.zeros(3)}, "does not fit fernet-nano"),
        ({"conv99.op.weight": torch.zeros(3)}, "does not fit fernet-nano"),
        ({"weight_bits": "9"}, "--weight-bits 9"),
    ],
    ids=["another architecture", "NaN", "another size", "another layer", "settings"],
)
def test_what_cannot_be_quantized_is_refused_in_one_sentence(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    state = dict(models.build("fernet-nano").state_dict())
    state |= {key: value for key, value in change.items() if isinstance(value, torch.Tensor)}
    settings = {"weight_bits": change.get("weight_bits", "8")}
    path = save(tmp_path / "c.pth.tar", str(change.get("arch", "fernet-nano")), state, settings=settings)
    with pytest.raises(FerEdgeError, match=words):
        quantize(path, tmp_path / "q.pth.tar", "drawn", limit=14)
    assert not (tmp_path / "q.pth.tar").exists()
