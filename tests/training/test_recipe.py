"""Recipes: all options of a shipped network in one file, its teachers included."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_edge import models, zoo
from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.training import recipe, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, load_saved


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_can_be_followed(name: str) -> None:
    options = recipe.load(name)
    teachers = options.pop("teachers", [])
    config = TrainConfig(**options, data="drawn", output_dir=Path("out"))
    assert models.get(config.arch).family == "deployable" or config.float_epochs == config.epochs
    assert all(teacher in recipe.names() for teacher in teachers)
    assert config.pretrained is None or config.pretrained in recipe.names()


@pytest.mark.parametrize("name", ["", "fernet", "zoo/huge", "zoo/../zoo/fernet", "teachers/../fernet/recipe", "/etc/x"])
def test_a_name_that_is_none_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(FerEdgeError, match="zoo/fernet-nano"):
        recipe.load(name)


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """zoo/small learns from teachers/one and teachers/two."""
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "zoo")
    for file, text in {
        "small/recipe.yaml": "{arch: fernet-nano, epochs: 2, qat_epochs: 1, teachers: [teachers/one, teachers/two]}",
        "teachers/one.yaml": "{arch: fernet-nano, epochs: 1, batch_size: 32}",
        "teachers/two.yaml": "{arch: fernet-nano, epochs: 1, seed: 5, batch_size: 32}",
    }.items():
        path = tmp_path / "zoo" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "zoo"


def test_an_architectures_own_defaults_hold_where_the_recipe_is_silent(recipes: Path) -> None:
    (recipes / "teachers/one.yaml").write_text("{arch: csnn, batch_size: 8}")
    assert recipe.load("teachers/one") == {
        **models.get("csnn").settings,
        "arch": "csnn",
        "batch_size": 8,
        "qat_epochs": 0,
    }


def test_a_teacher_is_quantized_only_if_its_recipe_says_so(recipes: Path) -> None:
    assert recipe.load("teachers/one")["qat_epochs"] == 0
    (recipes / "teachers/one.yaml").write_text("{arch: fernet-nano, epochs: 4, qat_epochs: 2}")
    assert recipe.load("teachers/one")["qat_epochs"] == 2


@pytest.mark.parametrize("key", ["epoch", "output_dir", "data", "resume"])
def test_an_option_that_no_recipe_has_is_named(recipes: Path, key: str) -> None:
    (recipes / "small/recipe.yaml").write_text(f"arch: fernet-nano\n{key}: 1\n")
    with pytest.raises(FerEdgeError, match=f"sets {key}"):
        recipe.load("zoo/small")


@pytest.mark.parametrize("text", ["", "[arch, fernet-nano]", "epochs: 4"])
def test_a_file_that_names_no_architecture_is_no_recipe(recipes: Path, text: str) -> None:
    (recipes / "small/recipe.yaml").write_text(text)
    with pytest.raises(FerEdgeError, match="is no recipe"):
        recipe.load("zoo/small")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """The runs that are asked for, none of which is trained."""
    configs: list[TrainConfig] = []

    def finish_at_once(config: TrainConfig) -> TrainResult:
        configs.append(config)
        return TrainResult(config.output_dir, finished=True, epoch=config.epochs)

    monkeypatch.setattr(train, "run_training", finish_at_once)
    return configs


def test_teachers_are_trained_first_beside_the_run(recipes: Path, asked: list[TrainConfig], tmp_path: Path) -> None:
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", threads=1)
    assert [config.output_dir for config in asked] == [tmp_path / "runs" / name for name in ("one", "two", "a")]
    assert [config.qat_epochs for config in asked] == [0, 0, 1]
    assert [config.resume for config in asked] == [False, False, False]
    assert {(config.data, config.threads) for config in asked} == {("drawn", 1)}
    assert asked[2].teachers == tuple(tmp_path / "runs" / name / "best.pth.tar" for name in ("one", "two"))


def test_a_recipe_begins_with_the_weights_of_another_that_learnt_from_votes(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    (recipes / "small/recipe.yaml").write_text("{arch: fernet-nano, pretrained: zoo/first, privileged: votes}")
    (recipes / "first").mkdir()
    (recipes / "first/recipe.yaml").write_text("{arch: fernet-nano, labels: votes, epochs: 7}")
    with pytest.raises(FerEdgeError, match=r"learns from FERPlus' votes.*--privileged"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a")
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", privileged=Path("votes.csv"))
    first, then = asked
    assert (first.output_dir, first.labels, first.epochs) == (tmp_path / "runs/first", Path("votes.csv"), 7)
    assert then.pretrained == str(tmp_path / "runs/first/float.pth.tar")
    assert (then.labels, then.privileged) == (None, Path("votes.csv"))


def test_a_recipe_of_labels_alone_may_begin_with_what_learnt_from_votes(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    (recipes / "small/recipe.yaml").write_text("{arch: fernet-nano, pretrained: zoo/first}")
    (recipes / "first").mkdir()
    (recipes / "first/recipe.yaml").write_text("{arch: fernet-nano, labels: votes}")
    with pytest.raises(FerEdgeError, match=r"begins with zoo/first, .*--pretrained .*runs/first/float.pth.tar"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a")
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", pretrained="float.pth.tar")
    assert [(config.pretrained, config.labels) for config in asked] == [("float.pth.tar", None)]


def test_each_of_those_before_gets_the_votes_as_its_own_recipe_wants_them(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    (recipes / "small/recipe.yaml").write_text(
        "{arch: fernet-nano, pretrained: zoo/first, privileged: votes, teachers: [teachers/one, teachers/two]}"
    )
    (recipes / "first").mkdir()
    (recipes / "first/recipe.yaml").write_text("{arch: fernet-nano, labels: votes}")
    (recipes / "teachers/two.yaml").write_text("{arch: cnn-585k, privileged: votes, leave_out: 2/4}")
    votes = Path("votes.csv")
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", privileged=votes)
    assert [(config.labels, config.privileged) for config in asked] == [
        (votes, None),
        (None, None),
        (None, votes),
        (None, votes),
    ]
    assert asked[2].leave_out == "2/4"


def test_what_is_given_overrides_the_recipe_but_not_the_teachers(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a", epochs=9, seed=3)
    assert [config.epochs for config in asked] == [1, 1, 9]
    assert [config.seed for config in asked] == [0, 5, 3]


def test_teachers_that_are_given_take_the_place_of_the_recipes(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    (tmp_path / "mine.pth.tar").touch()
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a", teachers=(tmp_path / "mine.pth.tar",))
    assert [config.teachers for config in asked] == [(tmp_path / "mine.pth.tar",)]


def test_the_time_given_is_for_all_together(recipes: Path, asked: list[TrainConfig], tmp_path: Path) -> None:
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a", max_minutes=1)
    assert all(config.max_minutes is not None and config.max_minutes <= 1 for config in asked)
    minutes = [config.max_minutes for config in asked]
    assert minutes == sorted(minutes, reverse=True)  # type: ignore[type-var]


def test_a_recipe_is_resumed_where_it_or_a_teacher_of_it_was_begun(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    with pytest.raises(FerEdgeError, match="holds no run to go on with"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", resume=True)
    assert not asked
    (tmp_path / "runs/one").mkdir(parents=True)
    (tmp_path / "runs/one/last.pth.tar").touch()
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a", resume=True)
    assert [config.resume for config in asked] == [True, False, False]


def test_what_is_wrong_with_a_recipes_run_is_said_before_its_teachers_are_trained(
    recipes: Path, asked: list[TrainConfig], tmp_path: Path
) -> None:
    with pytest.raises(FerEdgeError, match="--epochs is 0"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a", epochs=0)
    with pytest.raises(FerEdgeError, match="--weight-bits 3"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a", weight_bits="3")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/last.pth.tar").touch()
    with pytest.raises(FerEdgeError, match="already holds a run"):
        recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "a")
    assert not asked


def test_a_teacher_of_several_is_processed_once(recipes: Path, asked: list[TrainConfig], tmp_path: Path) -> None:
    (recipes / "teachers/two.yaml").write_text("{arch: fernet-nano, epochs: 1, teachers: [teachers/one]}")
    recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a")
    assert [config.output_dir.name for config in asked] == ["one", "two", "a"]


def test_without_a_teacher_there_is_no_student(recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "run_training", lambda config: TrainResult(config.output_dir, finished=False, epoch=1))
    stopped = recipe.run("zoo/small", data="drawn", output_dir=tmp_path / "runs/a")
    assert not stopped.finished
    assert stopped.output_dir == tmp_path / "runs/one"


def test_a_finished_teacher_is_taken_as_it_is_if_it_is_of_the_recipe(
    recipes: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_finish", lambda *_: {})  # scores and plots take longer than this training
    student = "{arch: fernet-nano, epochs: 1, qat_epochs: 1, teachers: [teachers/one]}"
    (recipes / "small/recipe.yaml").write_text(student)
    given = {"data": folder, "threads": 1}
    assert recipe.run("zoo/small", output_dir=tmp_path / "runs/a", **given).finished
    teacher = (tmp_path / "runs/one/best.pth.tar").read_bytes()
    assert recipe.run("zoo/small", output_dir=tmp_path / "runs/b", **given).finished
    assert (tmp_path / "runs/one/best.pth.tar").read_bytes() == teacher
    settings = [load_saved(tmp_path / f"runs/{name}/last.pth.tar")["extras"]["settings"] for name in "ab"]
    assert settings[0] == settings[1]
    assert len(settings[0]["teachers"]) == 1

    (recipes / "teachers/one.yaml").write_text("{arch: fernet-nano, epochs: 1, batch_size: 32, lr: 0.01}")
    with pytest.raises(CheckpointError, match=r"runs/one was started with lr 0\.03"):
        recipe.run("zoo/small", output_dir=tmp_path / "runs/c", **given)
