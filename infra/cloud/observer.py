"""The events of an embedded cloud, passed to an observer such as the live view."""

import logging
from collections.abc import Callable
from typing import Any

from infra.cloud.lambdas.invoke import Event

logger = logging.getLogger(__name__)


class Observer:
    """Calls `observe` with each event, from many threads."""

    def __init__(self, observe: Callable[[Event], None] | None) -> None:
        self.observe = observe

    def __call__(self, event: Event) -> None:
        if self.observe is not None:
            try:
                self.observe(event)
            except Exception:  # a live view must never break the run that it shows
                logger.exception("The observer failed on %s", event.kind)

    def stored(self, key: str, content: bytes) -> None:
        """An object was stored."""
        self(Event("stored", key=key, payload=content))

    def branch_waits(self, item: Any, error: str, seconds: float) -> None:
        """A branch waits before its next attempt."""
        self(Event("waits", payload={"item": item, "seconds": seconds}, error=error))
