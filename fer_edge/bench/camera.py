"""`fer-edge bench --through-camera`: faces shown to the board's camera, and what the board makes of them."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from tqdm import tqdm

from fer_edge import frame
from fer_edge.bench.answers import AnswerFile, Sight
from fer_edge.bench.device import CameraFrame, Device
from fer_edge.bench.protocol import CameraDetail
from fer_edge.bench.result import ThroughCamera
from fer_edge.errors import BoardError
from fer_edge.faces import Faces
from fer_edge.figure import Figure, Kind
from fer_edge.metrics import score
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import infer

Show = Callable[[int], object]
"""Has the camera see a face, by its number."""

FULL_RATE_FRAMES = 60
"""Asked for one after the other, to tell the frame rate."""
VIRTUAL_FRAMES = 4
"""Of a face: an answer not given yet, a picture not looked at yet and one on its way may still show the face before."""
SCREEN_FRAMES = 10
"""Half a second for the screen, and for exposure to follow (assumed)."""


def look(
    device: Device,
    network: IntegerNetwork,
    faces: Faces,
    show: Show,
    frames: int,
    answers: AnswerFile[Sight],
    mirror: bool = False,
) -> list[CameraFrame]:
    """Show the faces not yet answered, and keep what the board says of the last of `frames` pictures of each.

    The camera runs meanwhile. `mirror` as for `simulate.infer`. Returns the frames of a stretch at full rate before
    that. BoardError as `Device`.
    """
    device.start_camera()
    try:
        show(len(answers.records) % len(faces))
        full_rate = list(device.camera_frames(itertools.repeat(CameraDetail.ANSWER, FULL_RATE_FRAMES)))
        with tqdm(
            total=len(faces), initial=len(answers.records), desc="through the camera", unit="img", disable=None
        ) as bar:
            for index in range(len(answers.records), len(faces)):
                show(index)
                seen = _last(device, frames)
                answers.append(_sight(network, faces, index, seen, mirror))
                bar.update()
    finally:
        with suppress(BoardError):  # what went wrong before that is what counts
            device.stop_camera()
    return full_rate


def _last(device: Device, frames: int) -> CameraFrame:
    """The last of so many frames, with the network's picture."""
    for _ in device.camera_frames(itertools.repeat(CameraDetail.ANSWER, frames - 1)):
        pass
    return next(device.camera_frames([CameraDetail.PIXELS]))


def _sight(network: IntegerNetwork, faces: Faces, index: int, seen: CameraFrame, mirror: bool) -> Sight:
    expected = infer(network, seen.pixels[None], mirror)[0]
    return Sight(
        image=index,
        name=faces.names[index],
        label=int(faces.labels[index]),
        predicted=seen.predicted,
        logits=seen.logits,
        expected=tuple(expected.tolist()),
        pixels=base64.b64encode(seen.pixels.tobytes()).decode(),
    )


def result(
    network: IntegerNetwork,
    faces: Faces,
    lens: str,
    sights: Sequence[Sight],
    full_rate: Sequence[CameraFrame],
    virtual: bool,
) -> ThroughCamera:
    """What `look` found; `full_rate` as it returned them."""
    kind: Kind = "estimated" if virtual else "measured"
    clock = "virtual time" if virtual else "the board's timer"
    lost = sum(one.lost for one in full_rate)
    # A frame that is lost as a whole makes the next answer a period later.
    seconds = float(np.mean([one.capture_seconds for one in full_rate])) * (1 + lost / len(full_rate))
    compute, infer, capture = (
        float(np.mean([getattr(one, f"{name}_seconds") for one in full_rate]))
        for name in ("compute", "inference", "capture")
    )
    hidden = capture + compute - seconds
    return ThroughCamera(
        lens=lens,
        scores=score(faces, np.array([one.logits for one in sights], np.int32), network.classes),
        images_differing=sum(one.logits != one.expected for one in sights),
        frames=len(full_rate),
        lost=lost,
        broken=full_rate[-1].broken,
        frame_rate=Figure(1 / seconds, "frames/s", kind, f"{clock}, {len(full_rate)} frames in a row"),
        capture=Figure(1e3 * capture, "ms", kind, f"{clock}, end of one frame to the end of the next"),
        compute=Figure(1e3 * compute, "ms", kind, f"{clock}, from a picture to its logits"),
        overlap=Figure(
            100 * min(max(hidden / min(capture, compute), 0), 1), "%", kind,
            "of the shorter of capture and compute that costs no time, as both go on at once",
        ),
        frame=frame.captured(network.name, 1e6 * seconds, 1e6 * compute, 1e6 * infer, kind, clock),
    )  # fmt: skip
