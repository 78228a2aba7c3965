"""`live --open`: the browser is given the address that is printed, and gets the page from it."""

from __future__ import annotations

import signal
import webbrowser
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from fer_edge.cli import main


def test_open_shows_the_page_at_the_printed_address_even_in_a_browser_that_keeps_its_caller_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[tuple[str, str]] = []

    def browse(address: str) -> bool:
        """As a browser in the terminal does: returns when the person is done with the page."""
        try:
            with urlopen(address, timeout=10) as reply:
                opened.append((address, reply.read().decode()))
        finally:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    done = CliRunner().invoke(main, ["live", "--network", "zoo:fernet-nano", "--port", "none", "--open"])
    assert done.exit_code == 0, done.output
    ((address, page),) = opened
    assert f"fernet-nano, simulator: {address}\n" in done.output
    assert "<title>fer-edge live</title>" in page
