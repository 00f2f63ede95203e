"""What a run is asked to do: execution input, configuration, site list. Every error names the field."""

import json
import re
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from nightfold.contract import RunId, Site, SiteList
from nightfold.errors import InvalidInput, invalid
from nightfold.settings import PRICES, RunConfiguration
from nightfold.storage import SITES_KEY

Mode = Literal["collect", "redrive"]


class ExecutionInput(BaseModel):
    """What an execution is started with. Every further key overrides a field of the configuration for this run."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mode: Mode = "collect"
    scheduled_time: AwareDatetime | None = None


def read_input(document: Any) -> ExecutionInput:
    """The execution input. Raises InvalidInput, which names the field."""
    try:
        return ExecutionInput.model_validate(document)
    except ValidationError as error:
        raise invalid(error, "input") from None


def run_id_of(mode: Mode, scheduled_time: datetime | None, execution_name: str) -> str:
    """A scheduled run is named after its day, any other after its execution."""
    if scheduled_time is not None:
        return f"{'redrive' if mode == 'redrive' else 'nightly'}-{scheduled_time:%Y-%m-%d}"
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", execution_name)
    return TypeAdapter(RunId).validate_python(name if name[0].isalnum() else f"run{name}"[:80])


def configure(parameter: str, overrides: dict[str, Any]) -> RunConfiguration:
    """The configuration of one run: the parameter's JSON under `overrides`. Raises InvalidInput."""
    try:
        fields = json.loads(parameter)
    except ValueError as error:
        raise InvalidInput(f"configuration: the parameter is no JSON ({error})") from None
    if not isinstance(fields, dict):
        raise InvalidInput("configuration: the parameter is JSON, but not an object")
    try:
        configuration = RunConfiguration.model_validate({**fields, **overrides})
    except ValidationError as error:
        raise invalid(error) from None
    if configuration.cost_ceiling_usd is not None and configuration.model not in PRICES:
        raise InvalidInput(
            f"cost_ceiling_usd: the price of model {configuration.model} is not known, so no ceiling can be kept; "
            f"known are {', '.join(PRICES)}"
        )
    return configuration


def read_sites(document: bytes | None, where: str = SITES_KEY) -> list[Site]:
    """The site list. Raises InvalidInput, which names the entry and its field."""
    if document is None:
        raise InvalidInput(f"sites: there is no {where}")
    try:
        sites = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"sites: {where} is no JSON ({error})") from None
    try:
        return SiteList.validate_python(sites)
    except ValidationError as error:
        raise invalid(error, "sites") from None
