"""The hardware layer knows nothing of the application."""

import re

from tests.firmware.firmware_host import FIRMWARE


def test_the_hardware_layer_includes_nothing_of_the_application() -> None:
    for source in sorted((FIRMWARE / "hal").glob("*.[ch]")):
        for name in re.findall(r'#include "(.+)"', source.read_text()):
            assert (FIRMWARE / "hal" / name).is_file(), f"{source.name} includes {name}"
