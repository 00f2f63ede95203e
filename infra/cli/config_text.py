"""The output of `nightfold config`, and the difference that a change makes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.cli.configuration import stored
from infra.cli.terminal import table, visible
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from planner.inputs import configure


@dataclass(frozen=True)
class Change:
    """A changed configuration that is valid. Nothing is written yet."""

    fields: Mapping[str, Any]  # of the new document
    after: RunConfiguration
    lines: list[str]  # one for each field that changes


def changed(where: str, text: str, settings: Mapping[str, Any]) -> Change:
    """The stored `text` with these fields, which may replace invalid ones. Raises InvalidInput."""
    try:
        after = configure(text, dict(settings))
    except InvalidInput:
        stored(where, text)  # says where if the error is there
        raise
    fields = json.loads(text)
    before = RunConfiguration().model_dump(mode="json") | fields
    lines = [
        f"{field}: {json.dumps(before[field])} → {json.dumps(value)}"
        for field, value in settings.items()
        if json.dumps(before[field]) != json.dumps(value)
    ]
    return Change(fields | settings, after, lines)


def as_text(configuration: RunConfiguration, width: int | None) -> list[str]:
    """A table of every field."""
    now, defaults = (each.model_dump(mode="json") for each in (configuration, RunConfiguration()))
    rows = (
        (name, json.dumps(now[name]), _default(now[name], defaults[name]), field.description)
        for name, field in RunConfiguration.model_fields.items()
    )
    return table([("FIELD", "VALUE", "DEFAULT", "MEANING"), *rows], width)


def as_json(configuration: RunConfiguration) -> str:
    return json.dumps(configuration.model_dump(mode="json"), indent=2)


def written(fields: int, where: str) -> str:
    return f"{counted(fields, 'field')} changed in {visible(where)}"


def _default(value: Any, default: Any) -> str:
    return "same" if value == default else json.dumps(default)
