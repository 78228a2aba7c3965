"""Ports found by USB id: one is taken, none or several are listed."""

from collections.abc import Callable

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from fer_edge.bench import ports
from fer_edge.errors import BoardError


def usb(device: str, vid: int, pid: int, product: str, serial_number: str | None = None) -> ListPortInfo:
    port = ListPortInfo(device)
    port.vid, port.pid, port.product, port.serial_number = vid, pid, product, serial_number
    return port


MODEM = usb("/dev/ttyUSB0", 0x0403, 0x6001, "FT232R USB UART")
DAPLINK = usb("/dev/ttyACM0", 0x0D28, 0x0204, "DAPLink CMSIS-DAP", "0409")
BY_NAME = usb("/dev/ttyACM5", 0x0B6A, 0x1234, "MAX32625PICO CMSIS-DAP", "0500")
PPK2 = [usb(f"/dev/ttyACM{n}", 0x1915, 0xC00A, "PPK2", "E4B1") for n in (2, 1)]
PLAIN = ListPortInfo("/dev/ttyS0")


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda *found: monkeypatch.setattr(list_ports, "comports", lambda: list(found))


@pytest.mark.parametrize("board", [DAPLINK, BY_NAME])
def test_the_only_debugger_is_taken(plug_in: Callable[..., None], board: ListPortInfo) -> None:
    plug_in(PLAIN, MODEM, board)
    assert ports.find(ports.BOARD) == board.device


def test_of_a_device_with_several_ports_the_first_is_taken(plug_in: Callable[..., None]) -> None:
    plug_in(*PPK2, DAPLINK)
    assert ports.find(ports.PPK2) == "/dev/ttyACM1"


def test_what_was_seen_is_listed(plug_in: Callable[..., None]) -> None:
    plug_in(PLAIN, MODEM)
    with pytest.raises(
        BoardError, match=r"No MAX78000FTHR found. Seen: /dev/ttyUSB0 \(0403:6001 FT232R.*name its port"
    ):
        ports.find(ports.BOARD)
    plug_in(PLAIN)
    with pytest.raises(BoardError, match="no USB serial port at all"):
        ports.find(ports.EVKIT)


def test_of_two_the_user_has_to_choose(plug_in: Callable[..., None]) -> None:
    plug_in(DAPLINK, BY_NAME)
    with pytest.raises(BoardError, match=r"2 ports may be .*ttyACM0, /dev/ttyACM5.*Name one of them with --port"):
        ports.find(ports.BOARD)
