"""The accelerator's clock and power domains, and what each power mode leaves of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_edge import registers as r
from fer_edge.errors import BoardError
from tests.board.firmware import Wire, build

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.accelerator import Accelerator
from fer_edge.board.machine import Machine

US = 50  # timer counts
RCNT = r.layer_register("RCNT", 0, 0)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("power", tmp_path_factory.mktemp("power"))


def obey(elf: Path, orders: bytes, words: int = 1) -> tuple[Accelerator, list[int]]:
    """The accelerator after these orders, for which the program sends so many words."""
    wire = Wire(orders)
    machine = Machine(elf, wire, Options(idle_limit=5))
    machine.run(lambda: len(wire.sent) >= 4 * words)
    machine.accelerator.settle()
    return machine.accelerator, wire.words


def kept(accelerator: Accelerator) -> str:
    """Which of registers, biases, data and masks are as the program has filled them; the others must be zero."""
    found = {
        "registers": accelerator.read(RCNT) == 3,
        "bias": accelerator.bias[0, 0] == 5,
        "data": accelerator.data[0] == 7,
        "masks": accelerator.mask[0, 0, 8] == 0x40,
    }
    lost = accelerator.read(RCNT), accelerator.bias[0, 0], accelerator.data[0], accelerator.mask[0, 0, 8]
    assert all(here or not value for here, value in zip(found.values(), lost, strict=True))
    return " ".join(name for name, here in found.items() if here)


@pytest.mark.parametrize(
    ("order", "what"),
    [
        (b"g", "registers bias data masks"),  # the clock gated
        (b"u", "registers bias data masks"),  # UPM, with power
        (b"k", "masks"),  # UPM, with power for the masks alone
        (b"K", "masks"),  # the same in STANDBY
        (b"s", "masks"),  # STANDBY takes the power of what is not retained
        (b"o", ""),  # all power off
    ],
)
def test_what_clock_and_power_leave(elf: Path, order: bytes, what: str) -> None:
    assert kept(obey(elf, order)[0]) == what


@pytest.mark.parametrize("order", [b"c", b"w", b"d", b"D", b"i", b"r"])
def test_touching_the_accelerator_without_clock_or_power_is_an_error_with_its_place(elf: Path, order: bytes) -> None:
    with pytest.raises(BoardError, match=r"accesses CNN quadrant 0 while it has no power or clock.*PC 0x1000"):
        obey(elf, order)


def test_an_inference_stands_still_while_the_accelerator_has_no_clock(elf: Path) -> None:
    _, (ticks, _) = obey(elf, b"p", 2)
    assert ticks == pytest.approx(1000 * US, abs=3 * US), "of which it computes 0.8 µs"


def test_without_its_oscillator_the_wake_up_timer_wakes_nobody(elf: Path) -> None:
    with pytest.raises(BoardError, match="nothing runs that could wake it"):
        obey(elf, b"e")
