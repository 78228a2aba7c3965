"""A client for the text commands, written from the public description of MLPerf Tiny's runner (EnergyRunner)."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

PERFORMANCE_CHUNK, ENERGY_CHUNK = 31, 26  # bytes the runner sends in one `db` command
Exchange = Callable[[bytes], bytes]
"""Sends bytes; returns what comes back, up to and including `m-ready`."""


class Runner:
    """The runner's side: every command ends in %, every answer in m-ready."""

    def __init__(self, exchange: Exchange, chunk: int = PERFORMANCE_CHUNK) -> None:
        self._exchange = exchange
        self._chunk = chunk

    def command(self, text: str) -> list[str]:
        """The lines of the answer but m-ready."""
        *lines, ready, rest = self._exchange(f"{text}%".encode()).decode().split("\r\n")
        assert (ready, rest) == ("m-ready", "")
        return lines

    def identify(self) -> tuple[str, str]:
        """Names of device and model."""
        (name,) = self.command("name")
        profile, model = self.command("profile")
        assert re.fullmatch(r"m-profile-\[.+\]", profile)
        return _inside(r"m-name-dut-\[(.+)\]", name), _inside(r"m-model-\[(.+)\]", model)

    def load(self, image: np.ndarray) -> None:
        """Load uint8 pixels, (rows, columns) or (rows, columns, channels)."""
        data = image.astype(np.uint8, casting="safe").tobytes()
        assert self.command(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]"]
        chunks = [data[n : n + self._chunk] for n in range(0, len(data), self._chunk)]
        answers = [self.command(f"db {chunk.hex()}") for chunk in chunks]
        assert answers == [[]] * (len(chunks) - 1) + [["m-load-done"]]

    def infer(self, count: int, warmup: int) -> tuple[list[int], list[float]]:
        """Laps in µs (none in energy mode) and probabilities."""
        start, done, begin, *laps, end, results = self.command(f"infer {count} {warmup}")
        assert (start, done) == (f"m-warmup-start-{warmup}", "m-warmup-done")
        assert (begin, end) == (f"m-infer-start-{count}", "m-infer-done")
        return [int(_inside(r"m-lap-us-(\d+)", lap)) for lap in laps], _results(results)

    def results(self) -> list[float]:
        """Of the last inference."""
        (line,) = self.command("results")
        return _results(line)


def _results(line: str) -> list[float]:
    values = _inside(r"m-results-\[(.+)\]", line).split(",")
    assert all(re.fullmatch(r"[01]\.\d{3}", value) for value in values), values
    return [float(value) for value in values]


def _inside(pattern: str, line: str) -> str:
    found = re.fullmatch(pattern, line)
    assert found, line
    return found[1]
