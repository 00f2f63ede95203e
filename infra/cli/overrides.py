"""The options and the environment as fields of the configuration, for one run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nightfold.complaints import did_you_mean
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from planner.inputs import configure


def overrides_of(concurrency: str | None, settings: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Raises InvalidInput for a value that cannot be, under the name by which it was given."""
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


def _value(text: str, field: str, named: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    try:
        configure("{}", {field: value})
    except InvalidInput as error:
        raise InvalidInput(f"{named}{str(error).removeprefix(field)}") from None
    return value
