"""A picture goes in; faces, their pixels and what the network says of them come out."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fer_edge.faces import CLASSES
from fer_edge.faces.detect import crop, find_faces
from fer_edge.live.computer import Computer
from fer_edge.simulate import simulate
from tests.live.conftest import picture, png

HAPPY, FEAR = 2663, 2501  # drawn faces that the detector is sure of, and the network, too


def test_of_every_face_it_tells_box_pixels_scores_and_cost(client: TestClient, computer: Computer) -> None:
    image = picture(HAPPY, FEAR, width=800)
    result = client.post("/picture", content=png(image)).json()
    assert result["size"] == [800, 480]
    boxes = find_faces(image)
    assert len(boxes) == 2
    for face, box in zip(result["faces"], boxes, strict=True):
        pixels = np.frombuffer(base64.b64decode(face["pixels"]), np.uint8).reshape(48, 48)
        assert (pixels == crop(image, box)).all()
        assert face["box"] == {"left": box.left, "top": box.top, "side": box.side}
        answer = face["answer"]
        assert answer["logits"] == simulate(computer.network, computer.network.device_input(pixels[None]))[0].tolist()
        assert sum(answer["scores"]) == pytest.approx(1)
        assert answer["who"] == "simulator"
        assert {answer[what]["kind"] for what in ("cycles", "latency", "energy")} == {"estimated"}
        assert "38 mW (measured by the vendor on FaceID, assumed for this network)" in answer["energy"]["source"]
    left_to_right = sorted(result["faces"], key=lambda face: face["box"]["left"])
    assert [CLASSES[int(np.argmax(face["answer"]["scores"]))] for face in left_to_right] == ["happy", "fear"]


def test_where_there_is_no_face_none_is_made_up_but_the_middle_may_be_asked_for(client: TestClient) -> None:
    empty = png(picture())
    assert client.post("/picture", content=empty).json()["faces"] == []
    (face,) = client.post("/picture?whole=1", content=empty).json()["faces"]
    assert face["box"] == {"left": 80, "top": 0, "side": 480}


BROKEN = {
    "empty": b"",
    "text": b"no picture",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "pdf": b"%PDF-1.4\n1 0 obj<<>>endobj\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "zeros": bytes(5000),
    "noise": random.Random(0).randbytes(5000),
    "png-signature": b"\x89PNG\r\n\x1a\n",
    "png-cut": png(picture(HAPPY))[:3000],
    "png-bit": png(picture(HAPPY))[:60] + b"\xff" + png(picture(HAPPY))[61:],
    "png-no-pixels": png(Image.new("L", (9, 9)))[:33],
    "jpeg-signature": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "jpeg-end": b"\xff\xd8\xff\xd9",
    "gif-cut": b"GIF89a\x10\x00\x10\x00\x80\x00\x00",
    "bmp-lies": b"BM" + (10**9).to_bytes(4, "little") + bytes(48),
    "tiff-loop": b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
    "webp-cut": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "ppm-cut": b"P6 100 100 255 abc",
    "ppm-negative": b"P5 -4 -4 255 ",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_words(client: TestClient, kind: str) -> None:
    refused = client.post("/picture", content=BROKEN[kind])
    assert refused.status_code == 422
    assert refused.json() == {
        "error": "This is not a readable picture.",
        "cure": "Give a PNG, JPEG, WebP, GIF, BMP or TIFF file.",
    }
