"""Shipping: a finished run of a recipe becomes files and a card in which every figure was counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_edge import faces, zoo
from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.faces import ferplus
from fer_edge.load import load_network
from fer_edge.maintenance.ship import ship
from fer_edge.metrics import percent

from .conftest import Run


def test_the_network_that_was_trained_is_shipped_under_its_own_name(run: Run, shipped: Path) -> None:
    assert zoo.names() == ("tiny",)
    assert load_network("zoo:tiny").content_hash == run.network.content_hash
    assert load_network("zoo:tiny").name == "tiny"


def test_the_same_run_gives_the_same_bytes(run: Run, shipped: Path) -> None:
    before = {file.name: file.read_bytes() for file in shipped.iterdir()}
    ship(run.folder, run.data, "tiny")
    assert {file.name: file.read_bytes() for file in shipped.iterdir()} == before


def test_the_card_says_what_was_measured_estimated_and_assumed(run: Run, shipped: Path) -> None:
    text = (shipped / "model-card.md").read_text()
    measured = run.history["result"]["integer"]
    low, high = measured["accuracy_95"]
    assert f"{percent(measured['accuracy'])} (measured; 95 %: {percent(low)} to {percent(high)})" in text
    assert "| floating point, before quantization | 43.21 % (measured) |" in text
    assert f"| cycles | {zoo.card('tiny')['cycles']:,} (estimated) |" in text
    assert "38 mW (measured by the vendor on FaceID, assumed for this network)" in text
    for name, of in measured["per_class"].items():
        assert f"| {name} | {percent(of['precision'])} | {percent(of['recall'])} |" in text


def test_the_card_says_how_it_was_trained_and_what_it_is_not_for(shipped: Path) -> None:
    text = (shipped / "model-card.md").read_text()
    assert "fer-edge qat-train --recipe zoo/tiny --data FER2013 --output-dir runs/tiny" in text
    assert "weight bits 8, seed 0" in text
    assert "4 epochs, the last 1 of them quantization-aware; 6 minutes (measured)" in text
    assert "Not for judging people" in text
    assert "14 of the 42 faces have a near-duplicate in `train`" in text
    assert "On the other 28 the accuracy is" in text


def test_the_card_counts_the_faces_that_were_trained_on(run: Run, shipped: Path) -> None:
    train, val = faces.train_and_val(run.data)
    assert len(train) + len(val) == 70
    counted = f"{len(train)} of the 70 faces of FER2013's `train`; {len(val)} others held out to choose the epoch"
    assert counted in (shipped / "model-card.md").read_text()
    run.change("settings", hold_out=False)
    with (zoo.FOLDER / "tiny/recipe.yaml").open("a") as recipe:
        recipe.write("hold_out: false\n")
    text = (ship(run.folder, run.data, "tiny") / "model-card.md").read_text()
    assert "all of FER2013's `train` (70 faces), and the last epoch taken" in text


def test_the_card_of_a_network_beside_its_mirror_image_says_so(run: Run, shipped: Path) -> None:
    assert "mirror" not in (shipped / "model-card.md").read_text()
    with (zoo.FOLDER / "tiny/recipe.yaml").open("a") as recipe:
        recipe.write("mirror: true\n")
    run.change("settings", mirror=True)
    run.change("result", unmirrored={"accuracy": 0.3456})
    text = (ship(run.folder, run.data, "tiny") / "model-card.md").read_text()
    assert "| integers, without its mirror image | 34.56 % (measured) |" in text
    assert "beside it stands its mirror image, which is not trained" in text


def test_programs_read_the_same_figures(run: Run, shipped: Path) -> None:
    card = zoo.card("tiny")
    assert card["accuracy"] == round(run.history["result"]["integer"]["accuracy"], 4)
    assert card["accuracy_faces"] == 42
    assert card["weight_bytes"] == run.network.weight_bytes


def test_a_run_on_other_faces_is_refused(run: Run) -> None:
    (run.data / "test/happy/59.png").unlink()
    with pytest.raises(CheckpointError, match="Give the faces of that run"):
        ship(run.folder, run.data, "tiny")
    assert zoo.names() == ()


@pytest.mark.parametrize(
    ("setting", "value"), [("lr", 0.02), ("qat_epochs", 2), ("seed", 1), ("teachers", ["ab"]), ("mirror", True)]
)
def test_a_run_the_recipe_does_not_make_is_refused(run: Run, setting: str, value: object) -> None:
    run.change("settings", **{setting: value})
    with pytest.raises(CheckpointError, match=setting):
        ship(run.folder, run.data, "tiny")


def test_a_run_that_is_not_finished_is_refused(run: Run) -> None:
    with pytest.raises(CheckpointError, match=r"history\.json"):
        ship(run.folder / "nowhere", run.data, "tiny")
    run.change("result", split="val")
    with pytest.raises(CheckpointError, match="no finished qat-train"):
        ship(run.folder, run.data, "tiny")


def test_a_network_without_a_recipe_is_refused(run: Run) -> None:
    with pytest.raises(FerEdgeError, match="no recipe 'zoo/other'"):
        ship(run.folder, run.data, "other")


@pytest.fixture
def votes(run: Run) -> Path:
    """Votes for what each test face is labelled as, but for one that half of the people found sad."""
    lines = ["Usage,Image name," + ",".join([*ferplus.COLUMNS.values(), *ferplus.NO_EMOTION])]
    rows = ["path,row"]
    for row, path in enumerate(sorted(run.data.glob("test/*/*.png"))):
        share = {path.parent.name: 10} if row else {path.parent.name: 5, "contempt": 5}
        lines.append(
            f"PublicTest,{row}.png," + ",".join(str(share.get(name, 0)) for name in [*ferplus.CLASSES, "", ""])
        )
        rows.append(f"{path.relative_to(run.data).as_posix()},{row}")
    (run.data / "rows.csv").write_text("\n".join(rows) + "\n")
    (run.data / "votes.csv").write_text("\n".join(lines) + "\n")
    return run.data / "votes.csv"


def test_with_votes_the_card_says_how_often_the_network_agrees_with_people(run: Run, votes: Path) -> None:
    text = (ship(run.folder, run.data, "tiny", votes) / "model-card.md").read_text()
    card = zoo.card("tiny")
    assert (card["agreement_faces"], card["accuracy_faces"]) == (41, 42)
    assert f"(FERPlus, 8 classes, 41 faces) | {percent(card['agreement'])} (measured" in text
    assert card["learnt_from"] == "FER2013's labels"


def test_what_learnt_from_votes_is_shipped_with_votes_only(run: Run, shipped: Path) -> None:
    run.change("settings", classes=list(ferplus.CLASSES))
    with pytest.raises(CheckpointError, match="other classes"):
        ship(run.folder, run.data, "tiny")
    with (zoo.FOLDER / "tiny/recipe.yaml").open("a") as recipe:
        recipe.write("labels: votes\n")
    with pytest.raises(CheckpointError, match="learnt from FERPlus' votes"):
        ship(run.folder, run.data, "tiny")
