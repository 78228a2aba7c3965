"""The page in a real browser: a picture is picked, and what the network says of it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from fer_edge.live.computer import Computer
from tests.live.browser import Opened, opened, serving
from tests.live.conftest import picture, png
from tests.live.test_picture import FEAR, HAPPY
from tests.present import present

expect.set_options(timeout=30_000)  # the machine may be busy


@pytest.fixture(scope="module")
def address(computer: Computer) -> Iterator[str]:
    with serving(computer) as where:
        yield where


@pytest.fixture(scope="module")
def live(address: str) -> Iterator[Opened]:
    with opened(address, viewport={"width": 1280, "height": 900}) as shown:
        yield shown


def pick(live: Opened, data: bytes, name: str = "picture.png") -> None:
    live.page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": data})


def test_a_picture_of_two_faces_is_answered(live: Opened) -> None:
    pick(live, png(picture(HAPPY, FEAR, width=800)))
    page = live.page
    expect(page.locator("#found")).to_have_text("2 faces found.")
    told = page.get_by_role("img", name="Picture of 800×480 pixels").get_attribute("aria-label")
    assert "happy" in present(told)
    assert "fear" in present(told)
    for name in ("happy", "fear"):
        page.get_by_role("button", name=name).press("Enter")
        expect(page.get_by_role("button", name=name)).to_be_focused()
        expect(page.locator("#answer")).to_have_text(name)
        expect(page.locator("#bars tr")).to_have_count(7)
    expect(page.locator("#computed-by")).to_have_text("simulator")
    for figure in ("cycles", "latency", "energy"):
        expect(page.locator(f"#{figure} .tag")).to_have_text("estimated")
    pixels = page.evaluate("document.getElementById('pixels').getContext('2d').getImageData(0, 0, 48, 48).data.length")
    assert pixels == 48 * 48 * 4


def test_where_there_is_no_face_it_says_so_and_offers_the_middle(live: Opened) -> None:
    pick(live, png(picture()))
    expect(live.page.locator("#found")).to_contain_text("No face found.")
    expect(live.page.locator("#answer")).to_have_text("–")
    live.page.get_by_role("button", name="Take its middle").click()
    expect(live.page.locator("#bars tr")).to_have_count(7)


def test_a_doubtful_face_is_called_one(live: Opened) -> None:
    pick(live, png(picture(13, side=160, width=320, height=240)))
    expect(live.page.locator("#found")).to_have_text("Perhaps a face.")
    expect(live.page.locator("#bars tr")).to_have_count(7)


def test_a_picture_as_small_as_a_face_of_fer2013_is_shown_enlarged(live: Opened) -> None:
    """Frame and name are drawn on it, and on 48 pixels would hide the face."""
    pick(live, png(picture(width=48, height=48)))
    expect(live.page.get_by_role("img", name="Picture of 48×48 pixels")).to_be_visible()
    assert live.page.evaluate("document.getElementById('picture').width") == 640


def test_a_broken_file_is_refused_in_words_and_the_next_one_is_looked_at(live: Opened) -> None:
    pick(live, b"no picture")
    expect(live.page.locator("#message")).to_contain_text("This is not a readable picture. Give a PNG")
    pick(live, png(picture(HAPPY)))
    expect(live.page.locator("#found")).to_have_text("1 face found.")
    expect(live.page.locator("#message")).to_be_hidden()


def test_a_dropped_picture_is_looked_at(live: Opened, tmp_path: Path) -> None:
    pick(live, png(picture()))
    expect(live.page.locator("#found")).to_contain_text("No face found.")
    (tmp_path / "face.png").write_bytes(png(picture(HAPPY)))
    browser = live.page.context.new_cdp_session(live.page)
    what = {"items": [], "files": [str(tmp_path / "face.png")], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver"):
        browser.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 300, "data": what})
    expect(live.page.locator("#stage")).to_have_class("stage over")
    browser.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": what})
    expect(live.page.locator("#found")).to_have_text("1 face found.")
    expect(live.page.locator("#answer")).to_have_text("happy")
    expect(live.page.locator("#stage")).to_have_class("stage")


def test_a_pasted_picture_is_looked_at(live: Opened) -> None:
    pick(live, png(picture()))
    expect(live.page.locator("#found")).to_contain_text("No face found.")
    live.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = """async (bytes) => navigator.clipboard.write([
        new ClipboardItem({ "image/png": new Blob([new Uint8Array(bytes)], { type: "image/png" }) })])"""
    live.page.evaluate(copy, list(png(picture(HAPPY))))
    live.page.keyboard.press("Control+V")
    expect(live.page.locator("#found")).to_have_text("1 face found.")
    expect(live.page.locator("#answer")).to_have_text("happy")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(
    live: Opened, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    live.page.emulate_media(color_scheme=scheme)
    live.page.set_viewport_size({"width": width, "height": 900})
    pick(live, png(picture(HAPPY)))
    expect(live.page.locator("#answer")).to_have_text("happy")
    assert live.page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_was_asked_of_any_other_machine_and_nothing_went_wrong(live: Opened) -> None:
    assert {urlsplit(url).hostname for url in live.asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert [line for line in live.said if "422" not in line] == []  # Chromium notes the broken file's refusal
