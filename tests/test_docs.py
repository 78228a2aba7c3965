"""Documents agree with what they describe: links, paths, layers, blocks of the virtual board."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from fer_edge.bench.protocol import INFER_REPLY, MAX_PAYLOAD
from fer_edge.board import Options, peripherals
from fer_edge.board.accelerator import INERT_CONTROL
from fer_edge.board.consistency import INERT

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [link.partition("#") for link in links if "://" not in link]
    missing = [path for path, _, _ in local if path and not (page.parent / path).exists()]
    assert missing == []
    for path, _, anchor in local:
        if anchor:
            target = (page.parent / path) if path else page
            assert anchor in anchors(target), f"{page.name}: #{anchor} is no heading of {target.name}"


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_repository_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|c|h|md|yaml|j2|toml))`", page.read_text(encoding="utf-8"))
    written = ("bench_out/", "runs/", "synth_out/", "mlperf/", "izer/")  # by a command, or of other projects
    places = (ROOT, ROOT / "fer_edge", ROOT / "firmware", page.parent)
    paths = {path for path in named if not path.startswith(written) and "NAME" not in path}
    assert [path for path in sorted(paths) if not any((place / path).exists() for place in places)] == []


def test_the_picture_shows_the_layers_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    picture = ElementTree.parse(DOCS / "images/architecture.svg")
    drawn: dict[float, list[str]] = {}
    for text in picture.iter(f"{SVG}text"):
        if text.get("class") == "layer":
            drawn.setdefault(float(text.attrib["y"]), []).append(str(text.text))
    assert [" | ".join(drawn[y]) for y in sorted(drawn)] == layers


def test_the_page_of_the_virtual_board_lists_the_blocks_that_are_only_stored() -> None:
    page = (DOCS / "virtual-board.md").read_text(encoding="utf-8")
    stored = page.partition("## Only stored")[2].partition("## Ended")[0]
    listed = re.findall(r"`([A-Z0-9]+)`", stored)
    assert listed == list(peripherals._STORAGE)


def test_the_page_of_the_virtual_board_lists_the_bits_that_do_nothing() -> None:
    page = (DOCS / "virtual-board.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z0-9_]+) \| (`[A-Z_`, ]+`) \|", page.partition("## Checked")[2], re.MULTILINE)
    listed = [(register, tuple(re.findall(r"\w+", fields))) for register, fields in rows]
    of_layers = [(inert.register, inert.fields) for inert in INERT]
    assert listed == [*of_layers, *(("CTL", fields) for fields in INERT_CONTROL)]


def test_the_page_of_the_virtual_board_explains_every_option() -> None:
    options = (DOCS / "virtual-board.md").read_text(encoding="utf-8").partition("## Options")[2]
    assert [name for name in Options.__dataclass_fields__ if f"`{name}`" not in options] == []


def test_the_page_of_limits_has_what_a_frame_of_the_protocol_holds() -> None:
    outputs = (MAX_PAYLOAD - INFER_REPLY.size) // 4
    assert f"an input beyond {MAX_PAYLOAD:,} bytes, more than {outputs:,} outputs" in (DOCS / "limits.md").read_text()


def test_the_public_workflow_tests_the_oldest_python_that_is_supported() -> None:
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [oldest, "3.x"]


def test_every_tool_of_the_commit_hooks_comes_with_the_development_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {Path(hook["entry"].split()[0]).name for hook in hooks}
    assert tools <= {requirement.partition(">")[0] for requirement in extra}
