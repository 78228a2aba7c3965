"""What is asked about one face: what mattered, side by side, and that it is kept, but only where it may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from fer_edge.errors import DataError
from fer_edge.faces import CLASSES, Faces, drawn, sources
from fer_edge.live import face, server
from fer_edge.live.computer import Computer
from fer_edge.metrics import softmax
from fer_edge.simulate import logit_unit, simulate
from fer_edge.training.config import TrainConfig
from fer_edge.training.evaluate import load_model, model_logits
from fer_edge.training.train import run_training
from tests.live.browser import opened, serving
from tests.live.conftest import ORIGIN, PORT, TOKEN, picture, png
from tests.live.test_picture import HAPPY

expect.set_options(timeout=60_000)
PIXELS = drawn.draw(range(HAPPY, HAPPY + 1))[0]
LABEL = CLASSES.index("happy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "corrections"


@pytest.fixture
def keeping(computer: Computer, folder: Path) -> TestClient:
    application = server.application(computer, PORT, TOKEN, folder)
    return TestClient(application, ORIGIN, headers={"origin": ORIGIN, "x-token": TOKEN})


def test_what_mattered_is_the_score_that_hiding_it_costs(computer: Computer) -> None:
    lost = face.occlusion(computer.network, PIXELS, LABEL)
    assert lost.shape == (9, 9)

    def score(pixels: np.ndarray) -> float:
        logits = simulate(computer.network, computer.network.device_input(pixels[None]))
        return float(softmax(logits * logit_unit(computer.network))[0, LABEL])

    hidden = PIXELS.copy()
    hidden[30:38, 20:28] = round(float(PIXELS.mean()))
    assert lost[6, 4] == pytest.approx(score(PIXELS) - score(hidden))
    assert lost.max() > 0


def test_a_corrected_face_is_in_a_data_set_and_moves_when_corrected_anew(keeping: TestClient, folder: Path) -> None:
    for name in ("sad", "angry"):
        reply = keeping.post(f"/correction?class={CLASSES.index(name)}", content=PIXELS.tobytes())
        assert reply.json()["kept"].startswith(f"train/{name}/")
    faces, problems = sources.read(folder, "train")
    assert problems == []
    assert faces.classes == CLASSES
    assert [CLASSES[label] for label in faces.labels] == ["angry"]
    assert (faces.images[0] == PIXELS).all()


@pytest.mark.parametrize("label", ["", "7", "-1", "angry", "../../etc", "0/..", "%2e%2e", "1e0", "٣"])
def test_no_name_from_the_page_reaches_the_disk(keeping: TestClient, folder: Path, label: str) -> None:
    refused = keeping.post("/correction", params={"class": label}, content=PIXELS.tobytes())
    assert refused.status_code == 422
    assert not folder.exists()


def test_names_of_classes_are_no_paths_either(folder: Path) -> None:
    path = face.keep(folder, ("../../evil", "/etc"), 0, PIXELS)
    assert path.parent == folder / "train" / "evil"


@pytest.mark.parametrize("path", ["/correction?class=0", "/mattered?class=0", "/comparison"])
def test_a_face_has_48_by_48_bytes(keeping: TestClient, folder: Path, path: str) -> None:
    assert keeping.post(path, content=bytes(face.BYTES - 1)).status_code == 422
    assert keeping.post(path, content=bytes(face.BYTES + 1)).status_code == 413
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_named(keeping: TestClient, folder: Path) -> None:
    folder.write_text("a file")
    refused = keeping.post("/correction?class=0", content=PIXELS.tobytes())
    assert refused.status_code == 503
    assert "corrections" in refused.json()["error"]


def test_side_by_side_says_why_somebody_is_missing(computer: Computer) -> None:
    floating, integer, board = face.side_by_side(computer, PIXELS)
    assert "float.pth.tar" in floating["missing"]
    assert board == {"who": "board", "missing": "no board answers"}
    expected = simulate(computer.network, computer.network.device_input(PIXELS[None]))[0]
    assert integer["logits"] == expected.tolist()


@pytest.mark.slow
def test_float_speaks_where_its_checkpoint_lies_beside_the_quantized_one(tmp_path: Path) -> None:
    config = TrainConfig("global_8_16_16", "drawn", tmp_path, epochs=2, qat_epochs=1, limit=70, threads=1)
    run_training(config)
    with Computer(tmp_path / "quantized.pth.tar", "none") as computer:
        floating, integer, _ = face.side_by_side(computer, PIXELS)
    assert floating["scores"] != integer["scores"]
    assert sum(floating["scores"]) == pytest.approx(1, abs=1e-5)
    faces = Faces.collect([PIXELS], [LABEL], ["face"])
    expected = model_logits(load_model(tmp_path / "float.pth.tar", "float"), faces)[0]
    assert floating["logits"] == expected.tolist()


def test_class_numbers_are_checked() -> None:
    assert face.class_index("6", CLASSES) == 6
    with pytest.raises(DataError):
        face.class_index("7", CLASSES)


def test_the_page_explains_compares_and_keeps_a_face_only_when_asked(computer: Computer, folder: Path) -> None:
    with serving(computer, corrections=folder) as address, opened(address) as live:
        page = live.page
        page.set_input_files("#file", {"name": "p.png", "mimeType": "image/png", "buffer": png(picture(HAPPY))})
        page.get_by_role("button", name="What mattered?").click()
        expect(page.locator("#mattered-words")).to_contain_text("By the simulator.")
        page.get_by_role("button", name="Float, integer, board").click()
        expect(page.locator("#rows tbody tr")).to_have_count(7)
        expect(page.locator("#comparison-words")).to_contain_text("No board: no board answers.")
        expect(page.get_by_role("button", name="Correct")).to_be_disabled()
        assert not folder.exists()
        page.get_by_role("checkbox", name="Keep the faces that I correct").check()
        page.get_by_label("This face shows").select_option("sad")
        page.get_by_role("button", name="Correct").click()
        expect(page.locator("#kept")).to_contain_text("Kept as train/sad/")
        assert len(list(folder.rglob("*.png"))) == 1
        assert live.said == []
