"""Every error says what is wrong in a sentence, and its cure in another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import fer_edge
from fer_edge import errors

PACKAGE = Path(fer_edge.__file__).parent
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def name_of(node: ast.expr) -> str | None:
    return getattr(node, "attr", None) or getattr(node, "id", None)


def kinds() -> set[str]:
    """FerEdgeError and the names of all its children, wherever they are defined."""
    found = {errors.FerEdgeError.__name__}
    before = 0
    while len(found) > before:
        before = len(found)
        for tree in TREES.values():
            classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
            found |= {each.name for each in classes if any(name_of(base) in found for base in each.bases)}
    return found


KINDS = kinds()


USAGE = "UsageError"
"""click's, with one sentence or two: what is wrong, and its cure."""


def beginning(node: ast.expr | None) -> str | None:
    """How a literal begins; None where that is no text, but a name or a value."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every place where an error is made."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in {*KINDS, USAGE} and node.args:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def ending(node: ast.expr | None) -> str | None:
    """How a literal ends; None where that is no text, but a name or a value."""
    while isinstance(node, ast.BinOp):
        node = node.right
    if isinstance(node, ast.JoinedStr):
        node = node.values[-1]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def proper(text: str) -> bool:
    """Whether it begins as a sentence does; an option or a command in backticks may stand first."""
    return text[:1].isupper() or text.startswith(("--", "`"))


def test_errors_begin_with_a_capital() -> None:
    begun = [(place, beginning(call.args[0])) for place, call in calls()]
    assert len(begun) > 200
    assert [(place, text) for place, text in begun if text is not None and not proper(text)] == []


def test_errors_end_as_sentences_do() -> None:
    """But for the heads of lists, and for what the virtual board runs into: the place in the programme follows."""
    ended = [(place, ending(call.args[0])) for place, call in calls()]
    texts = [(place, text) for place, text in ended if text is not None and not place.startswith("board/")]
    assert len(texts) > 100
    assert [(place, text) for place, text in texts if not text.endswith((".", ":"))] == []


def test_errors_have_a_cure() -> None:
    """But for the heads of lists of reasons, which have theirs, and for what the virtual board runs into."""
    missing = [
        place
        for place, call in calls()
        if not place.startswith("board/")
        and name_of(call.func) != USAGE
        and (ending(call.args[0]) or "").endswith(".")
        and len(call.args) < 2
        and not call.keywords
    ]
    assert missing == []


def test_cures_are_sentences() -> None:
    wrong = []
    for place, call in calls():
        named = [keyword.value for keyword in call.keywords if keyword.arg == "cure"]
        for cure in [*call.args[1:2], *named]:
            text = beginning(cure)
            if text and not proper(text):
                wrong.append((place, text))
    assert wrong == []
