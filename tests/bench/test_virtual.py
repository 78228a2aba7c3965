"""The firmware of the virtual board is built when, and only when, something that goes into it has changed."""

import os
from pathlib import Path

import pytest

from fer_edge import firmware as building
from fer_edge.bench import virtual
from fer_edge.errors import ToolError
from fer_edge.network import IntegerNetwork

MAKEFILE = """all:
	@mkdir -p $(BUILD)
	@cat $(NETWORK)/network.h src/main.c > $(BUILD)/fer_edge.elf
	@echo built >> builds
"""


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firmware folder that needs no compiler: its ELF is generated header and source, one after the other."""
    folder = tmp_path / "firmware"
    (folder / "src").mkdir(parents=True)
    (folder / "src/main.c").write_text("int main;\n")
    (folder / "Makefile").write_text(MAKEFILE)
    monkeypatch.setattr(building, "SOURCES", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def builds(firmware: Path) -> int:
    log = firmware / "builds"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_checkpoint_is_synthesized_and_built_once(
    firmware: Path, network: IntegerNetwork, checkpoint_path: Path
) -> None:
    elf = virtual.elf_for(network, checkpoint_path)
    assert network.name in elf.read_text()
    assert virtual.elf_for(network, checkpoint_path) == elf
    assert builds(firmware) == 1
    assert [p.name for p in elf.parent.iterdir()] == [elf.name]


def test_a_synthesized_folder_is_built_as_it_is(firmware: Path, network: IntegerNetwork, tmp_path: Path) -> None:
    folder = tmp_path / "synthesized"
    folder.mkdir()
    (folder / "network.h").write_text("by hand\n")
    assert virtual.elf_for(network, folder).read_text() == "by hand\nint main;\n"
    (folder / "network.h").write_text("changed\n")
    assert virtual.elf_for(network, folder).read_text() == "changed\nint main;\n"


def test_changed_firmware_is_built_anew(firmware: Path, network: IntegerNetwork, checkpoint_path: Path) -> None:
    virtual.elf_for(network, checkpoint_path)
    (firmware / "src/main.c").write_text("int other;\n")
    assert "int other" in virtual.elf_for(network, checkpoint_path).read_text()
    assert builds(firmware) == 2


def test_of_the_firmwares_built_those_used_last_are_kept_and_nothing_of_builds_that_were_killed(
    firmware: Path, network: IntegerNetwork, checkpoint_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual, "KEPT", 2)

    def elf(version: int) -> Path:
        (firmware / "src/main.c").write_text(f"int version{version};\n")
        return virtual.elf_for(network, checkpoint_path)

    used, unused = elf(1), elf(2)
    (unused.parent / "tmpkilled").mkdir()
    (unused.parent / "tmpbuilding").mkdir()
    for path in (used, unused, unused.parent / "tmpkilled"):
        os.utime(path, (0, 0))
    elf(1)
    new = elf(3)
    assert {path.name for path in used.parent.iterdir()} == {used.name, new.name, "tmpbuilding"}


def test_another_network_is_built_anew(
    firmware: Path, network: IntegerNetwork, other_network: IntegerNetwork, checkpoint_path: Path
) -> None:
    assert virtual.elf_for(network, checkpoint_path) != virtual.elf_for(other_network, checkpoint_path)


def test_the_firmware_last_built_serves_if_it_has_the_network(
    firmware: Path, network: IntegerNetwork, other_network: IntegerNetwork, checkpoint_path: Path
) -> None:
    built = firmware / "build/fer_edge.elf"
    built.parent.mkdir()
    built.write_bytes(b"\x7fELF" + network.content_hash + b"\x01" + b"code")
    assert virtual.elf_for(network, checkpoint_path) == built
    assert virtual.elf_for(other_network, checkpoint_path) != built


def test_a_failing_build_shows_what_make_said(firmware: Path, network: IntegerNetwork, checkpoint_path: Path) -> None:
    (firmware / "Makefile").write_text("$(error no arm-none-eabi-gcc found)\n")
    with pytest.raises(ToolError, match=r"does not build:\n.*no arm-none-eabi-gcc found"):
        virtual.elf_for(network, checkpoint_path)
    (firmware / "Makefile").write_text(MAKEFILE)
    assert virtual.elf_for(network, checkpoint_path).is_file()
