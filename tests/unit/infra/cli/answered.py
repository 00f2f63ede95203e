"""A person at a terminal, for commands that ask."""

import io
from collections.abc import Callable
from typing import Any

import pytest


def typed(monkeypatch: pytest.MonkeyPatch, answer: str, meanwhile: Callable[[], Any] = lambda: None) -> None:
    """A terminal in which the user answers; `meanwhile` happens just before the question."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            meanwhile()
            return True

    monkeypatch.setattr("sys.stdin", Terminal(answer))
