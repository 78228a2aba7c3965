"""A real browser before a running page: what it shows, and what it asks for over the network."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page, sync_playwright

from fer_edge.live import server
from fer_edge.live.computer import Computer
from fer_edge.maintenance.images import BROWSERS


@dataclass
class Opened:
    """A page as a person sees it. `asked`: every address it, or anything on it, asked for; `said`: its console."""

    page: Page
    address: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@contextmanager
def serving(computer: Computer, **options: Any) -> Iterator[str]:
    """The page's server in a thread; yields the address with its token."""
    with server.listener(0) as listening:
        port = listening.getsockname()[1]
        application = server.application(computer, port, "the-token", **options)
        running = uvicorn.Server(server.configuration(application))
        thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/?token=the-token"
        finally:
            running.should_exit = True
            thread.join(10)


@contextmanager
def opened(address: str, arguments: Sequence[str] = (), **options: Any) -> Iterator[Opened]:
    """The page in headless Chromium; skips where there is none. `options`: of Playwright's new_page."""
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        pytest.skip("there is no Chromium here")
    flags = [*arguments, "--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(**options)
        shown = Opened(page, address)
        page.on("request", lambda request: shown.asked.append(request.url))
        page.on("websocket", lambda socket: shown.asked.append(socket.url))
        page.on("console", lambda message: shown.said.append(message.text))
        page.on("pageerror", lambda error: shown.said.append(str(error)))
        try:
            page.goto(address)
            yield shown
        finally:
            browser.close()


def screenshot(page: Page, path: Path) -> None:
    page.screenshot(path=path, full_page=True)
