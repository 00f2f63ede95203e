"""Command lines for a stack that are not Nightfold's own: sam and aws."""

import shlex

from infra.cli.invocation import in_repository
from infra.cli.stack import Stack


def aws(at: Stack, *words: str) -> str:
    return shlex.join(["aws", *words, *_account(at)])


def deploying(at: Stack, *overrides: str) -> str:
    """Updates the stack from the repository. A parameter that is not overridden keeps its value."""
    given = ["--parameter-overrides", *overrides] if overrides else []
    sam = shlex.join(["sam", "deploy", "--stack-name", at.name, *_account(at), *given])
    return in_repository(f"make build && {sam}")


def deleting(at: Stack) -> str:
    """Asks for confirmation."""
    return shlex.join(["sam", "delete", "--stack-name", at.name, *_account(at)])


def _account(at: Stack) -> list[str]:
    given = {"--region": at.region, "--profile": at.profile}
    return [word for name, value in given.items() if value for word in (name, value)]
