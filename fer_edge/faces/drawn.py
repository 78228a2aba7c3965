"""Faces drawn by formula, so that everything runs and is tested without a download.

Face number k always looks the same and shows the emotion `CLASSES[k % 7]`. A face is a person (proportions,
tones, hair), an expression (brows, eyes, nose, mouth; see `EXPRESSIONS`) and a photograph (pose, light, noise),
each drawn at random from k. All lengths are in face units: the head is an ellipse of half-height 1 about the
origin, x to the right and y down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_edge.faces.dataset import CLASSES, SIDE, Faces

Array = NDArray[np.float32]

# Disjoint numbers, so that no face stands in two splits. Multiples of seven: every class equally often.
NUMBERS = {
    "train": range(0, 2100),
    "val": range(2100, 2450),
    "test": range(2450, 3150),
    "private": range(3150, 3850),
}

# What each expression adds to the resting face, at full strength.
PARTS = (
    "inner_brow",  # height of the brow's inner end, up is positive
    "outer_brow",  # height of its outer end
    "knit",  # brows drawn together
    "upper_lid",  # opening of the eye above its axis, in parts of the resting opening
    "lower_lid",  # opening below the axis, likewise
    "wrinkle",  # nose wrinkled, lines beside it; 0 to 1
    "corners",  # mouth corners, up is positive
    "width",  # of the mouth
    "gape",  # half-height of the mouth's opening
    "teeth",  # 0 to 1
    "upper_lip",  # middle of the upper lip raised
)  # fmt: skip
EXPRESSIONS = {
    #            brow: in    out   knit  lids: up    low  wrinkle  mouth: up wide  gape  teeth  lip
    "angry":        (-0.15,  0.06, 0.07,      -0.15, -0.2,  0.2,      -0.05, -0.03, 0.04,  0.7, 0.00),
    "disgust":      (-0.08, -0.06, 0.04,      -0.55, -0.5,  1.0,      -0.09, -0.02, 0.03,  0.3, 0.11),
    "fear":         ( 0.15,  0.02, 0.04,       0.60,  0.3,  0.0,      -0.04,  0.09, 0.10,  0.8, 0.00),
    "happy":        ( 0.02,  0.02, 0.00,      -0.20, -0.5,  0.0,       0.17,  0.12, 0.07,  0.9, 0.00),
    "neutral":      ( 0.00,  0.00, 0.00,       0.00,  0.0,  0.0,       0.00,  0.00, 0.00,  0.0, 0.00),
    "sad":          ( 0.12, -0.09, 0.04,      -0.45,  0.0,  0.0,      -0.13, -0.05, 0.00,  0.0, 0.00),
    "surprise":     ( 0.17,  0.15, 0.00,       0.65,  0.4,  0.0,       0.00, -0.11, 0.22,  0.0, 0.00),
}  # fmt: skip


def read(split: str) -> Faces:
    """The drawn faces of a split: 2,100 train, 350 val, 700 test, 700 private."""
    numbers = NUMBERS[split]
    labels = np.array([k % len(CLASSES) for k in numbers], np.int64)
    return Faces(draw(numbers), labels, [f"drawn:{k}" for k in numbers])


def draw(numbers: range) -> NDArray[np.uint8]:
    """Faces by their numbers: uint8 [N, 48, 48]."""
    chunk = 128  # keeps the dozen float images of each face within the processor's cache
    parts = [_draw(numbers[i : i + chunk]) for i in range(0, len(numbers), chunk)]
    return np.concatenate(parts)


class _Dice:
    """Random numbers of N faces, each face's own: a face looks the same in whatever company it is drawn."""

    def __init__(self, numbers: range) -> None:
        self.rngs = [np.random.default_rng(k) for k in numbers]
        self.columns = iter(np.array([rng.random(64) for rng in self.rngs], np.float32).T)

    def between(self, low: float, high: float) -> Array:
        """Uniform [N, 1, 1]."""
        result: Array = (low + (high - low) * next(self.columns))[:, None, None]
        return result

    def noise(self) -> Array:
        """Normal [N, 48, 48]."""
        return np.stack([rng.standard_normal((SIDE, SIDE), np.float32) for rng in self.rngs])


def _draw(numbers: range) -> NDArray[np.uint8]:
    dice = _Dice(numbers)
    between = dice.between

    # The expression: never quite as in the book.
    book = np.array([EXPRESSIONS[CLASSES[k % len(CLASSES)]] for k in numbers], np.float32).T[:, :, None, None]
    strength = between(0.6, 1.1)
    show = dict(zip(PARTS, book * strength, strict=True))
    for part, spread in (("inner_brow", 0.03), ("outer_brow", 0.03), ("corners", 0.025), ("width", 0.04)):
        show[part] = show[part] + between(-spread, spread)
    show["gape"] = show["gape"] * between(0.3, 1.2)

    # Pose: from pixels to face units (x, y), and to features that turn on the head (fx, fy).
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    unit = between(19, 25)  # pixels
    angle = np.deg2rad(between(-14, 14))
    dx = (column - SIDE / 2 + 0.5 - between(-3.5, 3.5)) / unit
    dy = (row - SIDE / 2 + 0.5 - between(-3.5, 3.5)) / unit
    x, y = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
    yaw, pitch = between(-0.16, 0.16), between(-0.08, 0.08)
    fx, fy = x - yaw, y - pitch

    def edge(inside: Array) -> Array:
        """Opacity from a depth in face units: a border one pixel wide."""
        result: Array = np.clip(inside * unit + 0.5, 0, 1)
        return result

    def ellipse(cx: Array | float, cy: Array | float, rx: Array | float, ry: Array | float) -> Array:
        return edge((1 - np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)) * np.minimum(rx, ry))

    # The person, before a background.
    skin, hair, ground = between(95, 215), between(15, 110), between(20, 235)
    skin = np.maximum(skin, hair + 45)  # else the brows could not be seen
    jaw = between(0.68, 0.82)
    image = ground + between(-40, 40) * dx
    image = _paint(image, ellipse(0, -0.12, jaw + 0.14, 1.08), hair)
    head = ellipse(0, 0, jaw, 1)
    shade = skin * (1 + between(-0.25, 0.25) * x + between(-0.2, 0.2) * y)
    forehead = edge(y - between(-0.85, -0.6) - between(-0.2, 0.4) * x**2)
    image = _paint(image, head * forehead, shade)

    # Eyes and brows, mirrored; wrinkles beside the nose.
    eye_x, eye_y, eye_width = between(0.31, 0.37), between(-0.2, -0.13), between(0.15, 0.19)
    opening = between(0.06, 0.085)
    gaze = between(-0.04, 0.04)
    brow_y, brow_thick = between(0.17, 0.22), between(0.03, 0.055)
    mx = np.abs(fx)
    across = (mx - eye_x) / eye_width  # -1 at the inner corner, 1 at the outer one
    almond = np.maximum(1 - across**2, 0)
    up = opening * (1 + show["upper_lid"]) * almond
    low = opening * (1 + show["lower_lid"]) * 0.8 * almond
    depth = np.minimum(fy - eye_y + up, low - (fy - eye_y))
    inside = edge(depth) * (almond > 0)
    image = _paint(image, inside, np.minimum(shade + 50, 245))
    iris = edge(0.078 - np.hypot(fx - np.sign(fx) * eye_x - gaze, fy - eye_y + 0.01))
    image = _paint(image, inside * iris, between(10, 50))
    lid = edge(0.022 - np.abs(fy - eye_y + up)) * (almond > 0)
    image = _paint(image, lid, 0.35 * shade)
    along = (mx - eye_x + show["knit"] + 0.02) / (eye_width + 0.05)
    inner, outer = show["inner_brow"], show["outer_brow"]
    rise = (inner + outer) / 2 + (outer - inner) / 2 * along + 0.04 * (1 - along**2)
    brow = edge(brow_thick - np.abs(fy - eye_y + brow_y + rise)) * (np.abs(along) < 1)
    image = _paint(image, brow, np.minimum(hair, 0.6 * shade))

    bridge = edge(0.02 - np.abs(mx - 0.1 - 0.05 * show["wrinkle"])) * (np.abs(fy - 0.02) < 0.1)
    image = _paint(image, bridge * (0.15 + 0.5 * show["wrinkle"]), 0.5 * shade)
    nostril = edge(0.045 - np.hypot(mx - 0.09, (fy - 0.24 + 0.05 * show["wrinkle"]) * 1.5))
    image = _paint(image, 0.7 * nostril, 0.45 * shade)
    fold_depth = np.clip(show["wrinkle"] + 3 * show["corners"], 0, 1)
    fold = edge(0.02 - np.abs(mx - 0.2 - 0.45 * (fy - 0.2))) * (np.abs(fy - 0.32) < 0.14)
    image = _paint(image, 0.6 * fold * fold_depth, 0.55 * shade)

    # Mouth: a curve, opened to both sides.
    mouth_y, lip = between(0.5, 0.56), between(0.035, 0.05)
    half = between(0.25, 0.31) + show["width"]
    t = fx / half
    belly = np.maximum(1 - t**4, 0)
    curve = fy - mouth_y - show["corners"] * (0.5 - t**2) + show["upper_lip"] * np.maximum(1 - 2 * t**2, 0)
    gape = show["gape"] * belly
    lips = edge(lip + gape - np.abs(curve)) * (np.abs(t) < 1)
    image = _paint(image, lips, between(0.5, 0.75) * shade)
    line = edge(np.maximum(gape, 0.018) - np.abs(curve)) * (np.abs(t) < 0.95)
    image = _paint(image, line, between(10, 40))
    bite = edge(np.minimum(gape, 0.07) - 0.015 - np.abs(curve + np.maximum(gape - 0.08, 0))) * (np.abs(t) < 0.85)
    image = _paint(image, bite * np.clip(show["teeth"], 0, 1), 225)

    # The photograph: light from one side, exposure, noise.
    light = 1 + between(-0.35, 0.35) * dx + between(-0.2, 0.2) * dy
    image = 128 + (image * light - 128) * between(0.6, 1.1) + between(-25, 25)
    image = image + between(3, 12) * dice.noise()
    result: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return result


def _paint(image: Array, opacity: Array, tone: Array | float) -> Array:
    return image + opacity * (tone - image)
