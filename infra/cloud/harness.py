"""What a test plugs into the embedded cloud may itself fail, and must then fail the test.

The interpreter would treat such an exception as a failed task, and the branch would end with an outcome that neither
AWS nor a function has caused.
"""

from collections.abc import Callable

from botocore.exceptions import BotoCoreError


class HarnessFailed(Exception):  # noqa: N818
    """The test's own code raised; its exception is the cause."""


class Failures:
    """The test harness's failures in one embedded cloud, from many threads."""

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
