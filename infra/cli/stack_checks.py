"""What `nightfold doctor --stack` looks at: the credentials, what was deployed, and what its runs need."""

from collections.abc import Callable, Iterator
from functools import partial

from infra.cli import delivery_checks, installation_checks
from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.stack import Stack
from infra.cli.stack_commands import aws, deleting, deploying
from infra.fingerprint import UNKNOWN, fingerprint
from infra.stack.aws_errors import NotAllowed
from infra.stack.inspection import Inspection
from nightfold.settings import AUTO
from nightfold.storage import SITES_KEY
from planner.inputs import read_sites

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
            "sites": partial(_sites, at),
            "lambda concurrency": partial(_concurrency, at, stack),
            "night": partial(delivery_checks.schedule, at, stack, "night"),
            "morning": partial(delivery_checks.schedule, at, stack, "morning"),
            "alarm mail": partial(delivery_checks.mail, at, stack, "Alarm", "alarms are not delivered"),
            "digest mail": partial(delivery_checks.mail, at, stack, "Digest", "pages are stored and not sent"),
            "misses": partial(_misses, at, stack),
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
        return fix(f"{said}; delete it, then deploy again", deleting(at))
    if stack.status.endswith("_IN_PROGRESS"):
        return note(f"{said}; look again when that is over")
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        return note(f"{said}: the last update failed, and everything is as before", deploying(at))
    if stack.status.endswith("_FAILED"):
        return fix(said, deploying(at))
    return ok(said)


def _template(at: Stack, stack: Inspection) -> Finding:
    deployed = stack.stack.outputs.get("Fingerprint")
    if deployed is None:
        return fix("older than this folder", deploying(at))
    if deployed == UNKNOWN:
        return note("not known: only what `make build` has built has a fingerprint", deploying(at))
    if deployed != fingerprint():
        return fix("template, workflow, code or packages differ from this folder's", deploying(at))
    return ok("template, workflow, code and packages are this folder's")


def _workflow(at: Stack, stack: Inspection) -> Finding:
    """An edit in the console shows here alone."""
    if stack.runs_the_workflow():
        return ok("the state machine is infra/statemachine/nightly.asl.json")
    return fix("the state machine differs from infra/statemachine/nightly.asl.json", deploying(at))


def _api_key(at: Stack, stack: Inspection) -> Finding:
    name, kind = stack.stack.output("ApiKeyName"), stack.key_type()
    if kind is None:
        return fix(f"there is no {name}", at.suggest("key"))
    if kind != "SecureString":
        again = f"{aws(at, 'ssm', 'delete-parameter', '--name', name)} && {at.suggest('key')}"  # SSM changes no type
        return fix(f"{name} is not encrypted: it is a {kind}", again)
    return ok(f"{name} is there; it is not read")


def _sites(at: Stack) -> Finding:
    return installation_checks.sites(at, at.records.get(SITES_KEY), at.site_list.where)


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


def _misses(at: Stack, stack: Inspection) -> Finding:
    return installation_checks.misses(at, stack.stack.messages())
