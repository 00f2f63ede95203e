"""What only makes moto's Step Functions interpreter faster. A night is correct without anything here.

Every patch is undone when the embedded cloud closes.
"""

import copy
import marshal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock


@contextmanager
def speedups() -> Iterator[None]:
    """All of them."""
    with ExitStack() as patches:
        for patch in (_paths_parsed_once(), _copied_quickly(), _steps_not_logged(), _jobs_not_copied()):
            patches.enter_context(patch)
        yield


@contextmanager
def _paths_parsed_once() -> Iterator[None]:
    """Every use of a JSONPath builds a parser for it: a third of the time of a branch (measured)."""
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.utils import json_path

    with ExitStack() as patches:
        for module in (json_path, result_path):
            parse_once = lru_cache(maxsize=1_000)(cast(Any, module).parse)
            patches.enter_context(mock.patch.object(module, "parse", parse_once))
        yield


@contextmanager
def _copied_quickly() -> Iterator[None]:
    """Every look at a state's input copies it, in a thousand calls a branch: a third of its time (measured)."""
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.common.string import string_expression
    from moto.stepfunctions.parser.asl.component.state.exec import execute_state
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service
    from moto.stepfunctions.parser.asl.eval import environment, states
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning

    def copied(value: Any) -> Any:
        if isinstance(value, ProgramRunning):  # two names, asked for more often than anything else
            return copy.copy(value)
        try:
            return marshal.loads(marshal.dumps(value))  # noqa: S302  # nosec B302 - our own, just made
        except ValueError:  # something else than JSON
            return copy.deepcopy(value)

    with ExitStack() as patches:
        for module in (environment, execute_state, result_path, state_task_service, states, string_expression):
            patches.enter_context(mock.patch.object(module, "copy", SimpleNamespace(deepcopy=copied)))
        yield


def _steps_not_logged() -> Any:
    """Each component asks its logger twenty times a branch whether anybody wants to know."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

    return mock.patch.object(EvalComponent, "_log_evaluation_step", _nothing)


def _nothing(*_: object) -> None: ...


def _jobs_not_copied() -> Any:
    """At its end a Map copies all its jobs, which takes as long as a tenth of the branches themselves (measured)."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool

    def closed_jobs(pool: Any) -> list[Any]:
        with pool._mutex:
            return sorted(pool._closed_jobs, key=lambda job: job.job_index)

    return mock.patch.object(JobPool, "get_closed_jobs", closed_jobs)
