"""The camera: power supply chip, clock, sensor, camera interface and DMA, by a program written from the facts alone.

Every mistake that a driver is likely to make has to show.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import serial
from numpy.typing import NDArray

from tests.board.firmware import Wire, build

pytest.importorskip("unicorn")

from fer_edge.board import Faults, Options, VirtualBoard
from fer_edge.board.machine import Machine
from fer_edge.board.pictures import Pictures
from fer_edge.errors import BoardError
from fer_edge.faces import drawn, scenes
from fer_edge.faces.lens import Lens

(
    NO_SUPPLY, NO_XCLK, NO_PAUSE, CLOCK_GATED, DMA_ONCE, TWELVE_BITS, THREE_BYTES, BY_PROCESSOR, SLEEPS_FIRST, BY_I2C2,
    COLOUR_BAR, NO_DATA_PINS, NO_SYNC_PINS, WIDE, ASLEEP, CONTINUOUS, HALF_RATE, NO_PMIC_WAIT, DMA_GATED, LOW_VOLTAGE,
) = (1 << n for n in range(20))  # fmt: skip
IMG_DONE, FIFO_FULL = 1, 2
NOTHING, UNTOUCHED = 0xFFFFFFFF, 0xEE
YUV422, BAYER, RGB565, UPRIGHT = 0x00, 0x01, 0x06, 0xD6
TICKS = 50_000_000  # a second of the program's timer


@dataclass
class Picture:
    flags: int
    left: int  # bytes that DMA still waits for
    seconds: float
    data: NDArray[np.uint8]

    @property
    def luma(self) -> NDArray[np.uint8]:
        return self.data[::2]


@dataclass
class Seen:
    pmic_id: int
    pmic_answer: int
    address: int
    sensor_id: int
    pictures: list[Picture]
    notes: list[str]

    def noted(self, words: str) -> bool:
        return any(words in note for note in self.notes)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("camera", tmp_path_factory.mktemp("camera"))


@pytest.fixture
def scene(tmp_path: Path) -> tuple[NDArray[np.uint8], str]:
    """Two pictures, a second each, and their file."""
    pictures = np.random.default_rng(1).integers(0, 256, (2, 96, 128), np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    return pictures, str(tmp_path / "pictures.npy")


def take(
    elf: Path,
    pictures: str | None,
    mistakes: int = 0,
    width: int = 48,
    lines: int = 49,
    size: int = 4608,
    form: int = YUV422,
    swap: int = UPRIGHT,
    faults: Faults | None = None,
) -> Seen:
    told = struct.pack("<6I", mistakes, width, lines, size, form, swap)
    wire = Wire(told)
    notes: list[str] = []
    options = Options(pictures=pictures, picture_seconds=0, faults=faults, idle_limit=0.5)
    machine = Machine(elf, wire, options)
    machine.note(notes.append)
    total = 16 + 2 * (12 + size)
    end = time.monotonic() + 60
    machine.run(lambda: len(wire.sent) >= total or time.monotonic() > end)
    assert len(wire.sent) >= total, f"only {len(wire.sent)} bytes after a minute; {notes}"
    taken = []
    for at in (16, 16 + 12 + size):
        flags, left, ticks = struct.unpack_from("<3I", wire.sent, at)
        data = np.frombuffer(bytes(wire.sent[at + 12 : at + 12 + size]), np.uint8)
        taken.append(Picture(flags, left, ticks / TICKS, data))
    first, second, third, fourth = wire.words[:4]
    return Seen(first, second, third, fourth, taken, notes)


def square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of a picture of 96 × 128."""
    return picture[:, 16:-16]


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of two by two, rounded to nearest."""
    four = picture.astype(int).reshape(len(picture) // 2, 2, -1, 2).sum((1, 3))
    result: NDArray[np.uint8] = ((four + 2) // 4).astype(np.uint8)
    return result


def test_a_picture_arrives_as_it_was(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    seen = take(elf, path)
    assert (seen.pmic_id, seen.pmic_answer, seen.address, seen.sensor_id) == (0x02, 0x42, 0x3C, 0x76927FA2)
    for picture in seen.pictures:
        assert picture.flags & (IMG_DONE | FIFO_FULL) == IMG_DONE
        assert picture.left == 0
        assert np.array_equal(picture.luma.reshape(48, 48), halved(square(pictures[0])))
        assert (picture.data[1::2] == 128).all()  # no colour


def test_a_larger_picture_and_a_wide_one(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    seen = take(elf, path, width=96, lines=96, size=18432)
    assert np.array_equal(seen.pictures[0].luma.reshape(96, 96), square(pictures[0]))
    assert seen.noted("not known above 68")
    wide = take(elf, path, WIDE, width=64, lines=49, size=6144)
    assert np.array_equal(wide.pictures[0].luma.reshape(48, 64), halved(pictures[0]))


def test_i2c2_reaches_the_sensor_as_well(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    assert take(elf, scene[1], BY_I2C2).sensor_id == 0x76927FA2


def test_the_processor_can_read_the_fifo_itself(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    seen = take(elf, path, BY_PROCESSOR)
    assert np.array_equal(seen.pictures[0].luma.reshape(48, 48), halved(square(pictures[0])))
    assert seen.pictures[0].flags & FIFO_FULL == 0


def test_asleep_until_the_interrupt(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    seen = take(elf, path, ASLEEP)
    assert np.array_equal(seen.pictures[1].luma.reshape(48, 48), halved(square(pictures[0])))


def test_colours(elf: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (1, 48, 64, 3), np.uint8)
    np.save(tmp_path / "colour.npy", picture)
    red, green, blue = np.moveaxis(picture[0, :, 8:-8].astype(int), 2, 0)
    path = str(tmp_path / "colour.npy")

    high, low = take(elf, path, form=RGB565).pictures[0].data.reshape(48, 48, 2).transpose(2, 0, 1).astype(int)
    assert np.array_equal(high << 8 | low, red >> 3 << 11 | green >> 2 << 5 | blue >> 3)

    wide = take(elf, path, TWELVE_BITS | THREE_BYTES, size=4 * 48 * 48, form=RGB565)
    r, g, b, top = wide.pictures[0].data.reshape(48, 48, 4).transpose(2, 0, 1)
    assert np.array_equal(r, red & 0xF8)
    assert np.array_equal(g, green & 0xFC)
    assert np.array_equal(b, blue & 0xF8)
    assert not top.any()
    assert wide.noted("RGB565 is widened")

    yuv = take(elf, path).pictures[0]
    exact = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(yuv.luma.reshape(48, 48) - exact).max() <= 0.5
    u, v = yuv.data[1::2].reshape(48, 24, 2).transpose(2, 0, 1)  # of the first of two pixels
    assert np.abs(u - (128 + (blue - exact) / 1.772)[:, ::2]).max() <= 0.5
    assert np.abs(v - (128 + (red - exact) / 1.402)[:, ::2]).max() <= 0.5

    bayer = take(elf, path, form=BAYER, size=2304).pictures[0].data.reshape(48, 48)
    assert np.array_equal(bayer[::2, ::2], blue[::2, ::2])
    assert np.array_equal(bayer[1::2, 1::2], red[1::2, 1::2])


def test_the_colour_bars_need_no_picture(elf: Path) -> None:
    seen = take(elf, None, COLOUR_BAR)
    first = seen.pictures[0].luma.reshape(48, 48)[0]
    assert np.array_equal(first, np.repeat([255, 226, 179, 150, 105, 76, 29, 0], 6))


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_frame_takes_as_long_as_clock_and_divider_say(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    period = 782 * 510 / (50e6 / 6)  # 8.33 MHz, if the clock is doubled
    once, twice = take(elf, scene[1], CONTINUOUS), take(elf, scene[1], CONTINUOUS | HALF_RATE)
    assert once.noted("a frame takes 47.9 ms")
    assert once.pictures[1].seconds == pytest.approx(period, abs=1e-3)  # the next frame starts where one ends
    assert twice.pictures[1].seconds == pytest.approx(2 * period, abs=1e-3)
    single = take(elf, scene[1]).pictures[1].seconds
    assert single == pytest.approx(2 * period, abs=1e-3)  # the frame that has begun meanwhile is not taken


# --- switched off, unpowered, or in the wrong order ------------------------------------------------------------------


def test_without_its_supply_the_sensor_is_silent(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], NO_SUPPLY)
    assert (seen.address, seen.sensor_id) == (NOTHING, NOTHING)
    assert [picture.flags for picture in seen.pictures] == [0, 0]


def test_at_another_voltage_the_sensor_stays_off(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], LOW_VOLTAGE)
    assert (seen.pmic_answer, seen.address) == (0x42, NOTHING)
    assert seen.noted("LDO2 is set to 0x01 0x09")


def test_without_its_clock_dma_takes_nothing(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], DMA_GATED)
    assert seen.pictures[0].flags & FIFO_FULL
    assert (seen.pictures[0].data == UNTOUCHED).all()
    assert seen.noted("PCLKDIS0.DMA")


def test_the_power_chip_needs_its_time(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], NO_PMIC_WAIT)
    assert (seen.pmic_id, seen.address) == (NOTHING, NOTHING)


def test_without_a_clock_the_sensor_is_silent(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], NO_XCLK)
    assert (seen.pmic_answer, seen.address) == (0x42, NOTHING)
    assert [picture.flags for picture in seen.pictures] == [0, 0]
    assert seen.noted("without XCLK")


def test_the_sensor_needs_its_clock_for_a_while_first(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], NO_PAUSE)
    assert seen.address == NOTHING
    assert seen.noted("before XCLK has run for 100 ms")


def test_with_its_clock_off_the_interface_does_nothing(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], CLOCK_GATED)
    assert (seen.sensor_id, seen.pictures[0].flags) == (0x76927FA2, 0)
    assert seen.noted("PCLKDIS1.PCIF")


@pytest.mark.parametrize(("mistake", "flags"), [(NO_SYNC_PINS, 0), (NO_DATA_PINS, IMG_DONE)])
def test_pins_that_are_not_switched_over(
    elf: Path, scene: tuple[NDArray[np.uint8], str], mistake: int, flags: int
) -> None:
    seen = take(elf, scene[1], mistake)
    assert seen.pictures[0].flags & IMG_DONE == flags
    assert set(seen.pictures[0].data) == ({0} if flags else {UNTOUCHED})
    assert seen.noted("is not switched to it") == (not flags)


# --- mistakes of drivers ---------------------------------------------------------------------------------------------


def test_dma_that_is_not_armed_again_shows(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    first, second = take(elf, scene[1], DMA_ONCE).pictures
    assert first.flags & FIFO_FULL == 0
    assert second.flags & FIFO_FULL
    assert (second.data == UNTOUCHED).all()


def test_luma_and_chroma_swapped_shows(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    seen = take(elf, scene[1], swap=UPRIGHT & ~0x10)
    assert (seen.pictures[0].luma == 128).all()
    assert seen.noted("order of luma and chroma")


def test_a_width_left_at_twelve_bits_shows(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    picture = take(elf, path, TWELVE_BITS).pictures[0]
    assert picture.flags & FIFO_FULL  # two bytes for each of the sensor's: more than was asked for
    assert not picture.data[1::2].any()
    assert not np.array_equal(picture.luma.reshape(48, 48), halved(square(pictures[0])))


def test_one_line_short_shows(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    picture = take(elf, scene[1], lines=48).pictures[0]
    assert (picture.flags & IMG_DONE, picture.left) == (IMG_DONE, 96)
    assert (picture.data[-96:] == UNTOUCHED).all()


@pytest.mark.parametrize(("swap", "turned"), [(UPRIGHT & ~0x40, (1, -1)), (UPRIGHT & ~0x80, (-1, 1))])
def test_mirror_and_flip_show(
    elf: Path, scene: tuple[NDArray[np.uint8], str], swap: int, turned: tuple[int, int]
) -> None:
    pictures, path = scene
    rows, columns = turned
    seen = take(elf, path, swap=swap)
    assert np.array_equal(seen.pictures[0].luma.reshape(48, 48), halved(square(pictures[0]))[::rows, ::columns])
    assert seen.noted("upright with both mirror and flip set")


def test_a_capture_started_after_the_sleep_never_ends(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    with pytest.raises(BoardError, match="waiting for the camera interface, and nothing runs"):
        take(elf, scene[1], SLEEPS_FIRST)


def by_lines(folder: Path, pictures: str, busy: int, masks: bool = False) -> tuple[list[int], NDArray[np.uint8]]:
    """Lines got, lines missed and flags of a program that is busy for so many microseconds a line; and the luma."""
    wire = Wire(struct.pack("<HB", busy, masks))
    machine = Machine(build("camera_lines", folder), wire, Options(pictures=pictures, picture_seconds=0))
    end = time.monotonic() + 60
    machine.run(lambda: len(wire.sent) >= 12 + 18432 or time.monotonic() > end)
    return wire.words[:3], np.frombuffer(bytes(wire.sent[12 : 12 + 18432]), np.uint8)[::2].reshape(96, 96)


def test_lines_that_are_taken_in_time(tmp_path: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    (lines, missed, flags), luma = by_lines(tmp_path, path, busy=100)
    assert (lines, missed, flags & FIFO_FULL) == (96, 0, 0)
    assert np.array_equal(luma, square(pictures[0]))


def test_a_line_overflow_shows(tmp_path: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    (lines, missed, flags), luma = by_lines(tmp_path, path, busy=600)  # a line takes 470 µs
    assert (lines, flags & FIFO_FULL) == (96, 0)
    assert missed > 10
    assert not np.array_equal(luma, square(pictures[0]))
    (lines, _, flags), _ = by_lines(tmp_path, path, busy=600, masks=True)
    assert lines < 96  # nobody armed DMA in time
    assert flags & FIFO_FULL


def test_standby_stops_the_clock_and_a_reset_leaves_the_supply_on(tmp_path: Path) -> None:
    wire = Wire()
    machine = Machine(build("camera_sleep", tmp_path), wire)
    end = time.monotonic() + 60
    machine.run(lambda: len(wire.sent) >= 16 or time.monotonic() > end)
    assert wire.words == [0x3C, NOTHING, 0x3C, 5]


# --- faults ----------------------------------------------------------------------------------------------------------


def test_unplugged_parts(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    assert take(elf, scene[1], faults=Faults(camera_silent=True)).address == NOTHING
    without = take(elf, scene[1], faults=Faults(pmic_silent=True))
    assert (without.pmic_id, without.address) == (NOTHING, NOTHING)


def test_a_clock_that_stops_in_mid_frame(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    first, second = take(elf, scene[1], faults=Faults(camera_stops=0.53)).pictures
    assert (first.flags & IMG_DONE, second.flags) == (IMG_DONE, 0)
    assert second.data[0] != UNTOUCHED
    assert (second.data[-96:] == UNTOUCHED).all()


# --- what it is shown ------------------------------------------------------------------------------------------------


def ask(port: str, size: int = 4608) -> NDArray[np.uint8]:
    """The luma of the first picture that the program takes, over a serial port."""
    with serial.Serial(port, timeout=60) as line:
        line.write(struct.pack("<6I", 0, 48, 49, size, YUV422, UPRIGHT))
        return np.frombuffer(line.read(28 + size)[28:], np.uint8)[::2].reshape(48, 48)


def test_pictures_follow_each_other_in_the_boards_time(scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    shown = Pictures(path, seconds=2.0)
    for now, number in ((0, 0), (1.9, 0), (2.1, 1), (4.1, 0)):
        assert np.array_equal(shown.scene(now)[::5, ::5], pictures[number])
    shown.show(1, now=5.0)
    assert np.array_equal(shown.scene(6.9)[::5, ::5], pictures[1])
    assert np.array_equal(shown.scene(7.1)[::5, ::5], pictures[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.zeros((1, 48, 48), np.uint8), "48×48 pixels do not fit"),
        (np.zeros((1, 48, 64), np.float32), r"float32 \[1, 48, 64\]"),
        (np.zeros((0, 48, 64), np.uint8), r"uint8 \[0, 48, 64\]"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: NDArray[np.uint8] | None, words: str) -> None:
    path = tmp_path / "pictures.npy"
    if content is None:
        path.write_bytes(b"no array")
    else:
        np.save(path, content)
    with pytest.raises(BoardError, match=words):
        Pictures(str(path), 1.0)


def test_a_host_says_which_picture_is_shown(elf: Path, scene: tuple[NDArray[np.uint8], str]) -> None:
    pictures, path = scene
    board = VirtualBoard(elf, pictures=path, picture_seconds=0)
    with board as port:
        board.show(1)
        assert np.array_equal(ask(port), halved(square(pictures[1])))


def test_the_command_shows_faces_through_a_lens(elf: Path) -> None:
    command = [sys.executable, "-m", "fer_edge.cli", "board", str(elf), "--camera", "drawn", "--picture-seconds", "0"]
    faces = drawn.read("test").by_content().images
    lens = Lens.parse("offset=2,gain=0.2")
    for options, expected in (([], faces), (["--lens", "offset=2,gain=0.2", "--seed", "3"], None)):
        with subprocess.Popen(
            command + options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                port = process.stdout.readline().strip()
                process.stdin.write("show 3\n")
                process.stdin.flush()
                seen = ask(port)
            finally:
                process.kill()
        if expected is None:
            seen_by_lens = scenes.through(faces[:4], lens, seed=3)
            assert np.array_equal(seen, halved(square(seen_by_lens[3])))
        else:
            assert np.array_equal(seen, expected[3])
