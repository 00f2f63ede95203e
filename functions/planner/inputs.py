"""What a run is asked to do: execution input, configuration, site list. Every error names the field."""

import json
import re
from datetime import date
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from nightfold.budget import PRICES
from nightfold.errors import InvalidInput, invalid
from nightfold.settings import RunConfiguration
from nightfold.sites import RunId, Site, SiteList
from nightfold.storage import SITES_KEY
from nightfold.text import one_line

Mode = Literal["collect", "redrive"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{one_line(name, 60)!r} is no IANA time zone, as Europe/Berlin is") from None
    return name


class ExecutionInput(BaseModel):
    """What an execution is started with. Every further key overrides a field of the configuration for this run."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mode: Mode = "collect"
    scheduled_time: AwareDatetime | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"  # in which a scheduled night has its date

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        try:
            self.day  # noqa: B018 - whether it has one
        except OverflowError:
            raise ValueError(f"scheduled_time: no calendar of {self.time_zone} holds {self.scheduled_time}") from None
        return self

    @property
    def day(self) -> date | None:
        """The day of a scheduled run where the user lives; None for a run by hand."""
        return self.scheduled_time and self.scheduled_time.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def overrides(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def read_input(document: Any) -> ExecutionInput:
    """The execution input. Raises InvalidInput, which names the field."""
    try:
        return ExecutionInput.model_validate(document)
    except ValidationError as error:
        raise invalid(error, "input") from None


def run_id_of(given: ExecutionInput, execution_name: str) -> str:
    """A scheduled run is named after its day where the person lives: a change of the clock may put two nights into one
    day of UTC. Any other run is named after its execution."""
    if given.day is not None:
        return f"{'redrive' if given.mode == 'redrive' else 'nightly'}-{given.day.isoformat()}"
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", execution_name)
    return TypeAdapter(RunId).validate_python(name if name[0].isalnum() else f"run{name}"[:80])


def configure(parameter: str, overrides: dict[str, Any]) -> RunConfiguration:
    """The configuration of one run: the parameter's JSON under `overrides`. Raises InvalidInput."""
    try:
        fields = json.loads(parameter)
    except (ValueError, RecursionError) as error:
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
