"""The configuration of one run: the options and the environment over the state directory's file or the template; and
replacing that file."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from infra.cli.installation import Configuration
from infra.state import regular_files
from infra.state.directory import StateDirectory
from nightfold.complaints import did_you_mean
from nightfold.errors import InvalidInput
from nightfold.question import load
from nightfold.settings import RunConfiguration
from planner.inputs import configure

ROOT = Path(__file__).parents[2]
FILE = "configuration.json"  # in the state directory


def overrides_of(concurrency: str | None, settings: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The fields that options and environment set. Raises InvalidInput, which names the option or the variable."""
    overrides = fields_of(settings, "--set")
    if concurrency is not None:
        overrides["max_concurrency"] = _value(concurrency, "max_concurrency", "--concurrency")
    elif "max_concurrency" not in overrides and (text := environment.get("MAX_CONCURRENCY")):
        overrides["max_concurrency"] = _value(text, "max_concurrency", "MAX_CONCURRENCY in the environment")
    return overrides


def fields_of(settings: Sequence[str], typed: str) -> dict[str, Any]:
    """Each FIELD=VALUE as a field. Raises InvalidInput, which begins with `typed`: the words before the setting."""
    fields: dict[str, Any] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"{typed}: {setting!r} is not FIELD=VALUE")
        known = [*RunConfiguration.model_fields]
        if field not in known:
            raise InvalidInput(f"{typed}: no field {field!r}{did_you_mean(field, known)}; known are {', '.join(known)}")
        fields[field] = _value(value, field, f"{typed} {field}")
    return fields


def question_override(name: str | None) -> dict[str, str]:
    """The field that `--question` sets. Raises InvalidInput if there is no such question."""
    if name is None:
        return {}
    try:
        return {"question": load(name).name}
    except InvalidInput as error:
        raise InvalidInput(f"--{error}") from None


def configured(
    place: Configuration, overrides: Mapping[str, Any], speed: float, *, always: bool = False
) -> tuple[dict[str, Any], RunConfiguration]:
    """The overrides, and the configuration with them applied. At a higher `speed` requests time out sooner; `always`
    adds that timeout to the overrides at any speed, so that it replaces one from an earlier run at another speed."""
    text = place.read()
    stored(place.where, text)
    configuration = configure(text, dict(overrides))
    if speed == 1 and not always:
        return dict(overrides), configuration
    timeout_s = min(max(math.ceil(configuration.request_timeout_s / speed), 1), 600)
    faster = dict(overrides) | {"request_timeout_s": timeout_s}
    return faster, configure(text, faster)


def stored(where: object, text: str) -> RunConfiguration:
    """The stored configuration, without overrides. Raises InvalidInput, which names where it is stored."""
    try:
        return configure(text, {})
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from None


@dataclass(frozen=True)
class ConfigurationFile:
    """The configuration of a state directory."""

    state_dir: Path

    @property
    def where(self) -> str:
        return str(self.state_dir / FILE)

    def read(self) -> str:
        return configuration_text(self.state_dir)

    def replace(self, text: str, fields: Mapping[str, Any]) -> None:
        """Replace the stored `text` with these fields, written as the template's value is: with the same values, the
        file counts as never edited.

        Raises InvalidInput if `text` is no longer what is stored, and what opening the state directory raises.
        """
        check_writable(self.state_dir)
        state = StateDirectory(self.state_dir).open()
        try:
            if self.read() != text:
                raise InvalidInput("config: the configuration was changed meanwhile; look at it and try again")
            state.write(state.path / FILE, json.dumps(fields).encode() + b"\n")
        finally:
            state.close()


def check_writable(state_dir: Path) -> None:
    """Raises InvalidInput if a run cannot create the state directory, or cannot write to it."""
    existing = next(folder for folder in (state_dir.absolute(), *state_dir.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InvalidInput(f"--state-dir: {state_dir} cannot be created or written: {existing} does not allow it")


def configuration_text(state_dir: Path) -> str:
    """What the configuration parameter will contain: the state directory's file, or the template's default.

    A file that was never edited follows the template when the template changes.
    """
    try:
        text = regular_files.read_file(file := state_dir / FILE).decode("utf-8-sig", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _default_configuration()
    except OSError as error:
        raise InvalidInput(f"configuration: {file} cannot be read ({error.strerror})") from None
    try:
        deployed = json.loads(regular_files.read_file(state_dir / "state.json"))["deployed"][FILE]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return text
    return _default_configuration() if text == deployed else text


def _default_configuration() -> str:
    yaml = import_module("samtranslator.yaml_helper")  # reads CloudFormation's tags; the package has no types
    template: dict[str, Any] = yaml.yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return str(template["Resources"]["Configuration"]["Properties"]["Value"])


def _value(text: str, field: str, name: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    try:
        configure("{}", {field: value})
    except InvalidInput as error:
        raise InvalidInput(f"{name}{str(error).removeprefix(field)}") from None
    return value
