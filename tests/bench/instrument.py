"""An instrument for tests: a thread behind a pseudo-terminal."""

from __future__ import annotations

import os
import select
import threading
import tty
from typing import Self


class Instrument:
    """`hear(data)` is called with what the host sends; `say` sends to it."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def hear(self, data: bytes) -> None:
        raise NotImplementedError

    def idle(self) -> None:
        """Called now and then."""

    def say(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(5)
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        while not self._stop.is_set():
            if select.select([self._master], [], [], 0.005)[0]:
                self.hear(os.read(self._master, 65536))
            self.idle()
