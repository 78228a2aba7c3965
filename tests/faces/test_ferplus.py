"""FERPlus' votes on FER2013, by its own protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces import Faces, ferplus, load, train_and_val
from fer_edge.faces.check import check
from tests.present import present

from .conftest import csv_line, save_csv, save_folder, some

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
CLEAR = "6,0,0,2,1,1,0,0,0,0"  # neutral by 6 of 8, single votes dropped; sad is the only other
SPLIT = "4,4,0,0,0,0,0,0,2,0"  # no class has over half
ABSENT = "0,2,0,0,0,0,0,0,0,8"  # no face
HALF = "4,0,1,0,0,0,0,0,5,0"  # as many votes for an emotion as for none


NAMES = HEADER.split(",")[2:]
EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]  # Kaggle's numbering


def votes_file(path: Path, rows: list[str], usages: list[str] | None = None) -> Path:
    usages = usages or ["Training"] * len(rows)
    lines = [f"{usage},fer{i}.png,{row}" for i, (usage, row) in enumerate(zip(usages, rows, strict=True))]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def agreeing(source: Path) -> Path:
    """Votes beside Kaggle's file, ten for what each of its lines is labelled as."""
    lines = source.read_text().splitlines()[1:]
    rows = [",".join("10" if name == EMOTIONS[int(line[0])] else "0" for name in NAMES) for line in lines]
    return votes_file(source.with_name("votes.csv"), rows, [line.rpartition(",")[2] for line in lines])


@pytest.fixture
def votes(tmp_path: Path) -> ferplus.Votes:
    return ferplus.read(votes_file(tmp_path / "votes.csv", [CLEAR, SPLIT, ABSENT, HALF]))


def test_majority_is_over_half_of_the_votes_that_are_not_single(votes: ferplus.Votes) -> None:
    assert votes.majority().tolist() == [ferplus.CLASSES.index("neutral"), -1, -1, -1]


def test_shares_are_of_the_votes_for_emotions_and_leave_out_faces_that_show_none(votes: ferplus.Votes) -> None:
    shares = votes.shares()
    assert shares[0].tolist() == pytest.approx([0.1, 0, 0.1, 0, 0, 0.6, 0.2, 0])
    assert shares[1].tolist() == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0, 0])
    assert not shares[2].any()
    assert shares[3].sum() == pytest.approx(1)


def test_a_folder_knows_by_rows_csv_which_votes_belong_to_a_face(tmp_path: Path) -> None:
    faces = some("test", 1)
    save_folder(tmp_path, "test", faces)
    (tmp_path / "rows.csv").write_text("path,row\ntest/happy/3.png,0\ntest/sad/5.png,2\n")
    happy = Faces(faces.images[3:4], faces.labels[3:4], ["test/happy/3.png"])
    path = votes_file(tmp_path / "votes.csv", [SPLIT, SPLIT, CLEAR])
    assert len(ferplus.relabel(happy, tmp_path, ferplus.read(path), training=False)) == 0
    learnt = ferplus.relabel(happy, tmp_path, ferplus.read(path), training=True)
    assert learnt.classes == ferplus.CLASSES
    np.testing.assert_allclose(learnt.targets()[0], [0, 0, 0, 0, 0.5, 0.5, 0, 0])
    with pytest.raises(DataError, match=r"no votes for .*test.*rows\.csv"):
        load(tmp_path, "test", labels=path)


@pytest.fixture
def challenge(tmp_path: Path) -> tuple[Path, Path]:
    """A file of 14 train and 7 test faces in this order, as Kaggle's, and votes that agree with its labels."""
    source = save_csv(tmp_path / "fer2013.csv", {"train": some("train", 2), "test": some("test", 1)})
    header, *lines = source.read_text().splitlines()
    source.write_text("\n".join([header, *sorted(lines, key=lambda line: line.endswith("PublicTest"))]) + "\n")
    return source, agreeing(source)


def agreement(source: Path, votes: Path) -> float:
    found = present(check(source, votes)["votes"])
    return float(sum(of["agree"] for of in found.values()) / sum(of["clear"] for of in found.values()))


def test_kaggle_csv_and_votes_go_line_by_line(challenge: tuple[Path, Path]) -> None:
    assert agreement(*challenge) == 1
    source, path = challenge
    voted = load(source, "test", labels=path)
    plain = load(source, "test")
    assert [voted.classes[i] for i in voted.labels] == [plain.classes[i] for i in plain.labels]


def test_an_empty_line_moves_no_votes(challenge: tuple[Path, Path]) -> None:
    source, path = challenge
    source.write_text(source.read_text().replace("\n", "\n\n", 3))
    assert agreement(source, path) == 1


def test_private_faces_need_no_votes(challenge: tuple[Path, Path]) -> None:
    source, path = challenge
    with source.open("a") as file:
        file.write(csv_line(some("private", 1).images[0], 0, "PrivateTest"))
    assert agreement(source, path) == 1


@pytest.mark.parametrize(
    "kept", [slice(1, 21), slice(0, 20), slice(14, 21)], ids=["first line gone", "last line gone", "test only"]
)
def test_a_csv_that_is_not_the_challenges_is_refused_with_votes(kept: slice, challenge: tuple[Path, Path]) -> None:
    source, path = challenge
    header, *lines = source.read_text().splitlines()
    source.write_text("\n".join([header, *lines[kept]]))
    with pytest.raises(DataError, match=r"from face \d+ on their Usage differs.*the challenge's own fer2013\.csv"):
        load(source, "test", labels=path)


def test_val_is_the_same_faces_as_without_votes_and_tested_by_the_majority(tmp_path: Path) -> None:
    source = save_csv(tmp_path / "fer2013.csv", {"train": some("train", 30)})
    count = len(source.read_text().splitlines()) - 1
    path = votes_file(tmp_path / "votes.csv", [CLEAR] * count)
    train, val = train_and_val(source, labels=path)
    assert (set(train.names), set(val.names)) == tuple(set(faces.names) for faces in train_and_val(source))
    assert train.soft_targets is not None
    assert val.soft_targets is None
    everything, nothing = train_and_val(source, labels=path, hold_out=False)
    assert len(everything) == count
    assert everything.soft_targets is not None
    assert len(nothing) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has no column anger"),
        (f"{HEADER}\nTraining,x.png,{CLEAR.replace('6', 'many')}\n", "line 2: 'many' is not a number of votes"),
        (f"{HEADER}\nTraining,x.png,{CLEAR.replace('6', '6' * 20)}\n", "line 2: '6{20}' is not a number of votes"),
        (f"{HEADER}\nTraining,x.png,1,2\n", "line 2: None is not a number"),
    ],
)
def test_what_is_wrong_with_a_file_of_votes_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "votes.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        ferplus.read(tmp_path / "votes.csv")


def test_votes_that_are_not_there_are_named_whichever_option_they_were_given_by(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        ferplus.read(tmp_path / "nope")
    assert "nope: cannot be read" in caught.value.what
    assert caught.value.cure == "Give FERPlus' fer2013new.csv as the votes."


@pytest.mark.parametrize("read", [load, lambda source, split, labels: check(source, labels)], ids=["load", "check"])
def test_faces_of_another_set_have_no_votes(tmp_path: Path, read: Callable[..., object]) -> None:
    votes = votes_file(tmp_path / "votes.csv", [CLEAR] * 8)
    with pytest.raises(DataError, match="has no votes for drawn: drawn:"):
        read("drawn", "test", labels=votes)
    raf_db = tmp_path / "list_patition_label.txt"
    raf_db.write_text("test_0001.jpg 1\n")
    Image.fromarray(some("test", 1).images[0]).save(tmp_path / "test_0001.jpg")
    with pytest.raises(DataError, match=r"has no votes for .*list_patition_label.txt: test_0001.jpg"):
        read(raf_db, "test", labels=votes)


def test_fer2013_has_as_many_faces_by_the_votes_as_published(fer2013: Path) -> None:
    faces = load(fer2013, "test", labels=fer2013 / "fer2013new.csv")
    assert len(faces) == 3199
    assert faces.per_class()["contempt"] == 13


def test_privileged_votes_soften_the_label_by_what_they_tell_of_it(tmp_path: Path) -> None:
    """Nearly all who saw sad are labelled so, and the one happy face of whom they saw sad, by mistake, is told so."""
    source = save_csv(tmp_path / "fer2013.csv", {"train": some("train", 20)})
    plain, _ = train_and_val(source)
    lines = source.read_text().splitlines()[1:]
    first_happy = next(i for i, line in enumerate(lines) if line[0] == "3")
    rows = []
    for i, line in enumerate(lines):
        voted = "sadness" if i == first_happy else EMOTIONS[int(line[0])]
        rows.append(",".join("10" if name == voted else "0" for name in NAMES))
    path = votes_file(tmp_path / "votes.csv", rows)
    train, val = train_and_val(source, privileged=path, hold_out=False)
    assert not len(val)
    assert train.classes == plain.classes
    targets = train.targets()
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
    assert (targets[np.arange(len(train)), train.labels] >= 0.5).all()
    odd = train.names.index(f"csv:{first_happy + 2}")
    sad, happy = plain.classes.index("sad"), plain.classes.index("happy")
    assert targets[odd, sad] > 0.4, "half of what the votes tell"
    ordinary = [i for i in np.flatnonzero(train.labels == happy) if i != odd]
    assert targets[ordinary, happy].min() > 0.9
