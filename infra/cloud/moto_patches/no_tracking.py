"""Forgets what moto would remember for ever."""

from typing import Any


class Untracked(list[Any]):
    """moto lists every object and message ever made, for its own tests: memory that never comes back."""

    def append(self, _: Any) -> None: ...
