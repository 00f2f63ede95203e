"""Counts the running branches of Map states, and can hold back new ones.

A call to the Messages API costs money whether its answer is kept or not. So a run that has to end early first holds
new branches: none starts and no attempt is repeated, while the running ones store their outcomes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Branches:
    """Safe to use from many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._held = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """One branch, from start to end. Waits first while new branches are held."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def between_attempts(self) -> Iterator[None]:
        """Within a branch: it waits before it retries, and does not count as running meanwhile."""
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def hold(self) -> None:
        with self._changed:
            self._held = True

    def release(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def settled(self, timeout_s: float) -> bool:
        """Wait until no branch is running. False if some still are after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)

    def _enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._held)
            self._count += 1

    def _leave(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()
