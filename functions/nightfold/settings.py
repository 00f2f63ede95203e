"""The run's configuration, and a function's environment."""

import os
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from nightfold.budget import (
    MAX_TOKENS_CEILING,
    MAX_TOKENS_FLOOR,
    branches_at_once,
    regeneration_branches,
    share,
    tokens_floor,
)
from nightfold.complaints import but
from nightfold.errors import InvalidInput
from nightfold.question import DEFAULT, NAME, load

AUTO: Literal["auto"] = "auto"
MOST_AT_ONCE = 1_000  # what Lambda runs at once in an account, unless AWS raises it


def _concurrency(given: Any) -> Any:
    if given != AUTO and (isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_AT_ONCE):
        raise ValueError(f'must be "auto" or a whole number from 1 to {MOST_AT_ONCE:,}{but(given)}')
    return given


def _matching(pattern: str, what: str) -> AfterValidator:
    """Like pydantic's `pattern`, with a complaint that says what is expected."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {what}{but(text)}")
        return text

    return AfterValidator(check)


class RunConfiguration(BaseModel):
    """What may change from run to run: the SSM parameter, which the execution input overrides for one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_concurrency: Annotated[
        int | Literal["auto"],
        BeforeValidator(_concurrency),  # 0 would mean unlimited in a Map
        Field(description="branches that run at once: a number, or `auto`: each run finds what the account carries"),
    ] = AUTO
    concurrency_limit: Annotated[
        int, Field(ge=1, le=MOST_AT_ONCE, description="with `auto`: never more branches at once than this")
    ] = 100
    answer_tokens: Annotated[
        int,
        Field(
            ge=MAX_TOKENS_FLOOR,
            le=MAX_TOKENS_CEILING,
            description="with `auto`: output tokens for each answer; they do not depend on how many run at once",
        ),
    ] = 2_048
    output_token_budget: Annotated[
        int,
        Field(
            ge=MAX_TOKENS_FLOOR,
            le=8_192_000,
            description="if `max_concurrency` is a number: output tokens of all branches at once, in equal shares",
        ),
    ] = 4_096
    question: Annotated[
        str,
        _matching(NAME, f"the name of a question such as {DEFAULT}"),
        Field(description="what is asked: the name of a folder below functions/questions"),
    ] = DEFAULT
    entries: Annotated[
        int | None, Field(ge=1, le=20, description="entries to ask for, per site; null for the question's own number")
    ] = None
    remember: Annotated[
        int, Field(ge=0, le=100, description="earlier headings of a site that the prompt names; 0 for no memory")
    ] = 30
    model: Annotated[
        str,
        _matching(r"[A-Za-z0-9][A-Za-z0-9.:@-]{0,127}", "a model id such as claude-haiku-5-5"),
        Field(description="model id, such as `claude-haiku-5-5`; the plan shows whether its price is known"),
    ] = "claude-sonnet-5-5"
    request_timeout_s: Annotated[int, Field(ge=1, le=600, description="seconds for one call")] = 120
    cost_ceiling_usd: Annotated[
        float | None,
        Field(gt=0, le=100_000, description="USD; no wave begins whose answers could take the run above it"),
    ] = None

    @property
    def entries_of_question(self) -> int:
        """How many entries are asked for; a redrive may ask other questions, too."""
        return self.entries or load(self.question).entries

    def tokens(self, sites: int) -> int:
        """Output tokens of each branch of a run with so many sites. Raises InvalidInput if they are too few."""
        if self.max_concurrency != AUTO:
            at_once = branches_at_once(sites, self.max_concurrency)
            return share(self.output_token_budget, at_once, self.entries_of_question)
        floor = tokens_floor(self.entries_of_question)
        if self.answer_tokens < floor:
            raise InvalidInput(
                f"answer_tokens: {self.answer_tokens:,} are under the floor of {floor:,} for "
                f"{self.entries_of_question:,} entries; set answer_tokens to at least {floor:,}"
            )
        return self.answer_tokens

    def regeneration_tokens(self, sites: int, rejected: int, *, truncated: bool) -> int:
        """The same for round 2, in which `rejected` of the sites are asked again; `truncated`: an answer was cut."""
        if self.max_concurrency != AUTO:
            at_once = branches_at_once(sites, self.max_concurrency)
            return share(self.output_token_budget, regeneration_branches(rejected, at_once, truncated=truncated))
        return min(2 * self.answer_tokens, MAX_TOKENS_CEILING) if truncated else self.answer_tokens


class FunctionSettings(BaseModel):
    """The environment of one function: field `bucket` is the variable `BUCKET`."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Raises pydantic's ValidationError, which names a missing variable."""
        return cls.model_validate(
            {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        )
