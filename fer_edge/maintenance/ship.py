"""`make ship`: a finished run as a shipped network, and its model card, in which no figure is typed by hand."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fer_edge import faces, filenames, zoo
from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.faces import ferplus
from fer_edge.faces.sources import read
from fer_edge.faces.split import near_duplicates
from fer_edge.files import atomic_write
from fer_edge.load import load_network
from fer_edge.metrics import percent, score, simulate_faces
from fer_edge.synth import onnx_model, vendor_onnx, vendor_yaml
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training import recipe
from fer_edge.training.config import TrainConfig

CONFUSIONS_LISTED = 3


def ship(run: Path, data: str | Path, name: str, labels: Path | None = None) -> Path:
    """Write model.onnx, model.yaml and model-card.md of network `name` from the finished `run` of its recipe.

    The files are read back and scored on the test faces of `data`: what the card says is what they do. `labels` are
    FERPlus' votes, for the share of faces on which it agrees with most people; a network that learnt from them needs
    them. The same run and faces give the same bytes. Returns the folder they are in.

    Raises
    ------
    CheckpointError : the run is not finished, has other settings than the recipe, or was scored on other faces.
    """
    history = _history(run)
    _check_recipe(run, name, history["settings"])
    classes = tuple(history["settings"].get("classes", faces.CLASSES))  # runs from before there were others
    by_votes = classes == ferplus.CLASSES
    if by_votes and labels is None:
        raise CheckpointError(f"{name} learnt from FERPlus' votes.", "Give its fer2013new.csv, too.")
    network = replace(load_network(run / filenames.QUANTIZED), name=name, classes=classes)
    files: dict[str, bytes | str] = {
        filenames.ONNX: onnx_model.to_bytes(network),
        filenames.YAML: vendor_yaml.write(place(network)),
    }
    with tempfile.TemporaryDirectory() as temporary:
        for file, content in files.items():
            atomic_write(Path(temporary) / file, content)
        shipped = load_network(temporary)
    cost = estimate_placed(shipped)[1]

    test = faces.load(data, "test")
    logits = simulate_faces(shipped, test)
    result = on_labels = score(test, logits, shipped.classes)
    on_votes = None
    if labels is not None:
        voted = faces.load(data, "test", labels=labels)
        voted_logits = simulate_faces(shipped, voted)
        on_votes = score(voted, voted_logits, shipped.classes)
        if by_votes:
            test, logits, result = voted, voted_logits, on_votes
    if result["confusion"] != history["result"]["integer"]["confusion"]:
        raise CheckpointError(
            f"{name} does not give on {data} what {run / 'history.json'} says.", "Give the faces of that run."
        )
    hold_out = history["settings"].get("hold_out", True)
    learnt, held = faces.train_and_val(data, labels=labels if by_votes else None, hold_out=hold_out)
    train = read(data, "train")[0]
    groups = near_duplicates(np.concatenate((train.images, test.images)))
    new = np.flatnonzero(~np.isin(groups[len(train) :], groups[: len(train)]))

    # What programs read; `zoo.card` gives it back.
    facts = {
        "name": name,
        "architecture": history["settings"]["arch"],
        "license": "MIT",
        "content_hash": shipped.content_hash.hex(),
        "weight_bytes": cost.weight_bytes,
        "cycles": cost.cycles,
        "latency_us": round(cost.latency.value, 1),
        "classes": list(shipped.classes),
        "learnt_from": "FERPlus' votes" if by_votes else "FER2013's labels",
        **_rounded("accuracy", on_labels),
        **(_rounded("agreement", on_votes) if on_votes else {}),
        "macro_f1": round(result["macro_f1"], 4),
    }
    files[filenames.CARD] = _card(
        facts=facts,
        front_matter=yaml.safe_dump(facts, sort_keys=False),
        settings=history["settings"],
        seconds=sum(row.get("seconds", 0) for row in history["epochs"]),
        trained=history["result"],
        result=result,
        on_labels=on_labels,
        on_votes=on_votes,
        by_votes=by_votes,
        first=recipe.first(f"zoo/{name}"),
        weakest=min(result["per_class"], key=lambda c: result["per_class"][c]["recall"]),
        confusions=_confusions(list(result["per_class"]), result["confusion"])[:CONFUSIONS_LISTED],
        cost=cost,
        onnx_refused=vendor_onnx.refusal(shipped),
        layers=len(shipped.layers),
        train_faces=len(train),
        learnt_faces=len(learnt),
        held_faces=len(held),
        new_faces=score(test.take(new), logits[new], shipped.classes),
    )
    folder = zoo.FOLDER / name
    for file, content in files.items():
        atomic_write(folder / file, content)
    return folder


def _history(run: Path) -> dict[str, Any]:
    path = run / filenames.HISTORY
    try:
        history: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.", "Give the folder of a finished run.") from error
    if history.get("result", {}).get("split") != "test" or "integer" not in history["result"]:
        raise CheckpointError(f"{run} holds no finished qat-train, scored on test.", "Finish it with --resume.")
    return history


def _check_recipe(run: Path, name: str, settings: Mapping[str, Any]) -> None:
    """CheckpointError if `settings` of a run are not those the recipe of network `name` gives."""
    options = recipe.load(f"zoo/{name}")
    teachers = options.pop("teachers", ())
    by_votes = options.pop("labels", None) == recipe.VOTES
    begins = options.pop("pretrained", None) is not None
    config = TrainConfig(**options, data="", output_dir=run)
    derived = ("data", "classes", "qat_epochs", "teachers", "pretrained")
    expected = {key: getattr(config, key) for key in settings if key not in derived}
    expected["qat_epochs"] = config.epochs - config.float_epochs
    other = [f"{key} {settings[key]!r}, not {value!r}" for key, value in expected.items() if settings[key] != value]
    if (settings.get("classes") == list(ferplus.CLASSES)) != by_votes:
        other.append("other classes")
    if (settings.get("pretrained") is not None) != begins:
        other.append("other weights to begin with")
    if len(settings.get("teachers", ())) != len(teachers):  # the run knows them by their content only
        other.append(f"{len(settings.get('teachers', ()))} teachers, not {len(teachers)}")
    if other:
        raise CheckpointError(
            f"{run} was trained with other settings than recipe zoo/{name}: {'; '.join(other)}.",
            "Ship a run of the recipe, or correct the recipe.",
        )


def _rounded(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A score, its interval and the number of faces, as programs read them from the card."""
    bounds = [round(bound, 4) for bound in result["accuracy_95"]]
    return {f"{name}_faces": result["n"], name: round(result["accuracy"], 4), f"{name}_95": bounds}


def _confusions(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[tuple[str, str, float]]:
    """(class, what it is taken for, share of the class), the largest share first."""
    shares = [
        (classes[i], classes[j], count / max(sum(row), 1))
        for i, row in enumerate(confusion)
        for j, count in enumerate(row)
        if i != j
    ]
    return sorted(shares, key=lambda entry: -entry[2])


def _card(**values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # Markdown: nothing to escape
        loader=PackageLoader("fer_edge.maintenance", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template("model-card.md.j2").render(**values)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fer_edge.maintenance.ship", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished qat-train")
    parser.add_argument("data", help="FER2013, as a folder or Kaggle's fer2013.csv")
    parser.add_argument("name", help="what the network is called, as its recipe zoo/NAME")
    parser.add_argument("--labels", type=Path, help="FERPlus' fer2013new.csv, for the agreement with people")
    arguments = parser.parse_args()
    try:
        print(f"written: {ship(arguments.run, arguments.data, arguments.name, arguments.labels)}")
    except FerEdgeError as failure:
        sys.exit(f"fer-edge: {failure}")


if __name__ == "__main__":
    _main()
