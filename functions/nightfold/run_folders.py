"""What a folder below runs/ holds: a run, a run that could not be closed, or something else, which is skipped.

The planner reads them in the bucket, the command line in the state directory.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from nightfold.contract import Plan
from nightfold.sites import RunId, Shape
from nightfold.stored import body_of

_RUN_ID: TypeAdapter[str] = TypeAdapter(RunId)


class ClosedRuns(Shape):
    """`config/closed-runs.json`: the runs that had a summary at the last redrive."""

    schema_version: Literal[1] = 1
    run_ids: set[str] = Field(default_factory=set)


class SetAside(Shape):
    """`unclosable.json`: why a run that stopped early could not be closed, as the state machine stores it."""

    schema_version: Literal[1] = 1
    run_id: RunId
    execution_id: str  # the redrive that tried
    set_aside_at: AwareDatetime
    failure: dict[str, Any]  # the error output as it was caught

    @property
    def error(self) -> str:
        """The name of the error."""
        return str(self.failure.get("Error") or "UnexpectedError")

    @property
    def aws_failed(self) -> bool:
        """Whether another try may succeed without any change. (Lambda.Unknown may mean too little memory.)"""
        return self.error == "AwsUnavailable" or (self.error.startswith("Lambda.") and self.error != "Lambda.Unknown")


class NotARun(ValueError):  # noqa: N818
    """A folder that is skipped. The message gives the reason."""


def check_name(name: str) -> None:
    """Raises NotARun if no run can have this name."""
    try:
        _RUN_ID.validate_python(name)
    except ValidationError:
        raise NotARun("its name is not a run id") from None


def plan_of(name: str, document: bytes | None) -> Plan:
    """The plan of the run `name`. Raises NotARun."""
    if document is None:
        raise NotARun("it has no plan.json")
    try:
        plan = Plan.model_validate_json(document)
    except ValidationError:
        raise NotARun("its plan.json cannot be read") from None
    if plan.run_id != name:
        raise NotARun(f"its plan.json is that of run {plan.run_id}, so it is a copy")
    return plan


def closed_runs(document: bytes | None) -> set[str]:
    """The runs in `config/closed-runs.json`. If it cannot be read there are none, and every run is looked at again."""
    try:
        return ClosedRuns.model_validate_json(document or b"{}").run_ids
    except ValidationError:
        return set()


def read_set_aside(document: bytes) -> SetAside | None:
    """None if it cannot be read."""
    try:
        return SetAside.model_validate(body_of(document))
    except ValidationError:
        return None


def left_alone(document: bytes, execution_id: str) -> bool:
    """Whether the redrive `execution_id` leaves a run with this `unclosable.json` alone. If AWS failed, each later
    redrive tries once more."""
    set_aside = read_set_aside(document)
    return set_aside is None or not set_aside.aws_failed or set_aside.execution_id == execution_id
