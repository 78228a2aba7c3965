"""A run: what it writes, that it can be stopped at any moment, what it refuses."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from fer_edge import faces, models
from fer_edge.errors import CheckpointError, DataError, FerEdgeError, NetworkError, ToolError
from fer_edge.load import load_network
from fer_edge.metrics import score, simulate_faces
from fer_edge.models import deployable
from fer_edge.models.mirror import with_mirror
from fer_edge.training import loop, request, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.evaluate import evaluate, load_model
from fer_edge.training.schedule import learning_rate
from fer_edge.training.train import TrainResult, load_saved, run_training
from tests.present import present


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> TrainConfig:
    """The settings of `run`, in a folder of its own."""
    return TrainConfig("fernet-nano", folder, tmp_path / "run", epochs=3, qat_epochs=1, batch_size=16, threads=1)


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out scores and plots, which weights do not depend on."""
    monkeypatch.setattr(train, "_finish", lambda *_: {})


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor a run's end depends on."""
    saved = load_saved(folder / "last.pth.tar")
    momenta = saved["resume"]["optimizer"]["state"]
    return {
        **saved["state_dict"],
        **{f"model.{key}": value for key, value in saved["resume"]["model"].items()},
        **{f"momentum.{key}": value["momentum_buffer"] for key, value in momenta.items()},
    }


def assert_same_weights(one: Path, other: Path) -> None:
    ours, theirs = tensors(one), tensors(other)
    assert ours.keys() == theirs.keys()
    assert not [key for key in ours if not torch.equal(ours[key], theirs[key])]


def test_a_run_writes_what_it_promises(run: TrainResult) -> None:
    assert run.finished
    assert {path.name for path in run.output_dir.iterdir()} == {
        "best.pth.tar",
        "confusion.png",
        "curves.png",
        "float.pth.tar",
        "history.json",
        "last.pth.tar",
        "predictions.png",
        "quantized.pth.tar",
    }
    history = json.loads((run.output_dir / "history.json").read_text())
    assert [row["phase"] for row in history["epochs"]] == ["float", "float", "qat"]
    assert history["result"] == run.summary
    assert run.summary is not None
    assert run.summary["split"] == "test"
    assert run.summary["integer"]["n"] == 42


def test_the_quantized_network_is_the_trained_one(run: TrainResult) -> None:
    assert run.summary is not None
    assert run.summary["qat_unequal_integer"] == 0
    assert run.summary["qat"] == run.summary["integer"]
    network = load_network(run.output_dir / "quantized.pth.tar")
    assert network.name == "fernet-nano"
    assert any(layer.weight is not None and layer.weight.any() for layer in network.layers)


@pytest.mark.parametrize("name", ["best", "float", "last", "quantized"])
def test_checkpoints_hold_nothing_that_runs_code(run: TrainResult, name: str) -> None:
    content = torch.load(run.output_dir / f"{name}.pth.tar", weights_only=True)
    assert content["arch"] == "fernet-nano"
    assert {"epoch", "state_dict", "extras"} <= content.keys()


def test_training_lowers_the_loss(run: TrainResult) -> None:
    rows = load_saved(run.output_dir / "last.pth.tar")["extras"]["history"]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[loop.Trainer]:
    """The trainers of the runs that follow."""
    made: list[loop.Trainer] = []
    monkeypatch.setattr(train, "Trainer", partial(_kept, made))
    return made


def test_balanced_runs_of_uneven_faces_differ_from_plain_ones(
    config: TrainConfig, trainers: list[loop.Trainer], without_report: None, tmp_path: Path
) -> None:
    uneven = Path(shutil.copytree(config.data, tmp_path / "uneven"))
    for path in sorted((uneven / "train/happy").iterdir())[:6]:
        path.unlink()
    for balance in ("none", "weights", "oversample"):
        changed: dict[str, Any] = {"data": uneven, "balance": balance, "output_dir": config.output_dir / balance}
        run_training(dataclasses.replace(config, epochs=1, qat_epochs=0, **changed))
    plain, weighted, oversampled = trainers
    assert torch.equal(plain._order(0), weighted._order(0))
    assert not torch.equal(next(plain.model.parameters()), next(weighted.model.parameters()))
    assert plain.labels[plain._order(0)].tolist().count(3) == 6, "happy"
    assert oversampled.labels[oversampled._order(0)].tolist().count(3) == 12


def test_the_average_moves_by_its_share(
    config: TrainConfig, trainers: list[loop.Trainer], without_report: None
) -> None:
    run_training(dataclasses.replace(config, epochs=64, max_minutes=1e-9))
    (trainer,) = trainers
    trainer.updates = 10_000
    average, weight = next(trainer.ema.parameters()), next(trainer.model.parameters())
    with torch.no_grad():
        average.fill_(0)
        weight.fill_(1)
    trainer._average()
    assert average.unique().tolist() == [pytest.approx(1 / (1 + 64 * 5 / 32))]


def test_biases_do_not_decay(config: TrainConfig) -> None:
    model = models.build("fernet-nano")
    groups = loop.new_optimizer(config, model).param_groups
    assert [group["weight_decay"] for group in groups] == [config.weight_decay, 0]
    assert [{p.ndim for p in group["params"]} for group in groups] == [{4}, {1}]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_gradients_are_limited(config: TrainConfig, without_report: None, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    loss, average = loop.Trainer._loss, loop.Trainer._average

    def and_measure(trainer: loop.Trainer) -> None:
        gradients = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
        norms.append(torch.cat(gradients).norm().item())
        average(trainer)

    monkeypatch.setattr(loop.Trainer, "_loss", lambda trainer, *arguments: 1e4 * loss(trainer, *arguments))
    monkeypatch.setattr(loop.Trainer, "_average", and_measure)
    run_training(dataclasses.replace(config, epochs=1, qat_epochs=0))
    assert norms == [pytest.approx(loop.MAX_GRADIENT, rel=1e-3)] * 5


@pytest.mark.parametrize(
    "change",
    [
        {"mixup": 0.4},
        {"erase": 0.5},
        {"dropout": 0.5},
        {"augment": "strong"},
        {"augment": "lens"},
        {"augment": "none"},
        {"optimizer": "adam", "lr": 1e-3},
        {"optimizer": "adamw", "lr": 1e-3},
        {"schedule": "restarts"},
        {"label_smoothing": 0.0},
        {"weight_decay": 0.01},
        {"hold_out": False},
    ],
    ids=str,
)
def test_every_option_makes_a_difference(
    change: dict[str, Any], run: TrainResult, config: TrainConfig, without_report: None
) -> None:
    run_training(dataclasses.replace(config, **change))
    changed = load_saved(config.output_dir / "last.pth.tar")["state_dict"]["conv1.op.weight"]
    assert changed.isfinite().all()
    assert not torch.equal(changed, tensors(run.output_dir)["conv1.op.weight"])


def test_a_mirrored_run_delivers_the_network_beside_its_mirror_image(config: TrainConfig) -> None:
    config = dataclasses.replace(config, arch="global_8_8_8", epochs=1, qat_epochs=1)
    plain = run_training(config)
    single = load_network(config.output_dir / "quantized.pth.tar")
    result = run_training(dataclasses.replace(config, mirror=True, resume=True))  # what was trained stays as it was
    assert plain.summary is not None
    assert result.summary is not None
    assert "unmirrored" not in plain.summary
    assert result.summary["unmirrored"] == plain.summary["integer"]
    joined = load_network(config.output_dir / "quantized.pth.tar")
    assert joined.content_hash == with_mirror(single).content_hash
    images = faces.load(config.data, "test")
    assert score(images, simulate_faces(joined, images)) == result.summary["integer"]
    assert "unmirrored" in result.report()


def test_without_augmentation_the_very_faces_are_learnt(
    config: TrainConfig, trainers: list[loop.Trainer], without_report: None
) -> None:
    run_training(dataclasses.replace(config, augment="none", epochs=1, qat_epochs=0))
    index = torch.tensor([5, 0, 77])
    assert torch.equal(trainers[0]._batch(index, 3), loop.normalize(trainers[0].train_images[index]))


def test_a_run_that_saw_faces_through_the_lens_says_what_it_is_worth_there(config: TrainConfig) -> None:
    result = run_training(dataclasses.replace(config, augment="lens", epochs=1, qat_epochs=1))
    summary = present(result.summary)
    scored = evaluate(result.output_dir / "quantized.pth.tar", config.data, lens="moderate")
    assert summary["lens"] == {name: scored[name] for name in summary["lens"]}
    assert scored["lens"] == "moderate"
    assert scored["confusion"] != summary["integer"]["confusion"], "the faces are not the same"
    assert "by the board's camera at its setting `moderate`" in result.report()


def test_a_network_that_cannot_be_mirrored_is_not_trained_for_it(config: TrainConfig) -> None:
    with pytest.raises(NetworkError, match="mirror"):
        run_training(dataclasses.replace(config, mirror=True))
    assert not (config.output_dir / "last.pth.tar").exists()


def test_a_float_run_quantizes_nothing(config: TrainConfig) -> None:
    result = run_training(dataclasses.replace(config, epochs=1, qat_epochs=0))
    assert result.summary is not None
    assert set(result.summary) == {"split", "float"}
    assert "written" in result.report()
    assert not (config.output_dir / "quantized.pth.tar").exists()


@pytest.mark.parametrize("change", [{"arch": "snn-fc"}, {"teachers": True}], ids=["spiking", "distilled"])
def test_losses_of_train_and_val_are_the_same_quantity(
    change: dict[str, Any], run: TrainResult, config: TrainConfig, without_report: None
) -> None:
    if "teachers" in change:
        change = {"teachers": (run.output_dir / "float.pth.tar",)}
    run_training(dataclasses.replace(config, epochs=1, qat_epochs=0, lr=1e-9, augment="none", **change))
    (row,) = load_saved(config.output_dir / "last.pth.tar")["extras"]["history"]
    assert row["train_loss"] == pytest.approx(row["val_loss"], rel=0.1), "nothing was learnt meanwhile"


def test_a_run_without_float_epochs_has_a_float_network_only_if_it_began_with_one(
    run: TrainResult, config: TrainConfig, tmp_path: Path
) -> None:
    only_qat = dataclasses.replace(config, epochs=1, qat_epochs=1)
    assert "float" not in present(run_training(only_qat).summary)
    assert not (config.output_dir / "float.pth.tar").exists()
    begun = dataclasses.replace(
        only_qat, output_dir=tmp_path / "begun", pretrained=str(run.output_dir / "float.pth.tar")
    )
    assert present(run_training(begun).summary)["float"]["n"] == 42


def test_without_a_held_out_val_the_last_epoch_is_delivered(config: TrainConfig) -> None:
    result = run_training(dataclasses.replace(config, hold_out=False))
    assert result.summary is not None
    rows = load_saved(config.output_dir / "last.pth.tar")["extras"]["history"]
    assert not any("val_accuracy" in row for row in rows)
    last, best = (torch.load(config.output_dir / f"{name}.pth.tar", weights_only=True) for name in ("last", "best"))
    assert all(torch.equal(best["state_dict"][key], value) for key, value in last["state_dict"].items())


def test_networks_for_the_host_cannot_be_trained_quantization_aware(config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match="not made for the accelerator"):
        run_training(dataclasses.replace(config, arch="cnn-585k"))


def test_a_run_out_of_patience_stops(config: TrainConfig, without_report: None) -> None:
    impatient = dataclasses.replace(config, epochs=30, qat_epochs=0, lr=1e-9, patience=2)
    result = run_training(impatient)
    assert result.finished
    assert result.epoch < 30
    accuracies = [row["val_accuracy"] for row in load_saved(config.output_dir / "last.pth.tar")["extras"]["history"]]
    assert len(accuracies) == accuracies.index(max(accuracies)) + 3


def _after(calls: int, action: Callable[[], None]) -> Callable[..., float]:
    count = 0

    def counted(*arguments: Any) -> float:
        nonlocal count
        count += 1
        if count == calls:
            action()
        return learning_rate(*arguments)

    return counted


@pytest.mark.parametrize("step", [1, 5, 7, 11], ids=lambda step: f"step {step}")
def test_ctrl_c_saves_and_a_resumed_run_ends_as_if_uninterrupted(
    step: int, run: TrainResult, config: TrainConfig, without_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", _after(step, lambda: signal.raise_signal(signal.SIGINT)))
        result = run_training(config)
    assert not result.finished
    assert result.interrupted
    assert load_saved(config.output_dir / "last.pth.tar")["resume"]["step"] == (step - 1) % 5 + 1
    assert run_training(dataclasses.replace(config, resume=True)).finished
    assert_same_weights(run.output_dir, config.output_dir)


def test_max_minutes_stops_and_a_resumed_run_ends_as_if_uninterrupted(
    run: TrainResult, config: TrainConfig, without_report: None
) -> None:
    resumes = 0
    result = run_training(dataclasses.replace(config, max_minutes=1e-9))
    assert not result.interrupted
    while not result.finished:
        resumes += 1
        result = run_training(dataclasses.replace(config, max_minutes=1e-9, resume=True))
    assert resumes == 15 - 1 + 1  # a step each time, and one to see that nothing is left
    assert_same_weights(run.output_dir, config.output_dir)


def test_a_killed_run_resumes_and_ends_as_if_uninterrupted(
    run: TrainResult, config: TrainConfig, without_report: None
) -> None:
    script = f"""
import time
from pathlib import Path
from fer_edge.training import loop, train
from fer_edge.training.config import TrainConfig
loop.SAVE_SECONDS = 0
learning_rate = loop.learning_rate
loop.learning_rate = lambda *arguments: time.sleep(0.1) or learning_rate(*arguments)
train.run_training(TrainConfig("fernet-nano", {str(config.data)!r}, Path({str(config.output_dir)!r}),
    epochs=3, qat_epochs=1, batch_size=16, threads=1))
"""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    last = config.output_dir / "last.pth.tar"
    deadline = time.monotonic() + 60
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert load_saved(last)["epoch"] < 3
    assert run_training(dataclasses.replace(config, resume=True)).finished
    assert_same_weights(run.output_dir, config.output_dir)


def test_threads_are_restored(config: TrainConfig, without_report: None) -> None:
    run_training(dataclasses.replace(config, max_minutes=1e-9, threads=2))
    torch.set_num_threads(1)
    run_training(dataclasses.replace(config, max_minutes=1e-9, threads=None, resume=True))
    try:
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_precision_is_restored(
    config: TrainConfig, trainers: list[loop.Trainer], without_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_precision", lambda wanted, device: "bfloat16")
    run_training(dataclasses.replace(config, max_minutes=1e-9))
    monkeypatch.setattr(loop, "_precision", lambda wanted, device: "float32")
    run_training(dataclasses.replace(config, max_minutes=1e-9, resume=True))
    run_training(dataclasses.replace(config, max_minutes=1e-9, resume=True, precision="float32"))
    assert [trainer.precision for trainer in trainers] == ["bfloat16", "bfloat16", "float32"]


def test_resuming_where_nothing_is_is_refused(config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match="holds no run to go on with"):
        run_training(dataclasses.replace(config, resume=True))
    assert not config.output_dir.exists()


def _csv(path: Path, folder: Path, *usages: str) -> Path:
    faces_of = {"Training": "train", "PublicTest": "test"}
    lines = ["emotion,pixels,Usage"]
    for usage in usages:
        for image, label in zip(*(lambda f: (f.images, f.labels))(faces.load(folder, faces_of[usage])), strict=True):
            number = faces.kaggle.EMOTIONS.index(faces.CLASSES[label])
            lines.append(f"{number},{' '.join(map(str, image.ravel()))},{usage}")
    path.write_text("\n".join(lines))
    return path


def test_a_csv_without_a_test_is_scored_on_val_and_says_so_first(
    config: TrainConfig, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _csv(tmp_path / "faces.csv", folder, "Training")
    result = run_training(dataclasses.replace(config, data=path, epochs=1))
    assert result.summary is not None
    assert result.summary["split"] == "val"
    assert (config.output_dir / "quantized.pth.tar").exists()
    said = capfd.readouterr().err
    assert said.index("holds no test: the result will be scored on val") < said.index("epoch   1")


def test_what_a_csv_lacks_is_said_before_the_first_epoch(config: TrainConfig, folder: Path, tmp_path: Path) -> None:
    only_test = _csv(tmp_path / "test.csv", folder, "PublicTest")
    with pytest.raises(DataError, match="holds test, but no train"):
        run_training(dataclasses.replace(config, data=only_test))
    only_train = _csv(tmp_path / "train.csv", folder, "Training")
    with pytest.raises(DataError, match="no val is left to score"):
        run_training(dataclasses.replace(config, data=only_train, hold_out=False))
    assert not config.output_dir.exists()


def test_an_unreadable_test_is_found_before_the_first_epoch(config: TrainConfig, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "faces")
    (tmp_path / "faces/test/happy/torn.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"torn\.png"):
        run_training(dataclasses.replace(config, data=tmp_path / "faces"))
    assert not config.output_dir.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seed": -1}, "--seed is -1"),
        ({"seed": 10**19}, "--seed is 1"),
        ({"lr": math.inf}, "--lr is inf"),
        ({"lr": math.nan}, "--lr is nan"),
        ({"epochs": 99_999_999_999}, "--epochs is 99999999999"),
        ({"threads": 10**12}, "--threads is 1"),
        ({"size": 100_000}, "--size is 100000"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any], words: str, config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match=words):
        dataclasses.replace(config, **wrong)


def test_a_layer_has_one_number_of_bits(config: TrainConfig) -> None:
    for text in ("conv1=4,conv1=2", "4,8"):
        with pytest.raises(FerEdgeError, match="given 4 bits and"):
            run_training(dataclasses.replace(config, weight_bits=text))


def test_a_finished_run_is_not_scored_again(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    once = run_training(dataclasses.replace(config, epochs=1))
    with monkeypatch.context() as patch:
        patch.setattr(train, "score", lambda *_: pytest.fail("scored again"))
        again = run_training(dataclasses.replace(config, epochs=1, resume=True))
    assert again == dataclasses.replace(once, energy=again.energy)
    (config.output_dir / "quantized.pth.tar").unlink()
    assert run_training(dataclasses.replace(config, epochs=1, resume=True)).summary == once.summary
    assert (config.output_dir / "quantized.pth.tar").exists()


def test_a_finished_run_is_not_overwritten(run: TrainResult, config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match="already holds a run"):
        run_training(dataclasses.replace(config, output_dir=run.output_dir))


@pytest.mark.parametrize(
    "change", [{"lr": 0.02}, {"epochs": 4}, {"seed": 1}, {"balance": "weights"}, {"weight_bits": "4"}], ids=str
)
def test_resuming_with_other_settings_is_refused(change: dict[str, Any], run: TrainResult, config: TrainConfig) -> None:
    with pytest.raises(CheckpointError, match=f"started with {next(iter(change))}"):
        run_training(dataclasses.replace(config, output_dir=run.output_dir, resume=True, **change))


def test_resuming_with_other_faces_is_refused(run: TrainResult, config: TrainConfig) -> None:
    with pytest.raises(CheckpointError, match="started with other faces"):
        run_training(dataclasses.replace(config, output_dir=run.output_dir, resume=True, limit=70))


def _flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _empty(part: str) -> Callable[[Path], None]:
    def empty(path: Path) -> None:
        torch.save({**load_saved(path), part: {}}, path)

    return empty


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "not a zip file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 torn"), "not a zip file"),
        (_flip_a_byte, "in it is damaged"),
        (_empty("extras"), "no state of training in it"),
        (_empty("resume"), "no state of training in it"),
        (_empty("state_dict"), "Error"),
    ],
    ids=["empty", "torn", "a bit", "no extras", "no state", "no weights"],
)
def test_a_damaged_state_is_refused(
    damage: Callable[[Path], None], reason: str, run: TrainResult, config: TrainConfig
) -> None:
    config.output_dir.mkdir()
    last = Path(shutil.copy(run.output_dir / "last.pth.tar", config.output_dir))
    damage(last)
    with pytest.raises(CheckpointError, match=rf"last\.pth\.tar cannot be resumed from: .*{reason}.*Start anew"):
        run_training(dataclasses.replace(config, resume=True))


def test_votes_beside_labels_need_a_library_that_is_missed_before_anything_is_read(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"needs sklearn, which is not installed.*fer-edge\[train\]"):
        run_training(dataclasses.replace(config, privileged=Path("votes.csv"), data="/nowhere"))


def test_an_architecture_over_budget_is_refused_before_anything_is_read(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(deployable.ARCHITECTURES, "giant", lambda n: deployable.chain(((64, 64), (256, 256)), n))
    with pytest.raises(NetworkError, match="weights need"):
        run_training(dataclasses.replace(config, arch="giant", data="/nowhere"))
    assert not config.output_dir.exists()


def test_layers_are_trained_with_the_bits_asked_for(
    config: TrainConfig, without_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dataclasses.replace(config, weight_bits="2,conv1=8,conv8=4", epochs=2)
    once = run_training(dataclasses.replace(few, output_dir=config.output_dir / "once"))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", _after(8, lambda: signal.raise_signal(signal.SIGINT)))
        assert not run_training(dataclasses.replace(few, output_dir=config.output_dir / "twice")).finished
    twice = run_training(dataclasses.replace(few, output_dir=config.output_dir / "twice", resume=True))
    assert_same_weights(once.output_dir, twice.output_dir)
    network = load_model(once.output_dir / "best.pth.tar", "qat").integer_network()
    assert [layer.weight_bits for layer in network.layers] == [8, 2, 2, 2, 2, 2, 2, 4]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "weight_bits", "expected"),
    [
        ("fernet-nano", "4", 0.93),
        ("fernet-nano", "2", 0.9),
        ("fernet-nano", "conv5=1", 0.9),
        ("fernet-res", "8", 0.9),
    ],
)
def test_networks_learn_drawn_faces(arch: str, weight_bits: str, expected: float, tmp_path: Path) -> None:
    config = TrainConfig(arch, "drawn", tmp_path, epochs=12, qat_epochs=6, weight_bits=weight_bits, threads=1)
    summary = run_training(config).summary
    assert summary is not None
    assert summary["integer"]["accuracy"] > expected
    assert summary["qat_unequal_integer"] == 0


@pytest.mark.slow
def test_fernet_learns_drawn_faces(tmp_path: Path) -> None:
    summary = run_training(TrainConfig("fernet", "drawn", tmp_path, epochs=4, qat_epochs=1, threads=1)).summary
    assert summary is not None
    assert summary["integer"]["accuracy"] > 0.6
    assert summary["qat_unequal_integer"] == 0


def test_missing_faces_are_named(config: TrainConfig) -> None:
    with pytest.raises(DataError, match="/nowhere"):
        run_training(dataclasses.replace(config, data="/nowhere"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named(config: TrainConfig) -> None:
    with pytest.raises(ToolError, match="no GPU"):
        run_training(dataclasses.replace(config, device="cuda"))


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch_size": -1}, {"lr": 0.0}, {"qat_epochs": 4}, {"max_minutes": 0}], ids=str
)
def test_senseless_settings_are_refused(wrong: dict[str, Any], config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        dataclasses.replace(config, **wrong)


def test_more_epochs_for_quantization_than_in_all_are_refused(config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match=r"--qat-epochs is 5 of 2\. Give as many at most\."):
        dataclasses.replace(config, epochs=2, qat_epochs=5)


def test_a_quarter_of_the_epochs_is_quantization_aware_by_default(config: TrainConfig) -> None:
    default = dataclasses.replace(config, qat_epochs=None)
    assert [dataclasses.replace(default, epochs=n).float_epochs for n in (1, 2, 8, 40)] == [0, 1, 6, 30]


def _poison(trainer: loop.Trainer) -> None:
    next(trainer.model.parameters()).data.fill_(math.nan)


def _kept(trainers: list[loop.Trainer], *arguments: Any) -> loop.Trainer:
    """A trainer, and the last of the list from now on."""
    trainers.append(loop.Trainer(*arguments))
    return trainers[-1]


@pytest.mark.parametrize("step", [2, 7], ids=["in the first epoch", "in the second"])
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_what_was_good(
    step: int, config: TrainConfig, trainers: list[loop.Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "learning_rate", _after(step, lambda: _poison(trainers[0])))
    with pytest.raises(FerEdgeError, match=rf"not finite any more, in epoch {1 + step // 5}, step {step % 5} of 5"):
        run_training(config)
    if step == 2:
        assert not (config.output_dir / "last.pth.tar").exists()
        return
    saved = load_saved(config.output_dir / "last.pth.tar")
    assert (saved["epoch"], saved["resume"]["step"]) == (1, 0)
    for weights in (saved["resume"]["model"], saved["state_dict"]):
        assert all(values.isfinite().all() for values in weights.values())


def test_weights_that_are_not_finite_are_never_saved(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient may be so although the loss was not; the end of an epoch, Ctrl-C and the clock all save."""
    average = loop.Trainer._average

    def and_poison(trainer: loop.Trainer) -> None:
        average(trainer)
        if trainer.epoch == 1 and trainer.step == 4:  # the last of the epoch
            _poison(trainer)

    monkeypatch.setattr(loop.Trainer, "_average", and_poison)
    with pytest.raises(loop.DivergedError, match=r"keeps last\.pth\.tar and best\.pth\.tar"):
        run_training(config)
    assert load_saved(config.output_dir / "last.pth.tar")["epoch"] == 1


def test_a_rate_that_is_too_high_is_named(config: TrainConfig) -> None:
    with pytest.raises(FerEdgeError, match=r"--lr 1e\+30"):
        run_training(dataclasses.replace(config, lr=1e30))


def test_without_a_terminal_there_is_a_line_an_epoch(
    config: TrainConfig, without_report: None, capfd: pytest.CaptureFixture[str]
) -> None:
    run_training(config)
    said = capfd.readouterr().err
    assert [line[:15] for line in said.splitlines()] == ["epoch   1 float", "epoch   2 float", "epoch   3 qat  "]
    assert "\r" not in said


def test_how_long_it_will_take_is_said_once(
    config: TrainConfig, without_report: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FORECAST_SECONDS", 0)
    stopped = run_training(dataclasses.replace(config, epochs=90_000, max_minutes=1e-9))
    assert not stopped.finished
    assert len(re.findall(r"images/s: about [\d.,]+ (hours|days) to go", capfd.readouterr().err)) == 1


@pytest.mark.parametrize(("seconds", "text"), [(100, "2 minutes"), (7_200, "2.0 hours"), (86_400 * 1200, "1,200 days")])
def test_durations_are_in_the_unit_that_suits(seconds: float, text: str) -> None:
    assert loop._duration(seconds) == text


def test_a_run_begins_with_the_weights_of_another(
    run: TrainResult, config: TrainConfig, without_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = dataclasses.replace(config, pretrained=str(run.output_dir / "float.pth.tar"))
    monkeypatch.setattr(loop.Trainer, "run", lambda self, deadline: False)
    models: list[torch.nn.Module] = []
    taken = loop.Trainer.__init__

    def take(self: loop.Trainer, *arguments: Any) -> None:
        taken(self, *arguments)
        models.append(self.model)

    monkeypatch.setattr(loop.Trainer, "__init__", take)
    run_training(begun)
    before = load_model(run.output_dir / "float.pth.tar", "float").state_dict()
    state = models[0].state_dict()
    assert [key for key in before if not torch.equal(state[key], before[key])] == []
    monkeypatch.setattr(train, "stored_classes", lambda content: ("one", "two"))
    run_training(begun)
    anew = models[1].state_dict()
    changed = {key.partition(".")[0] for key in before if not torch.equal(anew[key], before[key])}
    assert changed == {list(before)[-1].partition(".")[0]}, "the last layer told other classes apart"


def test_a_spiking_network_goes_on_with_more_steps(config: TrainConfig, without_report: None, tmp_path: Path) -> None:
    """Weights of few steps, which are trained sooner, serve as the beginning for many; checkpoints know theirs."""
    of_two = dataclasses.replace(config, arch="snn-fc", epochs=1, qat_epochs=0, steps=2)
    run_training(of_two)
    best = of_two.output_dir / "best.pth.tar"
    known: Any = load_model(best, "float")
    assert known.steps == 2
    begun: Any = train._model(dataclasses.replace(of_two, pretrained=str(best), steps=None), faces.CLASSES)
    assert (begun.steps, begun.unprepared) == (4, False)
    for name, values in known.state_dict().items():
        assert torch.equal(begun.state_dict()[name], values)


def test_a_spiking_network_begins_with_the_weights_of_its_twin(config: TrainConfig, tmp_path: Path) -> None:
    twin = models.build("resnet18-grey")
    torch.save({"epoch": 1, "arch": "resnet18-grey", "state_dict": twin.state_dict(), "extras": {}}, tmp_path / "twin")
    spiking = dataclasses.replace(config, arch="sew-resnet18", qat_epochs=0, pretrained=str(tmp_path / "twin"))
    begun: Any = train._model(spiking, faces.CLASSES)
    assert begun.unprepared, "thresholds are still to be met"
    for ours, theirs in zip(begun.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("change", "file", "message"),
    [
        ({}, "best.pth.tar", "is quantized, or trained for it"),
        ({}, "quantized.pth.tar", "is quantized, or trained for it"),
        ({"arch": "fernet"}, "float.pth.tar", "holds a fernet-nano, not a fernet"),
        (
            {"arch": "sew-resnet18", "qat_epochs": 0},
            "float.pth.tar",
            "holds a fernet-nano, not a sew-resnet18 or resnet18-grey",
        ),
    ],
)
def test_weights_that_cannot_be_begun_with_are_refused(
    run: TrainResult, config: TrainConfig, change: dict[str, Any], file: str, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        run_training(dataclasses.replace(config, pretrained=str(run.output_dir / file), **change))
    with pytest.raises(FerEdgeError, match="no published weights for fernet-nano"):
        run_training(dataclasses.replace(config, pretrained="download"))
