"""What a run is asked to do: execution input, configuration, site list. Every error names the field."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from nightfold.budget import PRICES
from nightfold.complaints import complaint, listed, nearest
from nightfold.errors import InvalidInput, invalid
from nightfold.question import load
from nightfold.settings import RunConfiguration
from nightfold.sites import RunId, Site, SiteList
from nightfold.storage import SITES_KEY
from nightfold.text import one_line

Mode = Literal["collect", "redrive"]
SITE_KEYS = [*Site.model_fields]
LIST_LIMIT = 30_000_000  # bytes of a site list: it takes the planner ten times as much, with its plan and the items


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{one_line(name, 60)!r} is not an IANA time zone such as Europe/Berlin") from None
    return name


class ExecutionInput(BaseModel):
    """What an execution is started with. Every further key overrides a field of the configuration for this run.

    `only` and `limit` narrow a collection to these sites, and to the first so many of them.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    mode: Mode = "collect"
    scheduled_time: AwareDatetime | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"  # that gives a night its date
    only: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    limit: Annotated[int, Field(strict=True, ge=1)] | None = None

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        try:
            self.day  # noqa: B018 - whether it has one
        except OverflowError:
            raise ValueError(f"scheduled_time: {self.scheduled_time} has no date in {self.time_zone}") from None
        return self

    @property
    def day(self) -> date | None:
        """The day of a scheduled run in the user's time zone; None for a run by hand."""
        return self.scheduled_time and self.scheduled_time.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def overrides(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def read_input(document: Any) -> ExecutionInput:
    """The execution input. Raises InvalidInput, which names the field."""
    try:
        given = ExecutionInput.model_validate(document)
    except ValidationError as error:
        raise invalid(error, "input") from None
    if given.mode == "redrive" and (given.only is not None or given.limit is not None):
        raise InvalidInput("input: only and limit narrow a collection; a redrive takes every miss that waits")
    return given


def run_id_of(given: ExecutionInput, execution_name: str) -> str:
    """A scheduled run is named after its day in the user's time zone: a change of the clock may put two nights into one
    day of UTC. Any other run is named after its execution."""
    if given.day is not None:
        return f"{'redrive' if given.mode == 'redrive' else 'nightly'}-{given.day.isoformat()}"
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", execution_name)
    return TypeAdapter(RunId).validate_python(name if name[0].isalnum() else f"run{name}"[:80])


def configure(parameter: str, overrides: dict[str, Any]) -> RunConfiguration:
    """The configuration of one run: the parameter's JSON under `overrides`. Raises InvalidInput."""
    fields = _parsed(parameter, "configuration: the parameter is")
    if not isinstance(fields, dict):
        raise InvalidInput("configuration: the parameter is JSON, but not an object")
    try:
        configuration = RunConfiguration.model_validate({**fields, **overrides})
    except ValidationError as error:
        raise invalid(error, known=[*RunConfiguration.model_fields]) from None
    load(configuration.question)  # or it is refused here
    if configuration.cost_ceiling_usd is not None and configuration.model not in PRICES:
        raise InvalidInput(
            f"cost_ceiling_usd: the price of model {configuration.model} is not known, so no ceiling can be kept; "
            f"known are {', '.join(PRICES)}"
        )
    return configuration


def read_sites(document: bytes | None, where: str = SITES_KEY) -> list[Site]:
    """The site list. Raises InvalidInput, which names `where`, the site, counted from 1, and its field."""
    if document is None:
        raise InvalidInput(f"sites: there is no {where}")
    if len(document) > LIST_LIMIT:
        raise InvalidInput(f"{where}: must have at most {LIST_LIMIT:,} bytes, not {len(document):,}")
    sites = _parsed(document, f"{where}:")
    try:
        return SiteList.validate_python(sites)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise InvalidInput(f"{where}: {listed(_complaint_of_site(detail, sites) for detail in details)}")


def _parsed(document: str | bytes, what: str) -> Any:
    """The JSON. Raises InvalidInput, which begins with `what`."""
    try:
        return json.loads(document, object_pairs_hook=_object)
    except (json.JSONDecodeError, InvalidInput) as error:
        why = str(error)
    except UnicodeDecodeError:
        why = "it is not text in UTF-8"
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError:
        why = "a number in it has too many digits"
    raise InvalidInput(f"{what} not valid JSON ({why})")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises InvalidInput for a key that appears twice, of which JSON takes the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise InvalidInput(f"{one_line(json.dumps(twice), 60)} appears twice in {one_line(json.dumps(found), 100)}")
    return found


def _complaint_of_site(detail: ErrorDetails, sites: Any) -> str:
    if not detail["loc"]:
        words = complaint(detail)
        return f"the site list {words}" if words.startswith("must") else words
    number, *field = detail["loc"]
    site = sites[number]
    name = f" ({one_line(str(site['site_id']), 63)})" if isinstance(site, dict) and site.get("site_id") else ""
    return f"site {int(number) + 1}{name}{''.join(f', {key}' for key in field)}: {complaint(detail, SITE_KEYS)}"


def check_facts(sites: Sequence[Site], question_of: Callable[[str], str], where: str = "sites") -> None:
    """Raises InvalidInput, which names `where`, for the first name that a site's prompt uses and that neither site nor
    question has."""
    for site in sites:
        question = load(question_of(site.site_id))
        if missing := sorted(question.needed - site.facts.keys()):
            raise InvalidInput(
                f"{where}: site {site.site_id}, facts.{missing[0]}: is missing; "
                f"the prompt of question {question.name} uses it"
            )


def narrow(sites: Sequence[Site], only: Sequence[str] | None, limit: int | None, field: str = "only") -> list[Site]:
    """The sites of the list that a run is for, in the list's order. Raises InvalidInput for an id that is not in it."""
    if only is not None:
        known = [site.site_id for site in sites]
        if unknown := sorted(set(only) - set(known)):
            near = nearest(unknown[0], known)
            more = f" (and {len(unknown) - 1:,} more)" if len(unknown) > 1 else ""
            raise InvalidInput(
                f"{field}: there is no site {one_line(unknown[0], 63)!r} in the list{more}; the nearest is {near!r}"
            )
        sites = [site for site in sites if site.site_id in set(only)]
    return list(sites[:limit])
