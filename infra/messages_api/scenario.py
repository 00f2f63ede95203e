"""The scenario file: what the simulated Messages API does, site by site and call by call.

    {"schema_version": 1,
     "sites": {"harbour": ["ok"], "orchard": [529, "ok"], "meadow": [{"do": "hang", "latency_s": 30}]},
     "default": ["ok"],
     "latency_s": {"median": 30, "sigma": 0.4},
     "speed": 10}

Each call of a site uses up one step of its list; after the last step every call is "ok". A site that is not
listed has the list `default`. All times are simulated; `speed` is how many times faster than real time they pass,
unless the caller sets another speed. `simulated_claude` and `scripted_reply` decide how an answer looks on the wire.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from nightfold.complaints import complaint, did_you_mean
from nightfold.text import one_line

Behaviour = Literal[
    # a message whose text keeps the contract
    "ok",  # a JSON array of {title, angle}
    "slow",  # the same after latency_s (default: 30 s)
    "fenced",  # the same inside a ```json fence
    "thinking_first",  # a thinking block before the text block
    "hostile",  # titles with markup, terminal escapes, right-to-left overrides
    # a message whose text breaks the contract
    "prose",  # first call of the site: words around the array; second: words instead of it; and so on
    "wrong_shape",  # objects with other keys
    "empty_list",  # []
    "max_tokens",  # cut in the middle, stop_reason max_tokens
    "context_window",  # cut in the middle, stop_reason model_context_window_exceeded
    "refusal",  # no content at all, stop_reason refusal
    "text",  # the content of `text`
    # errors that are more than a status
    "spend_limit",  # 429, monthly usage of the API tier: the SDK's EnforcedSpendLimitReachedError
    "contract_spend_limit",  # 429, the SDK's ContractSpendLimitReachedError
    "ramp_limit",  # 429, usage grew too fast: the SDK's RampLimitExceededError; has a retry-after
    "usage_limit",  # 400, the limit that the account's owner has set
    # the wire itself
    "hang",  # sends nothing for latency_s (default: for ever), then hangs up
    "drip",  # headers, then a byte at a time for latency_s (default: for ever), then a good answer
    "drip_headers",  # the same, but inside the headers
    "reset",  # TCP RST instead of an answer
    "drop",  # hangs up in the middle of the body
    "cut_json",  # 200 with half of a JSON body, complete as far as HTTP can see
    "empty_body",  # 200 with no body
    "html",  # 200 with a web page
    "not_a_message",  # 200 with JSON that is not a Messages response
]
BEHAVIOURS: tuple[str, ...] = get_args(Behaviour)
Status = Literal[400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529]

# How "a site" is written in a prompt: what the attribution of a call can find (see messages_request).
SiteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9-])?$", max_length=253)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Model):
    """What happens in one call. A bare name or status in a list is short for `{"do": …}`."""

    do: Literal[Behaviour, Status]
    latency_s: Seconds | None = None  # instead of the scenario's; for hang, drip, drip_headers: how long
    retry_after_s: Seconds | None = None  # the header, on errors only
    output_tokens: Annotated[int, Field(ge=1)] | None = None  # what the answer costs; cut if over max_tokens
    text: str | None = None  # with "text" only

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"do": value} if isinstance(value, int | str) else value

    @model_validator(mode="after")
    def _only_what_is_used(self) -> "Step":
        if (self.do == "text") != (self.text is not None):
            raise ValueError('only "text" takes a text, and it needs one')
        if self.retry_after_s is not None and not (isinstance(self.do, int) or self.do == "ramp_limit"):
            raise ValueError(f'retry_after_s belongs to an error, not to "{self.do}"')
        return self


Script = tuple[Step, ...]
StepLike = Step | Behaviour | Status | Mapping[str, Any]
OK = Step(do="ok")


class Latency(_Model):
    """Log-normal: half of the calls take less than the median; sigma 0 makes all of them the same."""

    median: Seconds
    sigma: Annotated[float, Field(ge=0, le=3)] = 0

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"median": value} if isinstance(value, int | float) else value

    def draw(self, rng: Random) -> float:
        return self.median * rng.lognormvariate(0, self.sigma) if self.sigma else self.median


class Limits(_Model):
    """The account's limits; the defaults are the entry tier's (November 2026)."""

    requests_per_minute: Annotated[int, Field(ge=1)] = 1_000
    input_tokens_per_minute: Annotated[int, Field(ge=1)] = 2_000_000
    output_tokens_per_minute: Annotated[int, Field(ge=1)] = 400_000


class Scenario(_Model):
    """One simulated run. In the empty scenario everything succeeds immediately."""

    schema_version: Literal[1] = 1
    sites: Mapping[SiteName, Script] = {}
    default: Script = (OK,)
    latency_s: Latency = Latency(median=0)
    output_tokens: Annotated[int, Field(ge=1)] | None = None
    limits: Limits = Limits()
    speed: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1  # times as fast as real time


_PARTS: Mapping[int | str, type[_Model]] = {"sites": Step, "default": Step, "latency_s": Latency, "limits": Limits}


class ScenarioError(ValueError):
    """A scenario file that cannot be used. One line for each mistake, naming the field."""


def read_scenario(path: Path) -> Scenario:
    """The scenario in a JSON file; ScenarioError if it is missing, not valid JSON or not a scenario."""
    try:
        return Scenario.model_validate_json(path.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except ValidationError as invalid:
        raise ScenarioError("\n".join(f"{path}: {line}" for line in _complaints(invalid))) from None


def _complaints(invalid: ValidationError) -> Iterable[str]:
    for error in invalid.errors(include_url=False):
        field = ".".join(str(part) for part in error["loc"])
        if error["type"] == "literal_error" and field.endswith(".do") and isinstance(error["input"], str):
            known = did_you_mean(error["input"], BEHAVIOURS) or f"; known are {', '.join(BEHAVIOURS)}"
            words = f"nothing is called {one_line(error['input'], 40)!r}{known}"
        else:
            model = _PARTS.get(error["loc"][0], Scenario) if len(error["loc"]) > 1 else Scenario
            words = complaint(error, [*model.model_fields])
        yield f"{field}: {words}" if field else words


_SCRIPT: TypeAdapter[Script] = TypeAdapter(Script)


def parse_script(steps: Iterable[StepLike]) -> Script:
    """The steps of one site as Python code writes them: `[529, "ok", {"do": "slow", "latency_s": 2}]`."""
    return _SCRIPT.validate_python(tuple(steps))
