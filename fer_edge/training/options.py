"""An option, written once: as a field of a configuration, with its help, its limits, and where it counts.

The command line, the check of a resumed run, recipes and docs/options.md come from these fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from fer_edge.errors import FerEdgeError

DATA_HELP = "Folder train|test/<class>/*, Kaggle's fer2013.csv, or the word `drawn`."
LABELS_HELP = "FERPlus' fer2013new.csv: what people voted, instead of FER2013's labels."
LIMIT_HELP = "Use a stratified sample of this many faces of each split."
SEED_HELP = "Seed of everything random."
THREADS_HELP = "Number of processor threads."


@dataclass(frozen=True)
class Option:
    """What a field is to a user.

    help : whole sentences.
    commands : those that have it; all that take the configuration, if empty. `()` with `hidden` is for none.
    name : what the option is called, if not as the field.
    unset : what happens if it is not given, where the default is None.
    least, most : the limits, both included; `positive` excludes zero and less.
    without_value : what the option stands for where no value follows it.
    output : it names a folder that is written.
    compared : a run may only be resumed with the same.
    recipe : a recipe may set it.
    shared : given for a run, it holds for its teachers, too.
    """

    help: str
    commands: tuple[str, ...] = ()
    hidden: bool = False
    name: str = ""
    unset: str = ""
    least: float = -math.inf
    most: float = math.inf
    positive: bool = False
    without_value: str = ""
    output: bool = False
    compared: bool = True
    recipe: bool = True
    shared: bool = False

    def limits(self) -> str:
        """The limits in words."""
        if self.positive and self.most == math.inf:
            return "a positive number"
        if self.most < math.inf:
            return f"a number from {self.least:,} to {self.most:,}"
        return "" if self.least == -math.inf else f"a number from {self.least:,} on"


def option(default: Any, help: str, **details: Any) -> Any:
    """A field of a configuration that is an `Option`; `MISSING` as the default for one that must be given."""
    return field(default=default, metadata={"option": Option(help, **details)})


def options_of(config: type) -> Iterator[tuple[str, Any, Option]]:
    """Name, default (or `MISSING`) and option of every field of a configuration."""
    for each in fields(config):
        yield each.name, each.default, each.metadata["option"]


def check(config: object) -> None:
    """FerEdgeError where an option of a configuration is out of its limits."""
    for name, _, about in options_of(type(config)):
        value = getattr(config, name)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        good = about.least <= value <= about.most and math.isfinite(value) and (value > 0 or not about.positive)
        if not good:
            raise FerEdgeError(f"{flag(name, about)} is {value}.", f"Give {about.limits() or 'a finite number'}.")


def flag(name: str, about: Option) -> str:
    """The option as it is typed: ``--weight-bits``."""
    return "--" + (about.name or name).replace("_", "-")


def markdown(config: type, command: str) -> str:
    """The options of one command as a table."""
    lines = ["| option | default | |", "|---|---|---|"]
    for name, default, about in options_of(config):
        if about.hidden or (about.commands and command not in about.commands):
            continue
        if default is MISSING:
            usual = "required"
        elif default is None or default == ():
            usual = about.unset or "none"
        elif isinstance(default, bool):
            usual = "on" if default else "off"
        else:
            usual = f"`{default}`"
        text = about.help + (f" {about.limits().capitalize()}." if about.limits() else "")
        lines.append(f"| `{flag(name, about)}` | {usual} | {_escaped(text)} |")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    """Text as it is to be read in a table's cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
