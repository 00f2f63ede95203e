"""The shapes that pass between the functions, the state machine and S3, and the contract of an answer.

Everything is frozen and bounded. Times are timezone-aware and in UTC, durations carry their unit in the name,
tokens are Anthropic's.
"""

import json
import re
import unicodedata
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from nightfold.errors import plain
from nightfold.settings import MAX_TOKENS_CEILING, MAX_TOKENS_FLOOR, RunConfiguration

MAX_SITES = 10_000  # the largest run that is tested; a Map's output of that many empty objects is 30 KB
MAX_CANDIDATES = 50
ANSWER_LIMIT = 100_000  # characters of ASCII JSON; an outcome passes through Step Functions (256 KiB) quoted twice
RAW_ANSWER_LIMIT = 20_000  # bytes of JSON in a miss; ten of them travel in one SendMessageBatch

Reason = Literal["network", "schema", "unknown"]
Round = Annotated[int, Field(ge=1, le=2)]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
_HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def _host_name(text: str) -> str:
    text = text.lower()
    if len(text) > 253 or not _HOST_NAME.fullmatch(text):
        raise ValueError("must be a host name, as blog.example.com (an international one in its xn-- form)")
    return text


def _site_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise ValueError("must be lower-case letters, digits and dashes, at most 63, as harbour-blog")
    return text


SiteId = Annotated[str, AfterValidator(_site_id)]
Domain = Annotated[str, AfterValidator(_host_name)]
MaxTokens = Annotated[int, Field(strict=True, ge=MAX_TOKENS_FLOOR, le=MAX_TOKENS_CEILING)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Shape):
    """One entry of the site list."""

    site_id: SiteId
    domain: Domain
    brief: Annotated[str, Field(max_length=2_000)] | None = None
    max_tokens: MaxTokens | None = None  # may only lower the branch's share of the budget


def _without_duplicates(sites: list[Site]) -> list[Site]:
    seen: set[str] = set()
    for site in sites:
        if site.site_id in seen:
            raise ValueError(f"site_id {site.site_id!r} stands twice; each site needs its own")
        seen.add(site.site_id)
    return sites


SiteList: TypeAdapter[list[Site]] = TypeAdapter(
    Annotated[list[Site], Field(min_length=1, max_length=MAX_SITES), AfterValidator(_without_duplicates)]
)


def _plain_text(text: str) -> str:
    """One line of visible text. White space is folded; what could act on a terminal or hide text is refused."""
    text = " ".join(text.split())
    for character in text:
        # Cc: control characters, Cs: lone surrogates; overrides turn the direction of writing, tags are never seen.
        if (
            unicodedata.category(character) in {"Cc", "Cs"}
            or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
            or "\U000e0000" <= character <= "\U000e007f"
        ):
            raise ValueError(f"must not hold the character U+{ord(character):04X}")
    if not any(character.isalnum() for character in text):
        raise ValueError("must hold at least one letter or digit")
    return text


class Candidate(BaseModel):
    """One article idea. Keys that nobody asked for are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    title: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]
    angle: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_plain_text)]


_Candidates: TypeAdapter[list[Candidate]] = TypeAdapter(
    Annotated[list[Candidate], Field(min_length=1, max_length=MAX_CANDIDATES)]
)
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL)


class Violation(ValueError):  # noqa: N818
    """What is wrong with an answer, in words that may be told to the model: no part of the answer is quoted."""


def _no_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise Violation("an object holds the same key twice")
    return keys


def _no_constant(name: str) -> NoReturn:
    raise Violation(f"{name} is not JSON")


def read_candidates(text: str) -> list[Candidate]:
    """The candidates in Claude's raw answer. Raises `Violation`, and nothing else, whatever the text is."""
    text = text.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1]
    if len(text) > ANSWER_LIMIT:
        raise Violation(f"the answer is longer than {ANSWER_LIMIT:,} characters")
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicate_keys, parse_constant=_no_constant)
    except Violation:
        raise
    except json.JSONDecodeError as error:
        raise Violation(f"the answer is not one JSON array: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise Violation("the answer is not JSON that can be read: too deep, or a number too long") from None
    if not isinstance(document, list):
        raise Violation("the answer is JSON, but not an array")
    try:
        return _Candidates.validate_python(document)
    except ValidationError as error:
        # include_input=False: the message goes back to the model, and into logs.
        complaints = [
            f"{_path(detail['loc'])}{plain(detail['msg'])}" for detail in error.errors(include_input=False)[:3]
        ]
        raise Violation("; ".join(complaints)) from None


def _path(location: tuple[int | str, ...]) -> str:
    return f"candidate {int(location[0]) + 1}{''.join(f', {part}' for part in location[1:])}: " if location else ""


class SiteTask(_Shape):
    """The collector's event: one item of `items.json`, whole in itself."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    domain: Domain
    brief: str | None = None
    candidates: Annotated[int, Field(ge=1, le=20)]  # how many to ask for
    model: str
    max_tokens: MaxTokens
    request_timeout_s: Annotated[int, Field(ge=1, le=600)]
    violation: str | None = None  # round 2: what was wrong with the last answer

    @classmethod
    def for_site(
        cls,
        site: Site,
        run_id: str,
        round_: int,
        configuration: RunConfiguration,
        tokens: int,
        violation: str | None = None,
    ) -> Self:
        """The task of one branch whose share of the budget is `tokens`; a site's own max_tokens may only lower it."""
        return cls(
            run_id=run_id,
            round=round_,
            site_id=site.site_id,
            domain=site.domain,
            brief=site.brief,
            candidates=configuration.candidates_per_site,
            model=configuration.model,
            max_tokens=min(tokens, site.max_tokens or tokens),
            request_timeout_s=configuration.request_timeout_s,
            violation=violation,
        )


class CollectorEvent(_Shape):
    """What CollectSite sends: the task, how often this branch has been retried ($$.State.RetryCount), and since when
    the branch runs."""

    task: SiteTask
    attempt: Annotated[int, Field(ge=0)] = 0
    started_at: AwareDatetime | None = None


class Answer(_Shape):
    """The raw text that Claude returned for one site, and what the call cost."""

    text: str
    stop_reason: str | None
    input_tokens: int
    output_tokens: int
    model: str
    request_id: str | None
    latency_ms: int
    rate_limits: dict[str, str]  # the response's `retry-after` and `anthropic-ratelimit-*` headers
    attempt: int = 1
    earlier_errors: list[str] = []  # of the same branch, as far as the same execution environment saw them
    calls: list[tuple[float, float]] = []  # seconds since the branch began, as far as the same environment made them


class Failure(_Shape):
    """How a branch failed: the bucket that the state machine chose, and the error output as it caught it."""

    reason: Literal["network", "unknown"]
    caught: Any


class Outcome(_Shape):
    """How one branch ended. Success and failure leave the same keys."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    outcome: Literal["answered", "failed"]
    answer: Answer | None
    failure: Failure | None
    started_at: AwareDatetime | None = None  # of the branch, before its first call; earlier records have no times
    ended_at: AwareDatetime | None = None  # when its last call had ended


class WaitingMessage(_Shape):
    """A message of the miss queue that a redrive has received and not yet acknowledged."""

    message_id: str
    receipt_handle: str


class ForeignMessage(WaitingMessage):
    """A message in the miss queue that is no miss; the aggregator parks it with the explanation."""

    body: str
    explanation: str


class WorstCase(_Shape):
    """The most that a run can cost: every branch tried three times in both rounds, every answer cut at its limit."""

    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None  # None: the model's price is not known


class Plan(_Shape):
    """`plan.json`: the claim of a run, and what it set out to do."""

    schema_version: Literal[1] = 1
    run_id: RunId
    mode: Literal["collect", "redrive"]
    execution_id: str  # the state machine execution that claimed the run
    started_at: AwareDatetime
    configuration: RunConfiguration
    sites: list[Site]
    worst_case: WorstCase
    messages: dict[str, list[WaitingMessage]] = {}  # redrive: by site_id
    foreign: list[ForeignMessage] = []


class RunState(_Shape):
    """What travels through the state machine: references and counts, never texts."""

    run_id: RunId
    round: Round = 1
    status: Literal["planned", "nothing", "dead_run", "regenerate", "complete", "partial", "failed"]
    planned: int = 0
    accepted: int = 0
    missed: int = 0
    items_key: str = ""
    max_concurrency: int = 1


class Miss(_Shape):
    """A site without accepted candidates, as it waits in the queue: everything that a redrive needs."""

    schema_version: Literal[1] = 1
    run_id: RunId
    site: Site
    reason: Reason
    error: str
    message: str
    raw_answer: str | None  # trimmed to fit
    raw_answer_key: str | None  # the S3 key of the outcome that holds the whole answer
    missed_at: AwareDatetime


class SiteSummary(_Shape):
    """How one site ended."""

    site_id: SiteId
    accepted: bool
    candidates: int
    reason: Reason | None
    error: str | None
    rounds: int


class MissedByReason(_Shape):
    """The misses of a run in their three buckets."""

    network: int = 0
    schema_: Annotated[int, Field(alias="schema")] = 0
    unknown: int = 0

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Tokens(_Shape):
    """Tokens of all stored answers, the rejected ones included."""

    input: int
    output: int


class Summary(_Shape):
    """The census of a run, and its cost. `planned` = accepted + missed, always."""

    schema_version: Literal[1] = 1
    run_id: RunId
    mode: Literal["collect", "redrive"]
    status: Literal["complete", "partial", "failed"]
    planned: int
    accepted: int
    missed: MissedByReason
    regenerated: int
    model_calls: int
    rate_limited: int
    tokens: Tokens
    cost_usd: float | None
    started_at: AwareDatetime
    duration_s: float
    sites: list[SiteSummary]
