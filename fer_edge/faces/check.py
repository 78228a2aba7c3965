"""`fer-edge data check`: what a data set holds, and what is wrong with it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from fer_edge.errors import DataError
from fer_edge.faces import ferplus, sources
from fer_edge.faces.dataset import Faces
from fer_edge.faces.split import NEAR, near_duplicates

# Grey levels between darkest and brightest pixel. FER2013's blank images span 0 to 3, its faintest face 47.
BLANK_SPAN = 16
_SHOWN = 10  # problems printed


def check(source: str | Path, labels: Path | None = None) -> dict[str, Any]:
    """Count the faces of every split a source has of its own, and hold its labels against FERPlus' votes (`labels`).

    Returns
    -------
    dict : ready for JSON.
        source : as given.
        splits : per split `images`, `classes` (images per class), `blank` (nothing to see) and `repeated` (images
            beyond the first of each group of near-duplicates).
        between : per pair of splits `images`, those of the second that have a near-duplicate in the first.
        near : correlation from which images count as near-duplicates.
        votes : None, or per split of FER2013 `clear` (faces with a majority), `agree` (of those, labels that are the
            majority's), `no_face` (most votes are for none), `unknown` (most for unknown) and per class `faces` and
            `unvoted` (whose label got no vote at all).
        problems : one line for each unreadable image, malformed line or missing folder.

    Raises
    ------
    DataError : there is no data set there at all.
    """
    problems: list[DataError] = []
    found: dict[str, Faces] = {}
    for split in sources.splits(source):
        faces, wrong = sources.read(source, split)
        problems += wrong
        found[split] = faces
    sizes = [len(faces) for faces in found.values()]
    if not sum(sizes) and not problems:
        raise DataError(f"{source}: no images in it.", sources.HOW_TO_GET)

    groups = near_duplicates(np.concatenate([faces.images for faces in found.values()]))
    group_of = dict(zip(found, np.split(groups, np.cumsum(sizes)[:-1]), strict=True))
    return {
        "source": str(source),
        "splits": {
            split: {
                "images": len(faces),
                "classes": faces.per_class(),
                "blank": int((np.ptp(faces.images, axis=(1, 2)) < BLANK_SPAN).sum()),
                "repeated": len(faces) - len(np.unique(group_of[split])),
            }
            for split, faces in found.items()
        },
        "between": [
            {"splits": [a, b], "images": int(np.isin(group_of[b], group_of[a]).sum())}
            for a, b in combinations(found, 2)
        ],
        "votes": None if labels is None else _votes(found, Path(source), ferplus.read(labels)),
        "near": NEAR,
        # A malformed CSV line belongs to no split and is met in each.
        "problems": list(dict.fromkeys(problem.what for problem in problems)),
    }


def _votes(found: dict[str, Faces], source: Path, votes: ferplus.Votes) -> dict[str, Any]:
    table = {}
    for split, faces in found.items():
        if split == "private" or not len(faces):  # FERPlus' file may lack what nobody may have
            continue
        rows = ferplus.rows(faces, source, votes)
        known = np.array([ferplus.CLASSES.index(name) if name in ferplus.CLASSES else -1 for name in faces.classes])
        labels, majority = known[faces.labels], votes.majority()[rows]
        unvoted = votes.counts[rows, labels] == 0
        unknown, no_face = (2 * votes.others[rows] > ferplus.VOTERS).T
        table[split] = {
            "clear": int((majority >= 0).sum()),
            "agree": int((majority == labels).sum()),
            "no_face": int(no_face.sum()),
            "unknown": int(unknown.sum()),
            "classes": {
                name: {"faces": int((labels == known[i]).sum()), "unvoted": int(unvoted[labels == known[i]].sum())}
                for i, name in enumerate(faces.classes)
            },
        }
    return table


def render(report: dict[str, Any]) -> str:
    """The result of `check` as text for a terminal."""
    splits = report["splits"]
    lines = [report["source"], "", f"{'':10}" + "".join(f"{split:>9}" for split in splits)]
    for name in next(iter(splits.values()))["classes"]:
        lines.append(f"{name:10}" + "".join(f"{of['classes'][name]:9,}" for of in splits.values()))
    for key in ("images", "blank", "repeated"):
        lines.append(f"{key:10}" + "".join(f"{of[key]:9,}" for of in splits.values()))
    lines += ["", f"Near-duplicates: 12×12 means that correlate by {report['near']} or more."]
    lines.append("repeated: images beyond the first of each group of near-duplicates within a split.")
    for pair in report["between"]:
        first, second = pair["splits"]
        lines.append(f"Images of {second} with a near-duplicate in {first}: {pair['images']:,}")
    for split, of in (report["votes"] or {}).items():
        lines += ["", f"{split}: what people voted (FERPlus), measured"]
        lines.append(
            f"  {of['agree']:,} of {of['clear']:,} labels are the majority's ({_percent(of['agree'], of['clear'])});"
            f" no face: {of['no_face']:,}; unknown: {of['unknown']:,}"
        )
        lines += [
            f"  {name:10}{c['unvoted']:6,} of {c['faces']:6,} labels got no vote ({_percent(c['unvoted'], c['faces'])})"
            for name, c in of["classes"].items()
        ]
    problems = report["problems"]
    lines += ["", f"{len(problems):,} unreadable or misplaced" + (":" if problems else ".")]
    lines += [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN:,} more")
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"
