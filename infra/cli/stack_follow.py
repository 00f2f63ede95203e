"""Follows a run of a stack by what it stores: at most one request a second, whatever the number of sites."""

import json
import time
from collections.abc import Callable
from typing import Any

from infra.cli.progress import Progress
from infra.cloud.lambdas.invoke import Event
from infra.stack.deployed import StoredRecords
from infra.stack.executions import Execution, Executions
from nightfold.errors import InvalidInput
from nightfold.storage import items_key, outcomes_prefix, pace_key, plan_key, summary_key
from nightfold.waves import Pace

TURN_S = 1.0  # from one request to the next
PATIENCE = 5  # failed requests in a row; the pauses between them double
PAGE = 1_000  # keys that S3 lists at once


class StackFollower:
    """One run that is followed. Its looks take turns; each makes one request, or none if there is nothing to see."""

    def __init__(
        self, executions: Executions, records: StoredRecords, run_id: str, arn: str, progress: Progress
    ) -> None:
        self._executions, self._records, self._progress = executions, records, progress
        self._run_id, self._arn = run_id, arn
        self._execution: Execution | None = None
        self._next_turn = 0.0
        self._round, self._wave = 1, 0  # what was seen last
        self._items: list[str] = []  # the sites of this round; none before the plan
        self._begun = 0  # of the items, how many had their wave
        self._round_over = False
        self._sees_branches = True
        self._map_run: str | None = None
        self._of_earlier_wave: str | None = None
        self._listed: dict[int, set[str]] = {1: set(), 2: set()}  # by round, keys of outcomes
        self._last_key = ""
        self._unread: list[str] = []

    def until_its_end(self) -> Execution:
        """Raises InvalidInput if AWS refuses to answer several times in a row. Ctrl-C ends the wait."""
        looks = (self._status, self._plan, self._decision, self._outcomes, self._branches, self._outcome)
        while True:
            for look in looks:
                self._patiently(look)
                if self._execution is not None and self._execution.status != "RUNNING":
                    self._plan()
                    self._see(summary_key(self._run_id))
                    return self._execution

    def _patiently(self, look: Callable[[], None]) -> None:
        for failed in range(PATIENCE):
            try:
                return look()
            except InvalidInput as error:
                if failed == PATIENCE - 1:
                    raise
                self._progress.set_phase(f"looking again: {error}")
                time.sleep(TURN_S * 2**failed)
        return None

    def _turn(self) -> None:
        time.sleep(max(self._next_turn - time.monotonic(), 0))
        self._next_turn = time.monotonic() + TURN_S

    def _see(self, key: str) -> Any:
        """Reads one object, shows it, and returns its content; None if there is none yet."""
        self._turn()
        if (content := self._records.get(key)) is None:
            return None
        self._progress.observe(Event("stored", key=key, payload=content))
        return json.loads(content)

    # --- The looks ---------------------------------------------------------------------------------------------------

    def _status(self) -> None:
        self._turn()
        gone = Execution(self._run_id, "ExecutionDoesNotExist", cause="Step Functions no longer knows it")
        self._execution = self._executions.find(self._arn) or gone

    def _plan(self) -> None:
        if not self._items and (plan := self._see(plan_key(self._run_id))) is not None:
            self._items = [str(site["site_id"]) for site in plan["sites"]]

    def _decision(self) -> None:
        """The next wave; at the end of the first round, whether a second begins."""
        if self._round_over and self._round == 1:
            if (items := self._see(items_key(self._run_id, 2))) is not None:
                self._items = [str(item["site_id"]) for item in items]
                self._round, self._wave, self._begun, self._round_over, self._last_key = 2, 0, 0, False, ""
            return
        if (
            self._items
            and not self._round_over
            and (found := self._see(pace_key(self._run_id, self._round, self._wave + 1))) is not None
        ):
            self._decided(Pace.model_validate(found))

    def _decided(self, pace: Pace) -> None:
        self._wave, self._begun = pace.wave, pace.first + pace.sites
        self._of_earlier_wave, self._map_run = self._map_run or self._of_earlier_wave, None
        self._progress.wave_ended(pace)
        if pace.sites == 0:
            self._round_over = True
            self._progress.set_phase("aggregating")
        elif pace.sites <= pace.max_concurrency:  # all of them at once; otherwise it is not known which
            self._progress.wave_began(pace.round, self._items[pace.first : self._begun])

    def _outcomes(self) -> None:
        known = self._listed[self._round]
        if len(known) >= self._begun:
            return
        self._turn()
        page = self._records.some_keys(outcomes_prefix(self._run_id, self._round), self._last_key, PAGE)
        self._last_key = page[-1] if len(page) == PAGE else ""
        for key in page:
            if key not in known:
                known.add(key)
                self._unread.append(key)
                self._progress.observe(Event("stored", key=key))

    def _branches(self) -> None:
        """How many branches of the wave run."""
        if not self._wave or self._round_over or not self._sees_branches:
            return
        self._turn()
        try:
            if self._map_run is None:
                newest = self._executions.last_map_run(self._arn)
                self._map_run = newest if newest != self._of_earlier_wave else None
            else:
                self._progress.wave.branches = self._executions.branches(self._map_run)
        except InvalidInput:  # a run can be followed without it
            self._sees_branches = False

    def _outcome(self) -> None:
        """The oldest outcome that has not been read."""
        if self._unread:
            self._turn()
            if (document := self._records.get(self._unread[0])) is not None:
                self._progress.outcome_read(document)
            del self._unread[0]
