"""moto's Step Functions interpreter (LocalStack's, vendored): what a run of 10,000 branches needs to be different.

Every patch here is undone when the embedded cloud closes.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from infra.cloud.boto_sessions import SharedClients
from infra.cloud.branches import Branches
from infra.cloud.moto_patches.speedups import paths_parsed_once

Ended = Callable[[Any], None]
Waits = Callable[[Any, str, float], None]  # a branch's item, the error that it met, and the seconds until it is retried


@contextmanager
def prepared(
    *, speed: float, session: Callable[[], SharedClients], ended: Ended, waits: Waits, branches: Branches
) -> Iterator[None]:
    """`ended(execution)` is called at the end of each execution, `waits` when a branch begins to wait for its next
    attempt; `branches` counts the branches of Map states and can hold them."""
    # It warns of ToleratedFailurePercentage, which it does not know, and of branches abandoned when the cloud closes.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    from moto.stepfunctions.parser.utils import TMP_THREADS

    with ExitStack() as patches:
        patches.callback(TMP_THREADS.clear)
        for patch in (
            _shared_clients(session),
            _scaled_task_timeouts(speed),
            _scaled_retries(speed, waits, branches),
            _attempts_counted_together(),
            _scaled_waits(speed),
            _parsed_once(speed),
            paths_parsed_once(),
            _branches_in_a_loop(branches),
            _forgotten_branches(),
            _notified_at_the_end(ended),
        ):
            patches.enter_context(patch)
        yield


def _shared_clients(session: Callable[[], SharedClients]) -> Any:
    """The interpreter creates a client for every task, which is slow and not thread-safe, and signs with dummy keys.
    It gets shared clients with the credentials of the state machine's role."""
    from moto.stepfunctions.parser.asl.utils import boto_client

    def client(*, service_name: str, region_name: str, config: Any, **_: Any) -> Any:
        return session().client(service_name, region_name=region_name, config=config)

    return mock.patch.object(boto_client, "boto3", SimpleNamespace(client=client))


def _scaled_task_timeouts(speed: float) -> Any:
    """TimeoutSeconds of a state, divided by the speed."""
    from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout

    def eval_body(timeout: Any, env: Any) -> None:
        env.stack.append(timeout._eval_seconds(env=env) / speed)

    return mock.patch.object(Timeout, "_eval_body", eval_body)


def _scaled_retries(speed: float, waits: Waits, branches: Branches) -> Any:
    """A retrier's interval, divided by the speed. A branch that waits for a retry does not count as running,
    and does not retry while branches are held."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

    evaluate, here = retrier_decl.RetrierDecl._eval_body, threading.local()

    def eval_body(retrier: Any, env: Any) -> None:
        here.in_branch = env.is_frame()  # states inside a Map are evaluated in a frame, those outside are not
        here.error = str(env.stack[-1].error_name)
        here.item = (env.states.context_object.context_object_data.get("Map") or {}).get("Item", {}).get("Value")
        evaluate(retrier, env)

    def sleep(seconds: float) -> None:
        if here.in_branch:
            waits(here.item, here.error, seconds / speed)
        with branches.between_attempts() if here.in_branch else nullcontext():
            time.sleep(seconds / speed)

    patches = ExitStack()
    patches.enter_context(mock.patch.object(retrier_decl.RetrierDecl, "_eval_body", eval_body))
    patches.enter_context(mock.patch.object(retrier_decl, "time", SimpleNamespace(sleep=sleep)))
    return patches


def _attempts_counted_together() -> Any:
    """A retrier counts a branch's attempts under a key of its own. moto makes the key at its first use and without a
    lock: of two branches that fail at the same moment, one forgets its first attempt and makes a call too many."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

    return mock.patch.object(EvalComponent, "heap_key", property(lambda component: str(id(component))))


def _scaled_waits(speed: float) -> Any:
    """A Wait state, divided by the speed. The original counts whole seconds and would never finish."""
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    def wait_interval(_: Any, env: Any, wait_seconds: float) -> None:
        deadline = time.monotonic() + wait_seconds / speed
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    return mock.patch.object(WaitFunction, "_wait_interval", wait_interval)


def _parsed_once(speed: float) -> Any:
    """A definition is parsed when it is created and again at every start: 0.1 s each. The components are stateless.
    The machine's own TimeoutSeconds is scaled here, where it is read."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    parse: Any = AmazonStateLanguageParser.parse

    @lru_cache(maxsize=16)
    def parse_once(definition: str) -> Any:
        program, tree = parse(definition)
        if program.timeout_seconds is not None:
            program.timeout_seconds.timeout_seconds /= speed
        return program, tree

    return mock.patch.object(AmazonStateLanguageParser, "parse", staticmethod(parse_once))


def _branches_in_a_loop(branches: Branches) -> Any:
    """A Map worker recurses once per item, which ends at Python's recursion limit after about 980 items and keeps
    every branch's frame alive until the last one is done. This does the same in a loop."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as worker_module,
    )
    from moto.stepfunctions.parser.utils import TMP_THREADS

    def eval_pool(worker: Any, job: Any, worker_frame: Any) -> None:
        if job is None:
            worker._env.delete_frame(worker_frame)
        while job is not None:
            with branches.under_way():
                if worker_frame.is_running():  # the execution may have been stopped while the branches were held
                    branch = worker_frame.open_inner_frame()
                    _begin(branch)
                    worker._eval_job(env=branch, job=job)
                    worker_frame.delete_frame(branch)
                    del branch
            if len(TMP_THREADS) > 200:  # moto keeps every thread object it ever started
                TMP_THREADS.clear()
            over = isinstance(job.job_output, Exception) or worker.stopped() or not worker_frame.is_running()
            next_job = None if over else worker._job_pool.next_job()
            if next_job is None:  # the frame is closed before the job: the Map waits for jobs, not for workers
                worker._env.delete_frame(worker_frame)
            worker._job_pool.close_job(job)
            if over and not worker_frame.is_running():  # branches that have not started never will
                while (left := worker._job_pool.next_job()) is not None:
                    worker._job_pool.close_job(left)
            job.job_input = job.job_output = None
            job = next_job

    return mock.patch.object(worker_module.DistributedItemProcessorWorker, "_eval_pool", eval_pool)


def _begin(branch: Any) -> None:
    """A branch of a distributed Map is an execution with its own start time; moto shows it the Map's."""
    context = branch.states.context_object.context_object_data
    context["Execution"] = context["Execution"] | {"StartTime": datetime.now(UTC).isoformat()}


def _forgotten_branches() -> Any:
    """The history of a distributed Map's branches is collected, unreachable through any API, until the Map ends."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component

    forgetting = SimpleNamespace(add_event=lambda *_, **__: 0, get_event_history=list)
    return mock.patch.object(distributed_iteration_component, "EventManager", return_value=forgetting)


def _notified_at_the_end(ended: Ended) -> Any:
    """So that callers need not poll."""
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    terminated = BaseExecutionWorkerCommunication.terminated

    def terminated_and_notified(communication: Any) -> None:
        try:
            terminated(communication)
        finally:
            ended(communication.execution)

    return mock.patch.object(BaseExecutionWorkerCommunication, "terminated", terminated_and_notified)
