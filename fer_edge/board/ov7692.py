"""The OVM7692, the board's camera sensor: its registers, when it sends a frame, and what is in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_edge.board.clock import NEVER, TICK_HZ, Clock
from fer_edge.board.pictures import HEIGHT, WIDTH, Pictures

_PIXELS_PER_LINE = 640
_BLANK_LINES = 30  # of some 510 in a frame

_RESET_VALUES = {
    0x0A: 0x76, 0x0B: 0x92, 0x1C: 0x7F, 0x1D: 0xA2,  # product and manufacturer
    0x2A: 0x30, 0x2B: 0x0E,  # 782 pixel clocks in a line
    0xC4: 0x02, 0xC5: 0x00, 0xC6: 0x02, 0xC7: 0x00,
}  # fmt: skip
_READ_ONLY = {0x0A, 0x0B, 0x1C, 0x1D}
# What firmware that is known to work leaves in registers that the model does not look at, by bank.
_KNOWN_GOOD = {
    (0, address): value
    for address, value in {
        0x16: 0x07, 0x1E: 0xB3, 0x37: 0x00, 0x3E: 0x20, 0x48: 0x42, 0x5E: 0x10, 0x64: 0x11, 0x69: 0x02, 0xC3: 0x80,
        0xC4: 0x01, 0xC5: 0x80, 0xC6: 0x01, 0xC7: 0x80,
    }.items()
} | {(1, 0xB5): 0x30}  # fmt: skip

YUV422, BAYER, RGB565 = 0x00, 0x01, 0x06  # register 12
_BARS = np.array(
    [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)], np.uint8
) * np.uint8(255)


class Sensor:
    """A chip of its own: it lives on when the processor is reset, and starts anew when its supply goes off and on.

    It answers and sends after XCLK has run for a while; a stop of XCLK for more than a moment makes it forget that.
    Both times are assumed, from what drivers wait. Exposure, gain and white balance are not modelled: pictures come
    out as they are. What else is assumed it says, once, by `remark`.

    Attributes
    ----------
    present : whether it is plugged in.
    stopped : whether it has ceased to send, for good.
    changed : called when it begins or ceases to send frames, or sends them at another rate.
    """

    _START_UP = TICK_HZ // 10
    _FORGETS = TICK_HZ // 1000
    _RESETTING = TICK_HZ // 200  # assumed: drivers look every 10 ms whether a reset is over

    def __init__(self, remark: Callable[[str], None], pictures: Pictures) -> None:
        self._remark, self._pictures = remark, pictures
        self.present = True
        self.stopped = False
        self.changed: Callable[[], None] = lambda: None
        self._powered, self._xclk_hz = False, 0.0
        self.restart(Clock())  # until the processor gives its own
        self._set_reset_values()

    def restart(self, clock: Clock) -> None:
        """The processor has been reset, and time begins anew, without XCLK."""
        self._clock = clock
        self._xclk_hz = 0.0
        self._served = 0  # ticks that XCLK has run
        self._switched_at = 0  # when it started or stopped last
        self._reset_until = 0
        self._origin = 0  # when the first frame in the present rate began

    def _set_reset_values(self) -> None:
        self._banks = [bytearray(256), bytearray(256)]
        for address, value in _RESET_VALUES.items():
            self._banks[0][address] = value
        self._bank = self._pointer = 0

    # --- supply and clock --------------------------------------------------------------------------------

    def supply(self, powered: bool, xclk_hz: float) -> None:
        """Tell what it is given."""
        now, ran = self._clock.now, self._runs
        powered &= self.present
        if powered and not self._powered:
            self._set_reset_values()
        if not powered:
            self._served = 0
        if xclk_hz != self._xclk_hz:
            self._origin = now
        self._powered, self._xclk_hz = powered, xclk_hz
        if self._runs and not ran:
            if now - self._switched_at > self._FORGETS:
                self._served = 0
            self._switched_at = now
        elif ran and not self._runs:
            self._served += now - self._switched_at if powered else 0
            self._switched_at = now

    @property
    def _runs(self) -> bool:
        return self._powered and self._xclk_hz > 0

    @property
    def _ready_at(self) -> int:
        """When XCLK has run for long enough; NEVER while it does not."""
        return self._switched_at + self._START_UP - self._served if self._runs else NEVER

    # --- SCCB --------------------------------------------------------------------------------------------

    @property
    def answering(self) -> bool:
        """Whether it acknowledges its address."""
        if self._powered and not self._runs:
            self._remark("the sensor is spoken to without XCLK: it does not answer here; whether it would is not known")
        elif self._runs and self._clock.now < self._ready_at:
            self._remark(
                f"the sensor is spoken to before XCLK has run for {self._START_UP * 1000 // TICK_HZ} ms: it does not "
                "answer here; how long it really takes is not known"
            )
        return self._clock.now >= self._ready_at

    def write(self, data: bytes) -> None:
        """A register's number, and what goes into it."""
        if data:
            self._pointer = data[0]
        if len(data) > 1 and self._clock.now >= self._reset_until:
            self._store(self._pointer, data[1])

    def _store(self, address: int, value: int) -> None:
        if address == 0xFF:
            self._bank = value & 1
            return
        if self._bank == 0 and address in _READ_ONLY:
            return
        before = self._timing()
        self._banks[self._bank][address] = value
        if self._bank == 0 and address == 0x12 and value & 0x80:
            self._set_reset_values()
            self._reset_until = self._clock.now + self._RESETTING
        if self._timing() != before:
            self._origin = self._clock.now
        self.changed()

    def read(self, count: int) -> bytes:
        """The register that was written to or named last."""
        if self._pointer == 0xFF:
            return bytes([self._bank] * count)
        if self._pointer == 0x12 and self._clock.now < self._reset_until:
            return bytes([0x80] * count)
        return bytes([self._banks[self._bank][self._pointer]] * count)

    # --- when --------------------------------------------------------------------------------------------

    def _pair(self, high: int) -> int:
        return self._banks[0][high] << 8 | self._banks[0][high + 1]

    def _timing(self) -> tuple[int, ...]:
        """What frame times depend on, XCLK aside."""
        main = self._banks[0]
        asleep = main[0x0E] & 0x08
        return main[0x11] & 0x3F, main[0x31], main[0x2A] & 0x70, main[0x2B], main[0x2C], asleep

    @property
    def _line_clocks(self) -> int:
        return (self._banks[0][0x2A] & 0x70) << 4 | self._banks[0][0x2B]

    @property
    def _lines(self) -> int:
        return HEIGHT + _BLANK_LINES + self._banks[0][0x2C]

    @property
    def period(self) -> int:
        """Clock ticks from frame to frame."""
        doubled = self._banks[0][0x31] == 0x82
        divider = (self._banks[0][0x11] & 0x3F) + 1
        pixel_hz = self._xclk_hz / 2 * (2 if doubled else 1) / divider
        period = self._line_clocks * self._lines / pixel_hz
        self._remark(
            f"a frame takes {1000 * period:.1f} ms, if register 31 = 82 doubles the clock, which is not known"
            if doubled
            else f"a frame takes {1000 * period:.1f} ms, if without 31 = 82 the pixel clock is half of XCLK"
        )
        return max(1, round(period * TICK_HZ))

    @property
    def line_active(self) -> float:
        """Share of a line's time in which its pixels come."""
        return min(1.0, _PIXELS_PER_LINE / self._line_clocks)

    @property
    def frame_active(self) -> float:
        """Share of a frame's time in which its lines come, from its beginning."""
        return HEIGHT / self._lines

    @property
    def sends(self) -> bool:
        """Whether it sends frames, or will once it has started up."""
        ready = self._runs and not self.stopped and not self._banks[0][0x0E] & 0x08
        return ready and self._line_clocks > 0 and self._size() is not None

    def next_frame(self) -> int:
        """When the next frame after now begins."""
        origin = max(self._origin, self._ready_at, self._reset_until)
        if self._clock.now < origin:
            return origin
        return origin + ((self._clock.now - origin) // self.period + 1) * self.period

    # --- what --------------------------------------------------------------------------------------------

    def _size(self) -> tuple[int, int, int, int] | None:
        """Width and height of what goes into the scaler, and width and lines of what comes out; None if it cannot."""
        width, height, out, asked = (self._pair(address) for address in (0xC8, 0xCA, 0xCC, 0xCE))
        if self._banks[0][0x81] & 0x0C != 0x0C:  # not scaled
            out, asked = width, height
        small = out <= 68 or asked <= 69
        lines = asked - 1 if small else asked
        if not (0 < out <= width <= WIDTH and 0 < lines <= height <= HEIGHT):
            return None
        return width, height, out, lines

    def frame(self) -> NDArray[np.uint8]:
        """The bytes of the frame that begins now: uint8 [lines, bytes of a line]."""
        size = self._size()
        assert size is not None
        self._tell(*size)
        width, height, out, lines = size
        scene = self._pictures.scene(self._clock.now / TICK_HZ)
        top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
        picture = _scaled(scene[top : top + height, left : left + width], out, lines)
        main = self._banks[0]
        if not main[0x0C] & 0x80:
            picture = picture[::-1]
        if not main[0x0C] & 0x40:
            picture = picture[:, ::-1]
        if main[0x82] & 0x0C == 0x0C:
            bars = _BARS[np.arange(out) * len(_BARS) // out]
            picture = np.broadcast_to(bars, (lines, out, 3))
        return self._encoded(picture)

    def _encoded(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """In the format of register 12: uint8 [lines, bytes of a line]."""
        kind = self._banks[0][0x12]
        if kind == RGB565:
            return _rgb565(picture)
        if kind == BAYER:
            self._remark("raw Bayer data: in which order the colours come is not known; taken as BG, GR")
            return _bayer(picture)
        if kind != YUV422:
            self._remark(f"the sensor's output format {kind:#04x} (register 12) is not modelled: it sends YUV422")
        luma_first = bool(self._banks[0][0x0C] & 0x10)
        return _yuv422(picture, luma_first)

    def _tell(self, width: int, height: int, out: int, lines: int) -> None:
        """Say what the frame relies on that is not known."""
        main = self._banks[0]
        if width < WIDTH or height < HEIGHT:
            self._remark(f"{width}×{height} of the sensor's {WIDTH}×{HEIGHT} pixels are taken from its middle: assumed")
        if out > 68 and lines > 68:
            self._remark(f"a picture {out} wide has as many lines as CE:CF says, {lines}: not known above 68")
        if main[0x0C] & 0x3F != 0x16:
            self._remark(
                f"sensor register 0C = {main[0x0C]:02X}: the order of luma and chroma is known for the lower bits of "
                "D6 only; taken as luma first where bit 4 is set"
            )
        self._remark("the picture is taken to be upright with both mirror and flip set (0C bits 6 and 7)")
        odd = [
            f"{address:02X}" for (bank, address), value in _KNOWN_GOOD.items() if self._banks[bank][address] != value
        ]
        if odd:
            self._remark(
                f"sensor registers {' '.join(odd)} differ from the table that is known to work; what that does is not "
                "known, and here it is nothing"
            )


def _scaled(picture: NDArray[np.uint8], width: int, lines: int) -> NDArray[np.uint8]:
    """The mean of a box of pixels for each pixel, rounded to nearest: uint8 [lines, width] or [lines, width, 3]."""
    height_in, width_in = picture.shape[:2]
    rows, columns = np.arange(lines + 1) * height_in // lines, np.arange(width + 1) * width_in // width
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.int64), rows[:-1], 0), columns[:-1], 1)
    count = np.diff(rows)[:, None] * np.diff(columns)
    count = count.reshape(count.shape + (1,) * (picture.ndim - 2))
    result: NDArray[np.uint8] = ((2 * sums + count) // (2 * count)).astype(np.uint8)
    return result


def _colours(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, 2)


def _rgb565(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """High byte first."""
    red, green, blue = np.moveaxis(_colours(picture), 2, 0)
    pairs = np.stack((red & 0xF8 | green >> 5, (green << 3) & 0xE0 | blue >> 3), 2)
    return pairs.reshape(len(picture), -1).astype(np.uint8)


def _yuv422(picture: NDArray[np.uint8], luma_first: bool) -> NDArray[np.uint8]:
    """Y U Y V, or U Y V Y; all of 0…255, with the weights of BT.601. A last odd column is sent without its V."""
    if picture.ndim == 2:
        luma = picture
        chroma = np.full_like(picture, 128)
    else:
        red, green, blue = np.moveaxis(picture.astype(np.float64), 2, 0)
        exact = 0.299 * red + 0.587 * green + 0.114 * blue
        luma = np.rint(exact).astype(np.uint8)
        chroma = exact  # of every second pixel: its U, and in the place of the next its V
        blueness, redness = (blue - exact) / 1.772 + 128, (red - exact) / 1.402 + 128
        pairs = luma.shape[1] // 2
        chroma[:, ::2], chroma[:, 1::2] = blueness[:, ::2], redness[:, ::2][:, :pairs]
        chroma = np.clip(np.rint(chroma), 0, 255).astype(np.uint8)
    pair = (luma, chroma) if luma_first else (chroma, luma)
    return np.stack(pair, 2).reshape(len(luma), -1)


def _bayer(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = _colours(picture)
    mosaic = colours[:, :, 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = colours[::2, ::2, 2], colours[1::2, 1::2, 0]
    return mosaic
