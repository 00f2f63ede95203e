"""Where a command looks: the state directory of this laptop, or a deployed stack. No command asks which it is."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from infra.cli.invocation import program, suggest
from infra.state.folder import Folder
from nightfold.storage import Source

if TYPE_CHECKING:
    from infra.stack.deployed import StoredRecords


class Records(Source, Protocol):
    """What runs have stored, under its keys."""

    def keys(self, prefix: str) -> Iterator[str]: ...


class Installation(Protocol):
    """What commands need. Reading raises InvalidInput where AWS refuses to answer."""

    @property
    def records(self) -> Records: ...

    def suggest(self, command: str) -> str:
        """The command line that runs `command` here."""
        ...


@dataclass(frozen=True)
class Laptop:
    """The state directory of the embedded cloud."""

    state_dir: Path

    @property
    def records(self) -> Records:
        return Folder(self.state_dir)

    def suggest(self, command: str) -> str:
        return suggest(command, self.state_dir)


@dataclass(frozen=True)
class Stack:
    """A deployed stack, in the region and account of the user's AWS configuration."""

    name: str
    region: str | None = None
    profile: str | None = None

    @cached_property
    def records(self) -> "StoredRecords":
        from infra.stack.deployed import DeployedStack  # boto3 takes a third of a second, which a laptop never needs

        return DeployedStack(self.name, self.region, self.profile).records

    def suggest(self, command: str) -> str:
        given = {"--stack": self.name, "--region": self.region, "--profile": self.profile}
        words = [word for name, value in given.items() if value for word in (name, value)]
        return f"{program()} {command} {shlex.join(words)}"
