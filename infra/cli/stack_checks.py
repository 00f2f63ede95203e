"""What `nightfold doctor --stack` looks at: the credentials, what was deployed, what its runs need, whether they start
by themselves, and who is told."""

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from infra.cli import installation_checks
from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.invocation import in_repository
from infra.cli.stack import Stack
from infra.fingerprint import UNKNOWN, fingerprint
from infra.stack.aws_errors import NotAllowed
from infra.stack.inspection import Inspection
from nightfold.settings import AUTO
from nightfold.storage import SITES_KEY
from planner.inputs import read_sites
from reporter.schedule import Schedule

_NEVER_CREATED = frozenset(
    {"CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
)


def stack_checks(at: Stack, stack: Inspection) -> Iterator[Check]:
    """Raises InvalidInput without credentials, and for what is not a stack of Nightfold."""
    caller = stack.caller()
    status = _status(at, stack)
    if status.status == "ok":
        stack.stack.output("StateMachineArn")
    yield Check("aws credentials", ok(caller))
    yield Check("stack", status)
    if "StateMachineArn" in stack.stack.outputs:
        checks: dict[str, Callable[[], Finding]] = {
            "template": partial(_template, at, stack),
            "workflow": partial(_workflow, at, stack),
            "api key": partial(_api_key, at, stack),
            "configuration": partial(installation_checks.configuration, at),
            "sites": lambda: installation_checks.sites(at, at.records.get(SITES_KEY), at.site_list.where),
            "lambda concurrency": partial(_concurrency, at, stack),
            "night": partial(_schedule, at, stack, "night"),
            "morning": partial(_schedule, at, stack, "morning"),
            "alarm mail": partial(_mail, at, stack, "Alarm", "alarms are not delivered"),
            "digest mail": partial(_mail, at, stack, "Digest", "pages are stored and not sent"),
            "misses": lambda: installation_checks.misses(at, stack.stack.messages()),
        }
        yield from looked({name: partial(_allowed, caller, stack, look) for name, look in checks.items()})


def _allowed(caller: str, stack: Inspection, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except NotAllowed as error:
        return fix(f"not known: {str(error).removeprefix('--stack: ')}", _attaching(caller, stack))


def _attaching(caller: str, stack: Inspection) -> str | None:
    """The command that attaches the operator's policy to the user or the role that asks, where IAM allows that."""
    kind, _, name = caller.rpartition(":")[2].partition("/")
    policy = stack.stack.outputs.get("OperatorPolicyArn")
    if policy is None or kind not in {"user", "assumed-role"} or name.startswith("AWSReservedSSO_"):
        return None
    if kind == "user":
        return f"aws iam attach-user-policy --user-name {name.rpartition('/')[2]} --policy-arn {policy}"
    return f"aws iam attach-role-policy --role-name {name.partition('/')[0]} --policy-arn {policy}"


def _status(at: Stack, stack: Inspection) -> Finding:
    said = f"{at.name} is {stack.status}{f' ({stack.why})' if stack.why else ''}"
    if stack.status in _NEVER_CREATED:
        return fix(f"{said}; delete it, then deploy again", _deleting(at))
    if stack.status.endswith("_IN_PROGRESS"):
        return note(f"{said}; look again when that is over")
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        return note(f"{said}: the last update failed, and everything is as before", _deploying(at, stack))
    if stack.status == "UPDATE_ROLLBACK_FAILED":  # which CloudFormation does not update
        back = _aws(at, "cloudformation", "continue-update-rollback", "--stack-name", at.name)
        return fix(f"{said}; go back to what was before, then deploy again", back)
    if stack.status.endswith("_FAILED"):
        return fix(said, _deploying(at, stack))
    return ok(said)


def _template(at: Stack, stack: Inspection) -> Finding:
    deployed = stack.stack.outputs.get("Fingerprint")
    if deployed is None:
        return fix("older than this folder", _deploying(at, stack))
    if deployed == UNKNOWN:
        return note("not known: only what `make build` has built has a fingerprint", _deploying(at, stack))
    if deployed != fingerprint():
        return fix("template, workflow, code or packages differ from this folder's", _deploying(at, stack))
    return ok("template, workflow, code and packages are this folder's")


def _workflow(at: Stack, stack: Inspection) -> Finding:
    """An edit in the console shows here alone."""
    if stack.runs_the_workflow():
        return ok("the state machine is infra/statemachine/nightly.asl.json")
    said = "the state machine differs from infra/statemachine/nightly.asl.json"
    if stack.stack.outputs.get("Fingerprint") != fingerprint():
        return fix(said, _deploying(at, stack))
    return fix(f"{said}: it was edited by hand, which a deployment does not notice", _restoring(at, stack))


def _api_key(at: Stack, stack: Inspection) -> Finding:
    name, kind = stack.stack.output("ApiKeyName"), stack.key_type()
    if kind is None:
        return fix(f"there is no {name}", at.suggest("key"))
    if kind != "SecureString":
        again = f"{_aws(at, 'ssm', 'delete-parameter', '--name', name)} && {at.suggest('key')}"  # SSM changes no type
        return fix(f"{name} is not encrypted: it is a {kind}", again)
    return ok(f"{name} is there; it is not read")


def _concurrency(at: Stack, stack: Inspection) -> Finding:
    """How many branches the configuration lets run at once, and how many Lambda does."""
    in_all, unreserved = stack.concurrency()
    reserved = int(stack.stack.parameter("CollectorReservedConcurrency") or 0)
    configuration = installation_checks.configured(at)
    auto = configuration.max_concurrency == AUTO
    field = "concurrency_limit" if auto else "max_concurrency"
    wanted = min(len(read_sites(at.records.get(SITES_KEY))), int(getattr(configuration, field)))
    most = reserved or unreserved
    whose = "reserved for the collector" if reserved else f"free in this account, of {in_all:,}"
    if wanted <= most or (auto and reserved):  # with auto, PaceRun keeps to what is reserved
        return ok(f"{min(wanted, most):,} branches at once at most; {most:,} are {whose}")
    fixed = at.suggest(f"config {field}={max(1, most)}")
    return fix(f"{field} lets {wanted:,} branches run at once; {most:,} are {whose}", fixed)


def _schedule(at: Stack, stack: Inspection, which: Literal["night", "morning"]) -> Finding:
    name = f"{stack.name}-{which}"
    found = stack.schedule(name)
    off = found is None or found["State"] != "ENABLED"
    if off and stack.stack.parameter("ScheduleState") == "DISABLED":
        return note("off, as the parameter ScheduleState says", _deploying(at, stack, "ScheduleState=ENABLED"))
    if found is None:
        return fix(f"there is no schedule {name}", _deploying(at, stack))
    if off:  # by hand, which a deployment does not notice
        on = json.dumps({**found, "State": "ENABLED"}, default=str)
        return fix(
            f"the schedule {name} is switched off", _aws(at, "scheduler", "update-schedule", "--cli-input-json", on)
        )
    due = Schedule(found["ScheduleExpression"], found.get("ScheduleExpressionTimezone", "UTC"), enabled=True)
    return ok(f"next {due.next_redrive(datetime.now(UTC))}")


def _mail(at: Stack, stack: Inspection, kind: Literal["Alarm", "Digest"], otherwise: str) -> Finding:
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
    return note(f"no subscription: {otherwise}", _deploying(at, stack, f"{kind}Email=you@example.com"))


def _subscribing(at: Stack, stack: Inspection, kind: str, address: str) -> str:
    """Sends the confirmation (again)."""
    topic = stack.stack.output(f"{kind}TopicArn")
    given = ("--topic-arn", topic, "--protocol", "email", "--notification-endpoint", address)
    return _aws(at, "sns", "subscribe", *given)


def _aws(at: Stack, *words: str) -> str:
    return shlex.join(["aws", *words, *_account(at)])


def _deploying(at: Stack, stack: Inspection, *overrides: str) -> str:
    """Updates the stack from the repository. A parameter that is not overridden keeps its value: so does the
    processor, and the packages have to be built for it."""
    given = ["--parameter-overrides", *overrides] if overrides else []
    sam = shlex.join(["sam", "deploy", "--stack-name", at.name, *_account(at), *given])
    other = " ARCHITECTURE=x86_64" if stack.stack.parameter("Architecture") == "x86_64" else ""
    return in_repository(f"make build{other} && {sam}")


def _restoring(at: Stack, stack: Inspection) -> str:
    """Puts the state machine of the repository in the place of an edited one."""
    named = ";".join(f"s|${{{name}}}|{value}|" for name, value in stack.names_in_the_workflow().items())
    update = _aws(
        at, "stepfunctions", "update-state-machine", "--state-machine-arn", stack.stack.output("StateMachineArn")
    )
    return in_repository(f'{update} --definition "$(sed {shlex.quote(named)} infra/statemachine/nightly.asl.json)"')


def _deleting(at: Stack) -> str:
    """Asks for confirmation."""
    return shlex.join(["sam", "delete", "--stack-name", at.name, *_account(at)])


def _account(at: Stack) -> list[str]:
    given = {"--region": at.region, "--profile": at.profile}
    return [word for name, value in given.items() if value for word in (name, value)]
