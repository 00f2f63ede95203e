"""The configuration of one run: the options and the environment over the state directory's file or the template."""

import json
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from infra.state import regular_files
from nightfold.complaints import did_you_mean
from nightfold.errors import InvalidInput
from nightfold.question import load
from nightfold.settings import RunConfiguration
from planner.inputs import configure

ROOT = Path(__file__).parents[2]


def overrides_of(concurrency: str | None, settings: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The fields that options and environment set. Raises InvalidInput, which names the option or the variable."""
    overrides: dict[str, Any] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"--set: {setting!r} is not FIELD=VALUE")
        known = [*RunConfiguration.model_fields]
        if field not in known:
            raise InvalidInput(f"--set: no field {field!r}{did_you_mean(field, known)}; known are {', '.join(known)}")
        overrides[field] = _value(value, field, f"--set {field}")
    if concurrency is not None:
        overrides["max_concurrency"] = _value(concurrency, "max_concurrency", "--concurrency")
    elif "max_concurrency" not in overrides and (text := environment.get("MAX_CONCURRENCY")):
        overrides["max_concurrency"] = _value(text, "max_concurrency", "MAX_CONCURRENCY in the environment")
    return overrides


def question_override(name: str | None) -> dict[str, str]:
    """The field that `--question` sets. Raises InvalidInput if there is no such question."""
    if name is None:
        return {}
    try:
        return {"question": load(name).name}
    except InvalidInput as error:
        raise InvalidInput(f"--{error}") from None


def configured(
    state_dir: Path, overrides: Mapping[str, Any], speed: float, *, always: bool = False
) -> tuple[dict[str, Any], RunConfiguration]:
    """The overrides, and the configuration with them applied. At a higher `speed` requests time out sooner; `always`
    adds that timeout to the overrides at any speed, so that it replaces one from an earlier run at another speed."""
    text = configuration_text(state_dir)
    try:
        configure(text, {})
    except InvalidInput as error:
        raise InvalidInput(f"{state_dir / 'configuration.json'}: {error}") from None
    configuration = configure(text, dict(overrides))
    if speed == 1 and not always:
        return dict(overrides), configuration
    timeout_s = min(max(math.ceil(configuration.request_timeout_s / speed), 1), 600)
    faster = dict(overrides) | {"request_timeout_s": timeout_s}
    return faster, configure(text, faster)


def configuration_text(state_dir: Path) -> str:
    """What the configuration parameter will contain: the state directory's file, or the template's default.

    A file that was never edited follows the template when the template changes.
    """
    try:
        text = regular_files.read_file(file := state_dir / "configuration.json").decode("utf-8", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _default_configuration()
    except OSError as error:
        raise InvalidInput(f"configuration: {file} cannot be read ({error.strerror})") from None
    try:
        deployed = json.loads(regular_files.read_file(state_dir / "state.json"))["deployed"]["configuration.json"]
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
