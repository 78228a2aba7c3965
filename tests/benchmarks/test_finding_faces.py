"""How many faces are found in larger pictures, and what a network loses on them: `make benchmark`.

Faces of FER2013 (FER_EDGE_FER2013, as folders) are pasted, at 60 to 300 pixels and with soft borders, into pictures of
noise, gradients and textures; detector, crop and network then see those pictures. FER2013's faces are cut tightly,
without hair and chin, and a tenth of them are profiles, covered faces, drawings or blank: a photograph is easier.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge import faces, zoo
from fer_edge.faces import detect, drawn, ferplus
from fer_edge.faces.detect import Box, around, crop, find_faces
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate

pytestmark = pytest.mark.slow

CALIBRATED_FOR = "zoo:fernet-fast"
READ_BY = (f"zoo:{zoo.best()}", CALIBRATED_FOR)
"""The network that `predict` takes by itself, and the one that the margin was chosen with."""
WIDTH, HEIGHT = 640, 480
SIDES = (60, 80, 110, 150, 210, 300)
MARGINS, DOWNS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.3), (-0.14, -0.11, -0.08, -0.05, 0.0)
SURE, LIKELY = (0.0, -0.1, -0.2), (-0.8, -1.0, -1.1)
CHOSEN = detect._SURE, detect._LIKELY
EMPTY = 90  # pictures without a face


def noise(rng: np.random.Generator) -> np.ndarray:
    """Grains of 1 to 16 pixels."""
    grain = int(rng.choice([1, 2, 4, 8, 16]))
    small = rng.normal(rng.uniform(80, 170), rng.uniform(15, 60), (-(-HEIGHT // grain), -(-WIDTH // grain)))
    image = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float64)


def gradient(rng: np.random.Generator) -> np.ndarray:
    """Light from one side."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    angle = rng.uniform(0, 2 * np.pi)
    along = (x / WIDTH - 0.5) * np.cos(angle) + (y / HEIGHT - 0.5) * np.sin(angle)
    result: np.ndarray = rng.uniform(70, 180) + rng.uniform(60, 160) * along + rng.normal(0, 3, x.shape)
    return result


def texture(rng: np.random.Generator) -> np.ndarray:
    """Two to five gratings, smooth or hard."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    out = rng.uniform(90, 160) + rng.normal(0, 3, x.shape)
    for _ in range(rng.integers(2, 6)):
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 120)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform(0, 2 * np.pi))
        out += rng.uniform(8, 30) * (np.sign(wave) if rng.random() < 0.5 else wave)
    result: np.ndarray = out
    return result


GROUNDS = (noise, gradient, texture)


@dataclass(frozen=True)
class Scene:
    """A picture with one face, and where that is."""

    picture: Image.Image
    left: int
    top: int
    side: int

    def shows(self, box: Box) -> bool:
        """Whether a box is this face's: near its centre, of about its size."""
        off = np.hypot(
            box.left + box.side / 2 - self.left - self.side / 2, box.top + box.side / 2 - self.top - self.side / 2
        )
        return bool(off < 0.35 * self.side and 0.55 < box.side / self.side < 1.65)


def scenes(images: np.ndarray) -> Iterator[Scene]:
    """Each face in a picture of its own; sizes and grounds in turn."""
    rng = np.random.default_rng(1)
    for number, image in enumerate(images):
        side = SIDES[number % len(SIDES)]
        ground = np.clip(GROUNDS[number // len(SIDES) % len(GROUNDS)](rng), 0, 255)
        left, top = int(rng.integers(0, WIDTH - side + 1)), int(rng.integers(0, HEIGHT - side + 1))
        face = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC), np.float64)
        soft = np.minimum((np.arange(side) + 0.5) / (side / 12), 1)
        soft = np.minimum(soft, soft[::-1])
        place = ground[top : top + side, left : left + side]
        place += np.minimum.outer(soft, soft) * (face - place)
        yield Scene(Image.fromarray(ground.astype(np.uint8)), left, top, side)


def empty_grounds() -> list[Image.Image]:
    """Pictures without a face."""
    rng = np.random.default_rng(2)
    return [Image.fromarray(np.clip(GROUNDS[n % 3](rng), 0, 255).astype(np.uint8)) for n in range(EMPTY)]


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    return load_network(Path(CALIBRATED_FOR))


def probabilities(network: IntegerNetwork, images: np.ndarray) -> np.ndarray:
    return softmax(simulate(network, network.device_input(images)) * logit_unit(network))


def fer2013(split: str, limit: int) -> faces.Faces:
    if "FER_EDGE_FER2013" not in os.environ:
        pytest.skip("FER_EDGE_FER2013 does not point to FER2013 as folders")
    return faces.load(os.environ["FER_EDGE_FER2013"], split, limit)


def test_the_margin_is_as_good_as_any_on_train(network: IntegerNetwork) -> None:
    """By cross-entropy: no other is better by more than two standard errors of the difference."""
    chosen = fer2013("train", 360)
    found, indices = [], []
    for number, scene in enumerate(scenes(chosen.images)):
        for box in [box for box in find_faces(scene.picture) if scene.shows(box)][:1]:
            side = box.side / detect.MARGIN  # the detector's own
            centre = box.left + box.side / 2, box.top + box.side / 2 - detect.DOWN * side
            found.append((scene.picture, *centre, side))
            indices.append(number)
    labels = chosen.labels[indices]

    def scores(images: np.ndarray) -> tuple[float, np.ndarray]:
        """Accuracy, and cross-entropy of each face."""
        p = probabilities(network, images)
        return float(np.mean(p.argmax(1) == labels)), -np.log(p[np.arange(len(labels)), labels])

    table = {
        (margin, down): scores(np.stack([crop(p, around(x, y, side, 0, margin, down)) for p, x, y, side in found]))
        for margin in MARGINS
        for down in DOWNS
    }
    print(f"\n{len(found)} of {len(chosen)} faces of train; accuracy and cross-entropy by margin (down) and shift")
    print(f"  as given: {scores(chosen.images[indices])[0]:.3f}")
    for margin in MARGINS:
        row = ((down, *table[margin, down]) for down in DOWNS)
        print(
            f"  {margin:4.2f}  "
            + "   ".join(f"{down:5.2f}: {right:.3f} {loss.mean():.3f}" for down, right, loss in row)
        )
    ours = table[detect.MARGIN, detect.DOWN][1]
    for where, (_, other) in table.items():
        difference = ours - other
        assert difference.mean() <= 2 * difference.std() / np.sqrt(len(difference)), where


def remember_readings(monkeypatch: pytest.MonkeyPatch, pictures: list[Image.Image]) -> None:
    """What has been read of these pictures is not read again for other thresholds."""
    search, look_again = detect._search, detect._look_again
    places: dict[int, list[detect._Find]] = {}
    seen: dict[tuple[int, detect._Find], detect._Find] = {}
    known = {id(picture) for picture in pictures}

    def search_once(picture: Image.Image, scale: float, threshold: float) -> list[detect._Find]:
        if id(picture) not in known:  # a part, looked at again
            return search(picture, scale, threshold)
        if id(picture) not in places:
            places[id(picture)] = search(picture, scale, min(LIKELY) - detect._MARGINAL)
        return [place for place in places[id(picture)] if place.score >= threshold]

    def look_once(picture: Image.Image, find: detect._Find) -> detect._Find:
        if (id(picture), find) not in seen:
            seen[id(picture), find] = look_again(picture, find)
        return seen[id(picture), find]

    monkeypatch.setattr(detect, "_search", search_once)
    monkeypatch.setattr(detect, "_look_again", look_once)


def test_the_thresholds_on_train(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others would find, rightly and wrongly."""
    shown = list(scenes(fer2013("train", 300).images))
    grounds = empty_grounds()
    large = [number for number, scene in enumerate(shown) if scene.side >= 80]
    remember_readings(monkeypatch, [*(scene.picture for scene in shown), *grounds])
    print()
    table = {}
    for sure, likely in itertools.product(SURE, LIKELY):
        monkeypatch.setattr(detect, "_SURE", sure)
        monkeypatch.setattr(detect, "_LIKELY", likely)
        boxes = [find_faces(scene.picture) for scene in shown]
        hits = [any(scene.shows(box) for box in found) for scene, found in zip(shown, boxes, strict=True)]
        false = (sum(map(len, boxes)) - sum(hits)) / len(shown)
        in_empty = sum(len(find_faces(ground)) for ground in grounds) / EMPTY
        rate = float(np.mean([hits[number] for number in large]))
        table[sure, likely] = rate, false, in_empty
        print(f"  sure {sure:+.1f}, likely {likely:+.1f}: {np.mean(hits):.1%} found, {rate:.1%} of 80 pixels and more,")
        print(f"    false finds per picture: {false:.3f} with a face, {in_empty:.3f} without")
    found, false, in_empty = table[CHOSEN]
    assert found >= 0.9
    assert max(false, in_empty) <= 0.05


def test_faces_of_test_are_found_and_read() -> None:
    chosen = fer2013("test", 600)
    hits, false, indices, cut = [], 0, [], []
    seconds = 0.0
    for number, scene in enumerate(scenes(chosen.images)):
        start = time.process_time()
        boxes = find_faces(scene.picture)
        seconds += time.process_time() - start
        own = [box for box in boxes if scene.shows(box)]
        hits.append(bool(own))
        false += len(boxes) - len(own[:1])
        if own:
            indices.append(number)
            cut.append(crop(scene.picture, own[0]))
    in_empty = sum(len(find_faces(ground)) for ground in empty_grounds())

    by_side = {side: np.mean(hits[n :: len(SIDES)]) for n, side in enumerate(SIDES)}
    large = np.mean([hit for i, hit in enumerate(hits) if SIDES[i % len(SIDES)] >= 80])
    print(f"\nfound {np.mean(hits):.1%} of {len(hits)} faces, {large:.1%} of those of 80 pixels and more")
    print("  by side   ", "  ".join(f"{side}: {rate:.0%}" for side, rate in by_side.items()))
    print(f"  false finds per picture: {false / len(hits):.3f} with a face, {in_empty / EMPTY:.3f} without")
    print(f"  {1000 * seconds / len(hits):.0f} ms of processor time a picture of {WIDTH}×{HEIGHT}")
    lost = {name: loss(name, chosen.take(np.array(indices)), np.stack(cut)) for name in READ_BY}
    assert large >= 0.9
    assert (false + in_empty) / (len(hits) + EMPTY) <= 0.1
    for mean, error in lost.values():
        assert mean <= 0.03 + 2 * error  # 0.03 is the aim


def loss(name: str, given: faces.Faces, cropped: np.ndarray) -> tuple[float, float]:
    """How much less accurate a network is on faces as cropped than on the same as given, and the standard error.

    For a network that learnt from FERPlus' votes, which lie beside the faces, right is what most people saw.
    """
    network = load_network(Path(name))
    labels = given.labels
    if network.classes == ferplus.CLASSES:
        source = Path(os.environ["FER_EDGE_FER2013"])
        votes = ferplus.read(source / "fer2013new.csv")
        labels = votes.majority()[ferplus.rows(given, source, votes)]
        kept = np.flatnonzero(labels >= 0)
        given, cropped, labels = given.take(kept), cropped[kept], labels[kept]
    first, second = (probabilities(network, images).argmax(1) for images in (given.images, cropped))
    lost = (first == labels).astype(float) - (second == labels)
    error = lost.std() / np.sqrt(len(lost))
    right = f"{np.mean(first == labels):.1%} right as given, {np.mean(second == labels):.1%} as cropped"
    print(f"  {name}: {len(labels)} faces found, {right}, the same answer for {np.mean(first == second):.1%}")
    print(f"    lost: {100 * lost.mean():.1f} points, standard error {100 * error:.1f}")
    return float(lost.mean()), float(error)


def test_a_photograph_of_12_megapixels_takes_under_a_second(tmp_path: Path) -> None:
    """The whole command: start, decoding, turning upright, finding, the largest shipped network in the simulator."""
    rng = np.random.default_rng(3)
    image = Image.fromarray(np.clip(gradient(rng), 0, 255).astype(np.uint8)).resize((4000, 3000))
    face = Image.fromarray(drawn.draw(range(36, 37))[0])
    for left in (300, 1700, 3000):
        image.paste(face.resize((600, 600), Image.Resampling.BICUBIC), (left, 1000))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    path = tmp_path / "photo.jpg"
    image.rotate(90, expand=True).convert("RGB").save(path, exif=exif)
    find_faces(Image.new("L", (80, 80)))  # the very first time on a machine, the detector takes a second to unpack
    taken = []
    for _ in range(3):
        before, start = os.times(), time.monotonic()
        done = subprocess.run([sys.executable, "-m", "fer_edge.cli", "predict", path], capture_output=True, text=True)
        wall, after = time.monotonic() - start, os.times()
        assert "4000×3000 pixels, 3 faces" in done.stdout
        used = after.children_user + after.children_system - before.children_user - before.children_system
        taken.append((used, wall))
    used, wall = min(taken)
    print(f"\n12 megapixels: {used:.2f} s of processor time, {wall:.2f} s by the clock")
    # Processor time: other work on the machine is not this program's fault.
    assert min(used, wall) < 1
