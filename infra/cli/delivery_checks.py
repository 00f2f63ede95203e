"""What `nightfold doctor --stack` looks at beside a run: whether runs start by themselves, and who is told."""

import json
from datetime import UTC, datetime
from typing import Literal

from infra.cli.checks import Finding, fix, note, ok
from infra.cli.stack import Stack
from infra.cli.stack_commands import aws, deploying
from infra.stack.inspection import Inspection
from reporter.schedule import Schedule


def schedule(at: Stack, stack: Inspection, which: Literal["night", "morning"]) -> Finding:
    name = f"{stack.name}-{which}"
    found = stack.schedule(name)
    off = found is None or found["State"] != "ENABLED"
    if off and stack.stack.parameter("ScheduleState") == "DISABLED":
        return note("off, as the parameter ScheduleState says", deploying(at, "ScheduleState=ENABLED"))
    if found is None:
        return fix(f"there is no schedule {name}", deploying(at))
    if off:  # by hand, which a deployment does not notice
        on = json.dumps({**found, "State": "ENABLED"}, default=str)
        return fix(
            f"the schedule {name} is switched off", aws(at, "scheduler", "update-schedule", "--cli-input-json", on)
        )
    due = Schedule(found["ScheduleExpression"], found.get("ScheduleExpressionTimezone", "UTC"), enabled=True)
    return ok(f"next {due.next_redrive(datetime.now(UTC))}")


def mail(at: Stack, stack: Inspection, kind: Literal["Alarm", "Digest"], otherwise: str) -> Finding:
    """`otherwise`: the effect of a topic without subscriptions."""
    found = stack.subscriptions(f"{kind}TopicArn")
    waiting = [each.endpoint for each in found if not each.confirmed]
    wanted = stack.stack.parameter(f"{kind}Email")
    if wanted and wanted not in [each.endpoint for each in found]:  # SNS forgets what is not confirmed within days
        return fix(f"{wanted} is not subscribed", _subscribing(at, stack, kind, wanted))
    if waiting:
        return fix(f"{waiting[0]} has not confirmed the subscription", _subscribing(at, stack, kind, waiting[0]))
    if found:
        return ok(f"to {', '.join(each.endpoint for each in found)}")
    return note(f"no subscription: {otherwise}", deploying(at, f"{kind}Email=you@example.com"))


def _subscribing(at: Stack, stack: Inspection, kind: str, address: str) -> str:
    """Sends the confirmation (again)."""
    topic = stack.stack.output(f"{kind}TopicArn")
    given = ("--topic-arn", topic, "--protocol", "email", "--notification-endpoint", address)
    return aws(at, "sns", "subscribe", *given)
