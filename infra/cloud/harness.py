"""What a test plugs into the embedded cloud may fail by itself, and must then fail the test.

The interpreter would take such an exception for a failed task, and the branch would go on to an outcome that neither
AWS nor a function has caused.
"""

from collections.abc import Callable

from botocore.exceptions import BotoCoreError


class HarnessFailed(Exception):  # noqa: N818
    """Its cause is what the test's own part raised."""


class Failures:
    """Those of one embedded cloud, from many threads."""

    def __init__(self) -> None:
        self._found: list[Exception] = []

    def noting[**P, R](self, plugged_in: Callable[P, R]) -> Callable[P, R]:
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return plugged_in(*args, **kwargs)
            except BotoCoreError:  # a connection that the test breaks
                raise
            except Exception as error:
                self._found.append(error)
                raise

        return call

    def raise_first(self) -> None:
        if self._found:
            raise HarnessFailed(f"{type(self._found[0]).__name__}: {self._found[0]}") from self._found[0]
