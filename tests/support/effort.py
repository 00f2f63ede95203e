"""The cost of code in numbers that do not depend on the machine's load: Python steps and files touched.

Steps grow when a loop visits everything; a C call (a sort, a regular expression) is one step. Files are counted where
the standard library touches them.
"""

import builtins
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from unittest import mock

_TOOL = 4  # one of the two ids that Python leaves unassigned


@dataclass
class Steps:
    """Python calls, C calls and loop iterations."""

    count: int = 0


@contextmanager
def steps() -> Iterator[Steps]:
    """Counts what this thread does while the context is open."""
    taken, monitoring, here = Steps(), sys.monitoring, threading.get_ident()
    counted = (monitoring.events.PY_START, monitoring.events.PY_RESUME, monitoring.events.CALL, monitoring.events.JUMP)

    def step(*_: Any) -> None:
        if threading.get_ident() == here:
            taken.count += 1

    monitoring.use_tool_id(_TOOL, "steps")
    try:
        for event in counted:
            monitoring.register_callback(_TOOL, event, step)
        monitoring.set_events(_TOOL, sum(counted))
        yield taken
    finally:
        monitoring.set_events(_TOOL, 0)
        for event in counted:
            monitoring.register_callback(_TOOL, event, None)
        monitoring.free_tool_id(_TOOL)


@dataclass
class Touched:
    """Paths, once per access: folders that were listed, the entries that were read, files that were opened, and paths
    whose kind, size or time was read."""

    listed: list[str] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return [*self.listed, *self.entries, *self.opened, *self.looked_at]


@contextmanager
def touched() -> Iterator[Touched]:
    """Counts what any thread touches while the context is open."""
    seen = Touched()

    def noting(function: Callable[..., Any], paths: list[str]) -> Callable[..., Any]:
        def noted(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
            if not isinstance(path, int):  # a descriptor was noted when it was opened
                paths.append(os.fsdecode(path))
            return function(path, *args, **kwargs)

        return noted

    class Entries:
        """What os.scandir gives, entry by entry."""

        def __init__(self, path: Any = ".") -> None:
            seen.listed.append(os.fsdecode(path))
            self._found = scandir(path)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._found.close()

        def __iter__(self) -> Self:
            return self

        def __next__(self) -> Any:
            entry = next(self._found)
            seen.entries.append(entry.path)
            return entry

        def close(self) -> None:
            self._found.close()

    scandir = os.scandir
    with ExitStack() as patches:
        for module, name, paths in (
            (os, "listdir", seen.listed),
            (builtins, "open", seen.opened),
            (io, "open", seen.opened),
            (os, "open", seen.opened),
            (os, "stat", seen.looked_at),
            (os, "lstat", seen.looked_at),
        ):
            patches.enter_context(mock.patch.object(module, name, noting(getattr(module, name), paths)))
        patches.enter_context(mock.patch.object(os, "scandir", Entries))
        yield seen
