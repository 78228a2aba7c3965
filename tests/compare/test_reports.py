"""Two reports side by side: like with like, and what the difference is worth."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fer_edge.compare.reports import compare, render, write_html
from fer_edge.errors import DataError

Result = dict[str, Any]


def saved(folder: Path, result: Result, right: list[bool] | None = None) -> Path:
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(result))
    if right is not None:
        lines = [{"run": 1}, *({"label": 1, "predicted": int(r)} for r in right)]
        (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def rows(a: Path, b: Path) -> dict[str, dict[str, str]]:
    return {row["what"]: row for row in compare(a, b)["rows"]}


def test_a_run_beside_itself_has_no_difference(result: Result, tmp_path: Path) -> None:
    a, b = saved(tmp_path / "a", result), saved(tmp_path / "b", result)
    found = rows(a, b / "report.json")
    assert found["accuracy"]["difference"] == "+0.00 pp"
    assert found["latency, median"]["difference"] == "+0.0 %"
    assert found["weights"]["difference"] == "+0 B"
    assert found["energy, net of idle"]["a"] == "not known"
    assert not any(row["remark"] for what, row in found.items() if what != "accuracy")


def test_the_same_faces_are_compared_one_by_one(result: Result, tmp_path: Path) -> None:
    a = saved(tmp_path / "a", result, [True] * 10 + [False] * 3)
    b = saved(tmp_path / "b", result, [True] * 2 + [False] * 8 + [True] + [False] * 2)
    assert rows(a, b)["accuracy"]["remark"] == "face by face: 8 only A, 1 only B right; p = 0.039"


def test_other_faces_are_compared_by_their_intervals(result: Result, tmp_path: Path) -> None:
    other = copy.deepcopy(result)
    other["data"]["fingerprint"] = "other"
    other["accuracy_95"] = [0.9, 0.95]
    remark = rows(saved(tmp_path / "a", result), saved(tmp_path / "b", other))["accuracy"]["remark"]
    assert remark == "95 % intervals do not overlap; other faces"


def test_other_classes_and_labels_are_said_to_be_no_comparison(result: Result, tmp_path: Path) -> None:
    other = copy.deepcopy(result)
    other["classes"].append("contempt")
    other["per_class"]["contempt"] = {"precision": 0.5, "recall": 0.25, "f1": 0.3, "support": 4}
    other["per_class"]["fear"]["support"] = 0
    other["data"] |= {"fingerprint": "other", "labels": "fer2013new.csv"}
    a, b = saved(tmp_path / "a", result), saved(tmp_path / "b", other)
    for first, second, cells in ((a, b, ("no faces", "25.00 %")), (b, a, ("25.00 %", "no faces"))):
        found = rows(first, second)
        assert "other labels: no comparison of like with like" in found["accuracy"]["remark"]
        assert (found["recall contempt"]["a"], found["recall contempt"]["b"]) == cells
        assert found["recall contempt"]["difference"] == found["recall fear"]["difference"] == ""
    assert "labels fer2013new.csv" in compare(a, b)["b"]


def test_measured_beside_estimated_is_said_to_be_no_comparison(result: Result, tmp_path: Path) -> None:
    other = copy.deepcopy(result)
    other["latency"]["median"]["kind"] = "measured"
    other["energy"]["boundary"] = "the 5 V input"
    found = rows(saved(tmp_path / "a", result), saved(tmp_path / "b", other))
    assert "no comparison of like with like" in found["latency, median"]["remark"]
    assert found["energy, total"]["remark"] == "the boundaries differ"


def test_terminal_and_page_hold_every_row(result: Result, tmp_path: Path) -> None:
    comparison = compare(saved(tmp_path / "a", result), saved(tmp_path / "b", result))
    write_html(comparison, tmp_path / "compare.html")
    page, text = (tmp_path / "compare.html").read_text(), render(comparison)
    for row in comparison["rows"]:
        assert row["what"] in text
        assert row["what"] in page
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(|<script|<link", page)


@pytest.mark.parametrize("text", ["", "[]", '{"format": "fer-edge bench 1"}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(DataError, match=r"report\.json"):
        compare(tmp_path, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        compare(tmp_path / "none.json", tmp_path)
