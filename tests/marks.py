"""What tests need that not every computer has."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

on_virtual_board = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or importlib.util.find_spec("unicorn") is None,
    reason="no arm-none-eabi-gcc, or no unicorn",
)
