"""What the host makes of the board's CAMERA_FRAMEs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from fer_edge.bench.device import CameraFrame, Device
from fer_edge.bench.protocol import CAMERA_FRAME_REPLY, CameraDetail, Command
from fer_edge.errors import BoardError


class Replies:
    """A link whose board answers every request with the next of the replies."""

    port = "here"

    def __init__(self, *replies: bytes) -> None:
        self.replies, self.requests = list(replies), list[bytes]()

    def stream(self, command: Command, payloads: Iterable[bytes], timeout: float) -> Iterator[bytes]:
        assert command == Command.CAMERA_FRAME
        for payload in payloads:
            self.requests.append(payload)
            yield self.replies.pop(0)


def reply(number: int, side: int = 0, camera_side: int = 0) -> bytes:
    head = CAMERA_FRAME_REPLY.pack(number, 2, 47_858, 4805, 1481, 1, 3, side, camera_side)
    return head + np.array([-5, 2**31 - 1, 0], "<i4").tobytes() + bytes(range(side**2)) + bytes(camera_side**2)


def frames(*replies: bytes) -> list[CameraFrame]:
    link = Replies(*replies)
    found = list(Device(link).camera_frames([CameraDetail.PIXELS] * len(replies)))  # type: ignore[arg-type]
    assert link.requests == [b"\x01"] * len(replies)
    return found


def test_a_frame_has_its_numbers_logits_and_pictures() -> None:
    (frame,) = frames(reply(7, side=3, camera_side=4))
    assert (frame.number, frame.broken, frame.predicted, frame.logits) == (7, 2, 1, (-5, 2**31 - 1, 0))
    assert (frame.capture_seconds, frame.compute_seconds) == pytest.approx((47.858e-3, 4.805e-3))
    assert frame.inference_seconds == pytest.approx(1.481e-3)
    assert frame.pixels.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert frame.preview.shape == (4, 4)


def test_what_was_not_asked_for_is_empty() -> None:
    (frame,) = frames(reply(0))
    assert frame.pixels.size == frame.preview.size == 0


def test_frames_that_went_by_are_counted_by_their_numbers() -> None:
    assert [frame.lost for frame in frames(*map(reply, (4, 5, 9, 10)))] == [0, 0, 3, 0]


@pytest.mark.parametrize("length", [0, 5, CAMERA_FRAME_REPLY.size + 11, -1])
def test_a_reply_cut_short_is_a_board_error(length: int) -> None:
    with pytest.raises(BoardError, match="CAMERA_FRAME"):
        frames(reply(0, side=3)[:length])
