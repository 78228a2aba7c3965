"""The make file: what it makes, that it makes it again when it must, and what it says when it cannot."""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fer_edge import registers
from fer_edge.bench.protocol import INFER_REPLY, MAX_PAYLOAD
from fer_edge.load import load_network
from tests.firmware.firmware_host import FIRMWARE
from tests.firmware.stub_network import StubNetwork


def make(
    network: Path | None, build: Path, firmware: Path = FIRMWARE, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("make") or "make", "--no-print-directory", "-C", str(firmware), f"BUILD={build}"]
    if network is not None:
        command.append(f"NETWORK={network}")
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def section(elf: Path, name: str) -> bytes:
    output = elf.with_suffix(f"{name}.section")
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", name, elf, output], check=True)
    return output.read_bytes()


def symbols(elf: Path) -> dict[str, int]:
    """Name → address of everything that takes space."""
    listing = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    return {name: int(address, 16) for address, _, name in (line.split() for line in listing.splitlines())}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result: Path = StubNetwork().write(tmp_path_factory.mktemp("stub") / "network")
    return result


@pytest.fixture(scope="module")
def built(arm_compiler: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of the stub network."""
    build = tmp_path_factory.mktemp("build")
    made = make(network, build)
    assert (made.returncode, made.stderr) == (0, "")
    return build


def test_one_line_tells_flash_and_ram(built: Path, network: Path) -> None:
    line = make(network, built).stdout
    found = re.fullmatch(
        r".*fer_edge\.elf: flash (\d+) bytes \((.*) % of 512 KiB\), RAM (\d+) bytes \((.*) % of 128 KiB\), "
        r"the camera (\d+) and the stack (\d+) of it\n",
        line,
    )
    assert found, line
    flash, ram = int(found[1]), int(found[3])
    assert flash == (built / "fer_edge.bin").stat().st_size
    assert float(found[2]) == pytest.approx(100 * flash / registers.FLASH_SIZE, abs=0.05)
    assert float(found[4]) == pytest.approx(100 * ram / registers.SRAM_SIZE, abs=0.05)
    assert 16384 < ram < registers.SRAM_SIZE
    assert int(found[6]) == 8192


def camera_bytes(line: str) -> int:
    """What the build says that the camera takes."""
    found = re.search(r"the camera (\d+)", line)
    assert found, line
    return int(found[1])


def test_the_camera_takes_room_only_where_the_network_takes_its_picture(
    arm_compiler: Path, built: Path, network: Path, tmp_path: Path
) -> None:
    square = StubNetwork(pixels=48 * 48, columns=48).write(tmp_path / "network")
    line = make(square, tmp_path / "build").stdout
    camera = 2 * 2 * 97 * 96 + 48 * 48 + 96 * 96  # two pictures and a row more, and what a reply holds
    assert camera <= camera_bytes(line) < camera + 100
    assert camera_bytes(make(network, built).stdout) < 100


def test_a_network_whose_logits_leave_no_room_for_pictures_in_a_frame_builds_without_the_camera(
    arm_compiler: Path, tmp_path: Path
) -> None:
    many = tuple(0x50404000 + 4 * i for i in range(4090))
    for columns in (12, 18):
        network = StubNetwork(pixels=144, columns=columns, outputs=many).write(tmp_path / str(columns))
        made = make(network, tmp_path / "build")
        assert made.returncode == 0, made.stderr
        assert camera_bytes(made.stdout) < 100


def test_a_network_too_large_to_sit_beside_the_camera_is_refused_with_the_numbers(
    arm_compiler: Path, tmp_path: Path
) -> None:
    network = StubNetwork(pixels=48 * 48, columns=48).write(tmp_path / "network")
    code = (network / "cnn.c").read_text()
    code = code.replace(
        "int cnn_init(void) {", "static volatile uint8_t more[40000];\nint cnn_init(void) { more[0] = 1;"
    )
    (network / "cnn.c").write_text(code)
    made = make(network, tmp_path / "build")
    assert made.returncode != 0
    last = made.stderr.splitlines()[-2] if "make" in made.stderr.splitlines()[-1] else made.stderr.splitlines()[-1]
    assert re.search(r"beside the camera: 131072 bytes of RAM, 48\d\d\d of them for the camera, are \d+ too few", last)


def test_the_image_starts_with_the_vector_table_in_flash(built: Path) -> None:
    image = (built / "fer_edge.bin").read_bytes()
    names = symbols(built / "fer_edge.elf")
    stack, reset, *rest = struct.unpack(f"<{16 + registers.EXTERNAL_INTERRUPTS}I", image[:480])
    assert names["vectors"] == registers.FLASH_BASE
    assert stack == registers.SRAM_BASE + registers.SRAM_SIZE
    assert reset == names["reset_handler"] | 1
    faults, others = rest[:5], rest[5:]  # NMI, hard, memory, bus and usage fault
    assert set(faults) == {names["fault_handler"] | 1}
    assert set(others) == {names["default_handler"] | 1}
    assert names["bss_start"] >= registers.SRAM_BASE
    assert names["ram_vectors"] % 512 == 0


def test_hex_and_bin_hold_the_same_bytes(built: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", built / "fer_edge.hex", back], check=True)
    assert back.read_bytes() == (built / "fer_edge.bin").read_bytes()
    assert (built / "fer_edge.hex").read_text().startswith(":020000041000EA")  # linear address 0x1000_0000


def test_the_network_hash_stands_in_a_section_of_its_own(built: Path) -> None:
    assert section(built / "fer_edge.elf", ".network_hash") == StubNetwork().hash + b"\x01"
    assert "fer_edge_network_hash" in symbols(built / "fer_edge.elf")


def test_there_is_no_heap(built: Path) -> None:
    assert not {"malloc", "_malloc_r", "_sbrk", "_sbrk_r", "free"} & symbols(built / "fer_edge.elf").keys()


def test_the_same_sources_elsewhere_give_the_same_files(built: Path, network: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(FIRMWARE, tmp_path / "a copy" / "firmware", ignore=shutil.ignore_patterns("build"))
    assert make(shutil.copytree(network, tmp_path / "network"), tmp_path / "build", copy).returncode == 0
    for name in ("fer_edge.elf", "fer_edge.hex", "fer_edge.bin"):
        assert (tmp_path / "build" / name).read_bytes() == (built / name).read_bytes()


def test_checkout_network_and_build_folder_may_have_spaces_in_their_names(
    arm_compiler: Path, built: Path, tmp_path: Path
) -> None:
    checkout = tmp_path / "a check out"
    firmware = shutil.copytree(FIRMWARE, checkout / "firmware", ignore=shutil.ignore_patterns("build"))
    network = StubNetwork().write(checkout / "synth_out" / "a network")
    build = checkout / "a build"
    assert make(network, build, firmware).returncode == 0
    assert (build / "fer_edge.elf").read_bytes() == (built / "fer_edge.elf").read_bytes()
    object_file = build / "src/text.o"
    before = object_file.stat().st_mtime_ns
    make(network, build, firmware)
    assert object_file.stat().st_mtime_ns == before
    (firmware / "src/text.h").touch()
    make(network, build, firmware)
    assert object_file.stat().st_mtime_ns > before


def test_make_firmware_asks_fer_edge(arm_compiler: Path, tmp_path: Path) -> None:
    """The checkout's target, in a copy with the environment at hand instead of one of its own."""
    checkout = tmp_path / "a check out"
    ignored = shutil.ignore_patterns("build", "__pycache__")
    for folder in ("firmware", "fer_edge"):
        shutil.copytree(FIRMWARE.parent / folder, checkout / folder, ignore=ignored)
    shutil.copy(FIRMWARE.parent / "Makefile", checkout)
    command = [
        "make",
        "--no-print-directory",
        "firmware",
        "READY=",
        f"FER_EDGE={sys.executable} -m fer_edge.cli",
        "NETWORK=zoo:fernet-nano",
    ]
    variables = os.environ | {"PYTHONPATH": str(checkout)}
    made = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=variables)
    assert made.returncode == 0, made.stderr
    elf = checkout / "firmware/build/fer_edge.elf"
    assert re.fullmatch(rf"{re.escape(str(elf))}: flash \d+ bytes .*\n", made.stdout)
    assert load_network("zoo:fernet-nano").content_hash + b"\x01" == section(elf, ".network_hash")


def test_another_network_in_the_same_build_folder_replaces_the_first(arm_compiler: Path, tmp_path: Path) -> None:
    second = StubNetwork(hash=bytes(16), kernel_words=99).write(tmp_path / "second")
    first = StubNetwork(kernel_words=9).write(tmp_path / "first")  # newer than `second`: dates alone would not tell
    build = tmp_path / "build"
    for network, expected in ((first, bytes(range(16))), (second, bytes(16)), (first, bytes(range(16)))):
        assert make(network, build).returncode == 0
        assert section(build / "fer_edge.elf", ".network_hash")[:-1] == expected


def test_nothing_is_compiled_twice(built: Path, network: Path) -> None:
    before = (built / "fer_edge.elf").stat().st_mtime_ns
    make(network, built)
    assert (built / "fer_edge.elf").stat().st_mtime_ns == before


def test_generated_code_that_leaves_cnn_time_to_the_application_links(arm_compiler: Path, tmp_path: Path) -> None:
    made = make(StubNetwork().write(tmp_path / "network", defines_cnn_time=False), tmp_path / "build")
    assert made.returncode == 0, made.stderr
    assert symbols(tmp_path / "build" / "fer_edge.elf")["cnn_time"] >= registers.SRAM_BASE


def test_code_of_a_generator_of_2021_links(arm_compiler: Path, tmp_path: Path) -> None:
    """It sets its interrupt handler by a function that is called MXC_NVIC_SetVector since."""
    network = StubNetwork().write(tmp_path / "network")
    code = (network / "cnn.c").read_text()
    assert "MXC_NVIC_SetVector" in code
    (network / "cnn.c").write_text(code.replace("MXC_NVIC_SetVector", "NVIC_SetVector"))
    made = make(network, tmp_path / "build")
    assert (made.returncode, made.stderr) == (0, "")


def test_a_warning_is_an_error(arm_compiler: Path, tmp_path: Path) -> None:
    network = StubNetwork().write(tmp_path / "network")
    with (network / "cnn.c").open("a") as file:
        file.write("static int unused;\n")
    made = make(network, tmp_path / "build")
    assert made.returncode != 0
    assert "unused" in made.stderr


def test_a_network_too_large_for_the_flash_does_not_link(arm_compiler: Path, tmp_path: Path) -> None:
    made = make(StubNetwork(kernel_words=131_072).write(tmp_path / "network"), tmp_path / "build")
    assert made.returncode != 0
    assert "FLASH" in made.stderr
    assert not (tmp_path / "build" / "fer_edge.elf").exists()


def test_a_network_whose_outputs_do_not_fit_a_frame_is_refused(arm_compiler: Path, tmp_path: Path) -> None:
    outputs = (MAX_PAYLOAD - INFER_REPLY.size) // 4 + 1
    network = StubNetwork(outputs=tuple(range(0x50404000, 0x50404000 + 4 * outputs, 4))).write(tmp_path / "network")
    made = make(network, tmp_path / "build")
    assert made.returncode != 0
    assert "the network's outputs do not fit a frame" in made.stderr


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (None, "no network given"),
        (Path("nowhere"), "nowhere holds no cnn.c and network.h"),
    ],
)
def test_without_a_network_one_line_says_so(
    arm_compiler: Path, tmp_path: Path, network: Path | None, said: str
) -> None:
    made = make(network, tmp_path)
    assert made.returncode != 0
    assert said in made.stderr
    assert (made.stdout + made.stderr).count("\n") == 1


def test_without_a_compiler_one_line_says_what_to_install(tmp_path: Path, network: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "make"):
        (tools / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool}"))
    made = make(network, tmp_path / "build", PATH=str(tools))
    assert made.returncode != 0
    assert "gcc-arm-none-eabi" in made.stderr
    assert "libnewlib-arm-none-eabi" in made.stderr
    assert (made.stdout + made.stderr).count("\n") == 1
