"""Reports are made as the bench's tests make them, runs as training's."""

from tests.bench.conftest import checkpoint_path, faces_folder, network, result

__all__ = ["checkpoint_path", "faces_folder", "network", "result"]
