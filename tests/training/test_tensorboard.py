"""TensorBoard is shown what there is, however few faces that are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fer_edge.training.tensorboard import TensorBoard


@pytest.mark.parametrize(("count", "shape"), [(3, (48, 3 * 48)), (8, (48, 8 * 48)), (19, (2 * 48, 8 * 48))])
def test_faces_stand_in_rows_of_eight_or_of_as_many_as_there_are(
    count: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="needs TensorBoard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    TensorBoard(tmp_path, 0).epoch({"epoch": 1, "lr": 0.1}, torch.zeros(count, 1, 48, 48))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (image,) = events.Images("faces as training sees them")
    assert (image.height, image.width) == shape
    assert [scalar.value for scalar in events.Scalars("learning rate")] == [pytest.approx(0.1)]
