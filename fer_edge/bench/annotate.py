"""`fer-edge predict --save`: pictures with a box around each face, and beside them each face with its scores."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from fer_edge.bench.prediction import Face, Prediction
from fer_edge.faces.dataset import SIDE
from fer_edge.pages.colours import PALETTE, hue, text_on
from fer_edge.terminal import shown as legible

_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

LONGER = 240, 900
"""Pixels of the longer side of a picture on the sheet, at least and at most: frames would hide small faces."""
GAP = 16
LINE = 18  # pixels of a line of text
_FACE = 2 * SIDE
_NAME, _BAR, _SHARE = 80, 140, 60  # widths in pixels
_COLUMN = _FACE + GAP + _NAME + _BAR + _SHARE
_HUES = 6


def for_sheet(picture: Image.Image) -> Image.Image:
    """A copy whose longer side is within `LONGER`."""
    (least, most), longer = LONGER, max(picture.size)
    scale = min(max(longer, least), most) / longer
    width, height = (max(1, round(scale * side)) for side in picture.size)
    return picture.resize((width, height))


def sheet(results: Sequence[Prediction]) -> Image.Image:
    """One below the other: each picture, which its result has as `shown`, with its faces and their scores."""
    rows = [_row(result.shown, result) for result in results if result.shown is not None]
    size = max(row.width for row in rows), sum(row.height for row in rows)
    whole = Image.new("RGB", size, PALETTE["paper"][0])
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole


def _row(picture: Image.Image, result: Prediction) -> Image.Image:
    font = ImageFont.load_default(13)
    title = legible(f"{result.image}: {result.prepared} ({result.network}, {result.where})")
    title = title.replace("×", "x")  # Pillow's own font has no ×
    heights = [max(_FACE, len(face.scores) * LINE) + GAP for face in result.faces]
    width = max(picture.width + GAP + _COLUMN, round(font.getlength(title))) + 2 * GAP
    height = 2 * GAP + 2 * LINE + max(picture.height, sum(heights))
    row = Image.new("RGB", (width, height), PALETTE["paper"][0])
    ImageDraw.Draw(row).text((GAP, GAP), title, PALETTE["ink"][0], font)
    left, top = GAP, GAP + 2 * LINE
    row.paste(_framed(picture, result, font), (left, top))
    left += picture.width + GAP
    for number, (face, height) in enumerate(zip(result.faces, heights, strict=True)):
        _scores(row, (left, top), face, number, font)
        top += height
    return row


def _framed(picture: Image.Image, result: Prediction, font: _Font) -> Image.Image:
    """The picture with a numbered frame around each face."""
    framed = picture.convert("RGB")
    draw = ImageDraw.Draw(framed)
    scale = picture.width / result.size[0]
    for number, face in enumerate(result.faces):
        if box := face.box:
            x, y, side = scale * box.left, scale * box.top, scale * box.side
            draw.rectangle((x, y, x + side, y + side), outline=_colour(number), width=3)
            _label(draw, (max(x, 0), max(y, 0)), number, font)
    return framed


def _scores(row: Image.Image, at: tuple[int, int], face: Face, number: int, font: _Font) -> None:
    """A face at twice its size, and its scores as bars, the highest first."""
    left, top = at
    row.paste(Image.fromarray(face.pixels).resize((_FACE, _FACE), Image.Resampling.NEAREST), at)
    draw = ImageDraw.Draw(row)
    _label(draw, at, number, font)
    left += _FACE + GAP
    for name, share in face.ranking():
        bar = left + _NAME, top + 2
        draw.text((left, top), legible(name), PALETTE["ink"][0], font)
        draw.rectangle((*bar, bar[0] + _BAR, bar[1] + LINE - 6), fill=PALETTE["wash"][0])
        draw.rectangle((*bar, bar[0] + _BAR * share, bar[1] + LINE - 6), fill=PALETTE["accent"][0])
        draw.text((bar[0] + _BAR + 8, top), f"{100 * share:.1f} %", PALETTE["ink"][0], font)
        top += LINE


def _label(draw: ImageDraw.ImageDraw, at: tuple[float, float], number: int, font: _Font) -> None:
    """A face's number, from 1, in its colour."""
    text, (x, y) = str(number + 1), at
    draw.rectangle((x, y, x + 8 + font.getlength(text), y + LINE), fill=_colour(number))
    draw.text((x + 4, y + 1), text, text_on(_colour(number)), font)


def _colour(number: int) -> str:
    return hue(number % _HUES, _HUES)
