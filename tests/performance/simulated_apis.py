"""Simulated Messages APIs in one process of their own.

So neither the bench nor a contestant shares a processor lock with them.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from multiprocessing.managers import BaseManager
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.call_history import Call
from infra.messages_api.scenario import Scenario


class Apis:
    """Simulated Messages APIs, each under a number."""

    def __init__(self) -> None:
        self._open: dict[int, MessagesAPI] = {}
        self._numbers = count()

    def open(self, scenario: Mapping[str, Any], seed: int, speed: float) -> tuple[int, str]:
        """Its number and its URL."""
        api = MessagesAPI(Scenario.model_validate(scenario), seed=seed, speed=speed).__enter__()
        number = next(self._numbers)
        self._open[number] = api
        return number, api.url

    def script(self, number: int, site: str, steps: Sequence[Any]) -> None:
        self._open[number].script(site, steps)

    def history(self, number: int) -> tuple[Call, ...]:
        return self._open[number].history

    def progress(self, number: int) -> int:
        """Grows with every call and every answer."""
        history = self._open[number].history
        return len(history) + sum(call.status is not None for call in history)

    def close(self, number: int) -> None:
        self._open.pop(number).__exit__(None, None, None)


class ApiProcess(BaseManager):
    """The process that they live in."""


ApiProcess.register("Apis", Apis)
