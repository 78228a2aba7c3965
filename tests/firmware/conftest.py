"""Programs the tests of this folder run: the host build, and the cross compiler."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.firmware.firmware_host import Host, build_host
from tests.firmware.stub_network import StubNetwork


@pytest.fixture(scope="session")
def start_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[StubNetwork], Host]]:
    """Builds and starts the host program for a network."""
    if sys.platform != "linux":
        pytest.skip("the host program maps memory at fixed addresses, which is done for Linux only")
    with ExitStack() as stack:

        def start(network: StubNetwork) -> Host:
            folder = tmp_path_factory.mktemp("host")
            return stack.enter_context(Host(build_host(network.write(folder / "network"), folder / "host")))

        yield start


@pytest.fixture(scope="session")
def host(start_host: Callable[[StubNetwork], Host]) -> Host:
    """The host program with the default network."""
    return start_host(StubNetwork())


@pytest.fixture(scope="session")
def arm_compiler() -> Path:
    """The cross compiler."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("no arm-none-eabi-gcc (Debian packages gcc-arm-none-eabi and libnewlib-arm-none-eabi)")
    return Path(compiler)
