"""An option is written once: where it stands tells the command line, the check of a resumed run, and recipes."""

from __future__ import annotations

import typing
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click
import pytest

from fer_edge import cli
from fer_edge.errors import FerEdgeError
from fer_edge.training.config import SearchConfig, TrainConfig
from fer_edge.training.options import flag, options_of

COMMANDS: dict[str, type] = {"train": TrainConfig, "qat-train": TrainConfig, "search": SearchConfig}
NOT_OF_THE_CONFIGURATION = {"recipe", "as_json", "help", "arch"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_options_of_its_configuration_and_their_defaults(name: str) -> None:
    command = cli.main.commands[name]
    has = {p.name: p for p in command.params if p.name not in NOT_OF_THE_CONFIGURATION}
    wanted = {
        option: (default, about)
        for option, default, about in options_of(COMMANDS[name])
        if not about.hidden and (not about.commands or name in about.commands)
    }
    assert set(has) == set(wanted)
    for option, (default, about) in wanted.items():
        parameter = has[option]
        assert isinstance(parameter, click.Option)
        assert parameter.opts[0] == flag(option, about)
        assert parameter.help is not None
        assert about.help in parameter.help
        assert parameter.required == (default is MISSING)
        if default is not MISSING and default != () and default is not None:
            assert parameter.default == default


@pytest.mark.parametrize("config", [TrainConfig, SearchConfig])
def test_every_option_says_in_a_whole_sentence_what_it_is(config: type) -> None:
    for _, _, about in options_of(config):
        assert about.help[0].isupper()
        assert about.help.endswith(".")


@pytest.mark.parametrize("config", [TrainConfig, SearchConfig])
def test_what_is_out_of_its_limits_is_refused_by_its_name_on_the_command_line(config: Any, tmp_path: Path) -> None:
    good: dict[str, Any] = {"data": "drawn", "output_dir": tmp_path} | (
        {"arch": "fernet-nano"} if config is TrainConfig else {}
    )
    config(**good)
    for option, _, about in options_of(config):
        bad = (
            [about.least - 1] * (about.least > -1e300) + [about.most + 1] * (about.most < 1e300) + [0] * about.positive
        )
        for value in bad:
            with pytest.raises(FerEdgeError, match=f"{flag(option, about)} is .*Give {about.limits()}"):
                config(**good, **{option: value})


def test_a_resumed_run_is_compared_in_all_but_where_how_long_and_on_what() -> None:
    compared = {option for option, _, about in options_of(TrainConfig) if about.compared}
    assert {field.name for field in fields(TrainConfig)} - compared == {
        *("output_dir", "labels", "privileged", "mirror", "limit", "tensorboard", "max_minutes", "resume", "threads"),
        *("device", "precision"),
    }
    assert typing.get_type_hints(TrainConfig).keys() >= compared
