"""The run's configuration, and a function's environment."""

import os
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from nightfold.budget import MAX_TOKENS_FLOOR


class RunConfiguration(BaseModel):
    """What may change from run to run: the SSM parameter, which the execution input overrides for one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_concurrency: Annotated[
        int, Field(ge=1, le=1_000, description="branches that may run at once")  # 0 would mean unlimited in a Map
    ] = 4
    output_token_budget: Annotated[
        int,
        Field(
            ge=MAX_TOKENS_FLOOR,
            le=8_192_000,
            description="output tokens of all branches that run at once; each gets an equal share",
        ),
    ] = 4_096
    candidates_per_site: Annotated[int, Field(ge=1, le=20, description="candidates to ask for, per site")] = 5
    model: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9.:@-]{0,127}$",
            description="model id, such as `claude-haiku-5-5`; the plan shows whether its price is known",
        ),
    ] = "claude-sonnet-5-5"
    request_timeout_s: Annotated[int, Field(ge=1, le=600, description="seconds for one call")] = 120
    cost_ceiling_usd: (
        Annotated[float, Field(gt=0, le=100_000, description="USD; a plan whose worst case is above it is refused")]
        | None
    ) = None


class FunctionSettings(BaseModel):
    """The environment of one function: field `bucket` is the variable `BUCKET`."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Raises pydantic's ValidationError, which names a missing variable."""
        return cls.model_validate(
            {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        )
