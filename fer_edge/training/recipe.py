"""Recipes: the options from which a shipped network, or a teacher of it, is trained.

`zoo/NAME` stands beside that network; `teachers/NAME` is trained in floating point unless it sets `qat_epochs`. A
recipe is a YAML mapping of `TrainConfig`'s fields, those aside that say where, on what and how long. `teachers` names
further recipes, and `pretrained` one whose weights it begins with. ``labels: votes`` says that it learns from FERPlus'
votes, as its teachers then do; ``privileged: votes`` that it uses them beside the labels.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fer_edge import filenames, models, zoo
from fer_edge.errors import FerEdgeError
from fer_edge.training import request
from fer_edge.training.config import TrainConfig
from fer_edge.training.options import options_of

if TYPE_CHECKING:
    from fer_edge.training.train import TrainResult

VOTES = "votes"
"""What `labels` or `privileged` says in a recipe that takes FERPlus' votes: the run has to give the file."""


def names() -> tuple[str, ...]:
    """Every recipe."""
    teachers = sorted(f"teachers/{file.stem}" for file in (zoo.FOLDER / "teachers").glob("*.yaml"))
    return (*sorted(f"zoo/{file.parent.name}" for file in zoo.FOLDER.glob(f"*/{filenames.RECIPE}")), *teachers)


def load(name: str) -> dict[str, Any]:
    """The options of a recipe and its architecture, `teachers` as names. FerEdgeError if there is none, or is wrong."""
    if name not in names():  # so that no name leads out of the folder
        raise FerEdgeError(f"There is no recipe {name!r}.", f"Use one of: {', '.join(names())}.")
    kind, _, short = name.partition("/")
    file = zoo.FOLDER / (f"{short}/{filenames.RECIPE}" if kind == "zoo" else f"teachers/{short}.yaml")
    options = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(options, dict) or "arch" not in options:
        raise FerEdgeError(f"{file} is no recipe: it names no arch.", "Write one option a line, as `epochs: 40`.")
    allowed = {option for option, _, about in options_of(TrainConfig) if about.recipe}
    if unknown := [str(key) for key in options if key not in allowed]:
        raise FerEdgeError(f"{file} sets {', '.join(unknown)}.", f"A recipe has {', '.join(sorted(allowed))}.")
    own = dict(models.get(options["arch"]).settings)
    if kind == "teachers":
        own["qat_epochs"] = 0
    return {**own, **options}


def first(name: str) -> str | None:
    """The recipe that has to be run by itself before that of `name`, which takes no votes to run it with; or None."""
    options = load(name)
    begins: str | None = options.get("pretrained")
    if begins is None or VOTES in (options.get("labels"), options.get("privileged")):
        return None
    return begins if load(begins).get("labels") == VOTES else None


def run(name: str, **given: Any) -> TrainResult:
    """Train by a recipe, its teachers first: each in a folder of its name beside `output_dir`.

    `given` are fields of `TrainConfig`, data and output_dir at least; they override the recipe. A teacher that was
    begun is resumed, and one that is finished only checked. Returns how the run ended, or the teacher that was stopped.
    """
    return _run(name, given, {})


def _run(name: str, given: dict[str, Any], done: dict[tuple[str, Path], TrainResult]) -> TrainResult:
    """`run`; `done` are the recipes that have gone before, with their folders."""
    ends = time.monotonic() + 60 * (given.pop("max_minutes", None) or math.inf)
    options = {**load(name), **given}
    for option in ("labels", "privileged"):
        if options.get(option) == VOTES:
            raise FerEdgeError(
                f"Recipe {name} learns from FERPlus' votes on FER2013.", f"Give its fer2013new.csv with --{option}."
            )
    output_dir = Path(given["output_dir"])
    if given.get("resume") and "teachers" not in given:
        if not _begun(name, output_dir):
            raise request.nothing_to_resume(output_dir)
        options["resume"] = (output_dir / filenames.LAST).exists()
    # What is wrong with it is not to be found out after the teachers.
    request.check(TrainConfig(**{**options, "teachers": given.get("teachers", ())}))
    if (by_itself := first(name)) and "pretrained" not in given:
        raise FerEdgeError(
            f"Recipe {name} begins with {by_itself}, which learns from FERPlus' votes on FER2013.",
            f"Train that first, and give --pretrained {_folder_of(by_itself, output_dir) / filenames.FLOAT}.",
        )

    from fer_edge.training.train import run_training

    def before(other: str) -> TrainResult:
        """Another recipe, with what holds for it, too."""
        shared = {key: given[key] for key, _, about in options_of(TrainConfig) if about.shared and key in given}
        votes = options.get("labels") or options.get("privileged")
        shared |= {key: votes for key in ("labels", "privileged") if votes and load(other).get(key) == VOTES}
        folder = _folder_of(other, output_dir)
        if (other, folder) not in done:
            shared |= {"output_dir": folder, "resume": _begun(other, folder), "max_minutes": _minutes(ends)}
            done[other, folder] = _run(other, shared, done)
        return done[other, folder]

    if load(name).get("pretrained") and "pretrained" not in given:
        result = before(options["pretrained"])
        if not result.finished:
            return result
        options["pretrained"] = str(result.output_dir / filenames.FLOAT)
    if "teachers" not in given:
        checkpoints = []
        for teacher in options.pop("teachers", ()):
            result = before(teacher)
            if not result.finished:
                return result
            checkpoints.append(result.output_dir / filenames.BEST)
        options["teachers"] = tuple(checkpoints)
    return run_training(TrainConfig(**options, max_minutes=_minutes(ends)))


def _folder_of(teacher: str, output_dir: Path) -> Path:
    return output_dir.parent / teacher.partition("/")[2]


def _begun(name: str, output_dir: Path) -> bool:
    """Whether a recipe's run, or one that goes before it, was begun."""
    options = load(name)
    before = [*options.get("teachers", ()), *([options["pretrained"]] if options.get("pretrained") else ())]
    return (output_dir / filenames.LAST).exists() or any(_begun(each, _folder_of(each, output_dir)) for each in before)


def _minutes(ends: float) -> float | None:
    """From now to `ends` (`time.monotonic`), at least a second; None where that never comes."""
    return None if ends == math.inf else max(ends - time.monotonic(), 1) / 60
