"""Runs that stopped early: a plan, no summary, and an execution that is over. A redrive closes them first.

A redrive notes in one object which runs it found closed, so that the next one asks S3 only about new runs: it lists
names instead of sending a request for each past run. The note may be deleted at any time.
"""

from datetime import datetime

from nightfold.observability import count, log_step
from nightfold.run_folders import ClosedRuns, NotARun, check_name, closed_runs, left_alone, plan_of
from nightfold.storage import CLOSED_RUNS_KEY, Bucket, plan_key, summary_key, unclosable_key
from nightfold.text import one_line
from planner.executions import Executions


def find_dead_run(
    run_id: str, execution_id: str, bucket: Bucket, executions: Executions, whole_since: datetime | None = None
) -> str | None:
    """The first run to close; None if there is none. `run_id` and `execution_id` are those of the redrive that asks. A
    run that began before `whole_since` may have lost its summary to the bucket's lifecycle, and is left alone. If there
    is nothing to close, the runs that are set aside are counted: their alarm rings until there are none."""
    known = closed_runs(bucket.get(CLOSED_RUNS_KEY))
    names = list(bucket.run_ids())
    closed = known & set(names)
    dead, set_aside = None, 0
    for name in names:
        if name == run_id or name in closed:
            continue
        try:
            check_name(name)
            if bucket.exists(summary_key(name)):
                closed.add(name)
                continue
            plan = plan_of(name, bucket.get(plan_key(name)))
        except NotARun as why:
            log_step("plan", run_id=one_line(name, 80), error="NotARun", why=one_line(str(why)))
            continue
        if whole_since is not None and plan.started_at < whole_since:
            continue
        document = bucket.get(unclosable_key(name))
        if document is not None and left_alone(document, execution_id):
            set_aside += 1
            log_step("plan", run_id=name, error="RunSetAside")
        elif executions.over(plan.execution_id, execution_id):
            dead = name
            break
    if closed != known:
        bucket.put(CLOSED_RUNS_KEY, ClosedRuns(run_ids=closed).model_dump_json().encode())
    if dead is None and set_aside:
        count(RunsSetAside=set_aside)
    return dead
