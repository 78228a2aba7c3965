"""The demo's last step: a network that comes with fer-edge, its model card's figures and its logits on the board."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("unicorn")
CHECKOUT = Path(__file__).parents[2]


def test_the_demo_shows_what_shipped_networks_are_good_at() -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    demo = (CHECKOUT / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0]
    last = demo.splitlines()[-1].split()
    assert last[:2] == ["$(VENV)/bin/python", "docs/examples/agreement.py"]
    done = subprocess.run(
        [sys.executable, *last[1:]],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    name, agreement, accuracy, cost, logits = done.stdout.splitlines()
    assert name.startswith("zoo:fernet-plus-nano")
    assert "measured on its PublicTest, by the model card" in name
    assert re.search(r"agreement +8\d\.\d\d % of faces as most of ten people say \(95 %: ", agreement)
    assert re.search(r"accuracy +5\d\.\d\d % of FER2013's labels \(95 %: ", accuracy)
    assert "(estimated)" in cost
    assert logits.strip().startswith("logits    100 of 100 random images")


def test_the_example_stays_short() -> None:
    assert len((CHECKOUT / "docs/examples/agreement.py").read_text().splitlines()) <= 30
