"""The progress of a run, derived from the embedded cloud's events: invocations, stored objects and waits for a retry.
Of a stack only the stored objects are seen.

`live_view` shows it.
"""

import json
import re
import time
from collections.abc import Iterable
from typing import Any

from infra.cli.site_states import Changed, SiteProgress, SiteStates
from infra.cli.terminal import visible
from infra.cli.wave_progress import WaveProgress
from infra.cloud.lambdas.invoke import Event
from nightfold.amounts import counted
from nightfold.budget import cost_usd
from nightfold.errors import BRANCH_ERRORS
from nightfold.failure_message import read_caught
from nightfold.question import DEFAULT, shown
from nightfold.stored import read_outcome
from nightfold.waves import Pace

RETRIES = {"briefly": 2, "patiently": 6, None: 0}  # of CollectSite; a test compares them
_OUTCOME = re.compile(r"runs/[^/]+/round-(\d)/outcomes/([^/]+)\.json")
_RUN_FILE = re.compile(r"runs/([^/]+)/(plan|summary|unclosable|round-2/items|round-\d/wave-\d+/pace)\.json")


class Progress(SiteStates):
    """The state of each site, and the phase and the counts of the run."""

    def __init__(self, site_ids: Iterable[str] = (), changed: Changed | None = None) -> None:
        super().__init__(site_ids, changed)
        self.phase = "starting"
        self.run_id: str | None = None
        self.regenerating = 0
        self.stored = self.stored_again = 0  # outcomes of the first and of the second round
        self.rate_limited = 0
        self.input_tokens = self.output_tokens = 0
        self.model = ""
        self.simulated = False
        self.wave = WaveProgress()
        self.dead_runs: list[str] = []
        self._of_request: dict[str, SiteProgress] = {}

    def set_phase(self, what: str, at: float | None = None) -> None:
        """What the whole run is doing now."""
        self.phase = what
        self._report(time.monotonic() if at is None else at, "run", what)

    def observe(self, event: Event) -> None:
        with self.lock:
            if event.kind == "stored":
                self._object_stored(event)
            elif event.kind == "waits":
                self._branch_waits(event)
            elif event.function == "Collector":
                self._collector(event)
            elif event.function == "Planner":
                self._planner(event)
            elif event.function == "Aggregator":
                self._aggregator(event)
            elif event.function == "Reporter":
                self._reporter(event)

    # --- One branch ------------------------------------------------------------------------------------------------

    def _collector(self, event: Event) -> None:
        if event.kind == "invoked":
            task = event.payload["task"]
            site = self._site(str(task["site_id"]))
            site.attempt, site.round = int(event.payload["attempt"]) + 1, int(task["round"])
            site.request_id = event.request_id
            site.began = event.at if site.attempt == 1 else site.began
            self._of_request[event.request_id] = site
            again = f" (attempt {site.attempt})" if site.attempt > 1 else ""
            self._move(site, "collecting", event.at, f"{'regenerating' if site.round > 1 else 'collecting'}{again}")
            return
        if event.error == "RateLimited":
            self.rate_limited += 1
        branch = self._of_request.pop(event.request_id, None)
        if branch is None or branch.request_id != event.request_id or branch.state != "collecting":
            return  # too late: the state machine no longer waits for this call
        handling = BRANCH_ERRORS.get(str(event.error))
        if event.kind == "returned":
            self._count(branch, event.payload["answer"])
            self._move(branch, "answered", event.at)
        elif branch.attempt <= RETRIES[handling.retried if handling else None]:
            branch.why = str(event.error)
            self._move(branch, "retrying", event.at, f"retrying after {branch.why}")
        else:
            branch.why = visible(event.error, 60)
            self._move(branch, "failed", event.at)

    def _branch_waits(self, event: Event) -> None:
        site = self._site(str(event.payload["item"]["site_id"]))
        site.retried_at = event.at + event.payload["seconds"]
        if site.state != "retrying":  # no function failed: the call timed out, or could not be made
            site.why = visible(event.error, 60)
            self._move(site, "retrying", event.at, f"retrying after {site.why}")

    def _count(self, site: SiteProgress, answer: dict[str, Any]) -> None:
        site.tokens += answer["input_tokens"] + answer["output_tokens"]
        self.input_tokens += answer["input_tokens"]
        self.output_tokens += answer["output_tokens"]

    def cost_usd(self) -> float | None:
        """The cost of the answers so far at list prices. None if the model has no list price."""
        return cost_usd(self.model, self.input_tokens, self.output_tokens)

    def left_s(self, now: float) -> float | None:
        """The estimated time until the collection ends. None before the first outcome, and when all are stored."""
        return self.wave.left_s(len(self.sites) + self.regenerating - self.stored - self.stored_again, now)

    def _object_stored(self, event: Event) -> None:
        if outcome := _OUTCOME.fullmatch(event.key):
            site = self._site(outcome[2])
            if site.began is not None:
                self.wave.branch_ended(event.at - site.began)
            self.stored += outcome[1] == "1"
            self.stored_again += outcome[1] == "2"
            if site.state != "failed":
                site.why = "" if site.state == "answered" or event.payload is None else _error_in(event.payload)
            self._move(site, "stored", event.at, f"stored as failed: {site.why}" if site.why else "stored")
        elif file := _RUN_FILE.fullmatch(event.key):
            document = json.loads(event.payload)
            match file[2]:
                case "plan":
                    self._planned(file[1], document, event.at)
                case "round-2/items":
                    self._rejected(document, event.at)
                case "summary":
                    self._closed(file[1], document, event.at)
                case "unclosable":
                    self.set_phase(f"run {file[1]} could not be closed and is set aside", event.at)
                case _:
                    if line := self.wave.decided(Pace.model_validate(document), event.at):
                        self._report(event.at, "run", visible(line, 400))

    # --- A run of a stack, whose functions report nothing --------------------------------------------------------

    def outcome_read(self, document: bytes) -> None:
        """An outcome that was seen to be stored, and is read now."""
        with self.lock:
            outcome = read_outcome(document)
            if outcome is None or (site := self._site(outcome.site_id)).state != "stored":
                return
            if outcome.answer is not None:
                site.tokens += outcome.answer.input_tokens + outcome.answer.output_tokens
            else:
                site.why = _error_in(document)
                self._move(site, "stored", time.monotonic(), f"stored as failed: {site.why}")

    def wave_began(self, round_: int, site_ids: Iterable[str]) -> None:
        """These sites are asked at once."""
        with self.lock:
            for site_id in site_ids:
                site, at = self._site(site_id), time.monotonic()
                site.attempt, site.round, site.began = 1, round_, at
                self._move(site, "collecting", at)

    def wave_ended(self, pace: Pace) -> None:
        """Counts what the decision after a wave says about it."""
        with self.lock:
            if pace.seen is not None:
                self.input_tokens += pace.seen.input_tokens
                self.output_tokens += pace.seen.output_tokens
                self.rate_limited += pace.seen.rate_limited
            self.wave.branches = {}

    # --- The whole run -----------------------------------------------------------------------------------------------

    def _planner(self, event: Event) -> None:
        if event.kind == "invoked":
            self.set_phase("planning", event.at)
        elif event.kind == "failed" and event.error != "InvalidInput":
            self.set_phase(f"planning again after {visible(event.error, 60)}", event.at)
        elif event.kind == "returned" and event.payload["status"] == "dead_run":
            self.dead_runs.append(event.payload["run_id"])
            self.set_phase(f"closing run {event.payload['run_id']}, which stopped before it finished", event.at)

    def _aggregator(self, event: Event) -> None:
        if event.kind == "invoked" and event.payload["run_id"] == self.run_id:
            self.set_phase("aggregating", event.at)
        elif event.kind == "failed":
            self.set_phase(f"aggregating again after {visible(event.error, 60)}", event.at)

    def _reporter(self, event: Event) -> None:
        if event.kind == "invoked":
            self.set_phase("rendering the page", event.at)
        elif event.kind == "failed":
            self.set_phase(f"the page failed: {visible(event.error, 60)}", event.at)

    def _planned(self, run_id: str, plan: dict[str, Any], at: float) -> None:
        self.run_id, self.model = run_id, plan["configuration"]["model"]
        self.wave.ceiling_usd = plan["configuration"].get("cost_ceiling_usd")
        for site in plan["sites"]:
            self._site(site["site_id"])
        asked = plan["configuration"].get("question", DEFAULT)
        what = "" if asked == DEFAULT else f", {asked}"
        self.set_phase(f"collecting {counted(len(plan['sites']), 'site')} as {run_id}{what}", at)

    def _rejected(self, items: list[dict[str, Any]], at: float) -> None:
        self.regenerating = len(items)
        self.set_phase(f"regenerating {counted(len(items), 'answer')}", at)
        for item in items:
            site = self._site(item["site_id"])
            site.why = visible(item["violation"], 200)
            self._move(site, "rejected", at, f"to be regenerated: {site.why}")

    def _closed(self, run_id: str, summary: dict[str, Any], at: float) -> None:
        missed = summary["planned"] - summary["accepted"]
        if run_id != self.run_id:
            self.set_phase(f"closed run {run_id}: {summary['accepted']:,} accepted, {missed:,} missed", at)
            return
        for entry in summary["sites"]:
            site = self._site(entry["site_id"])
            site.entries = counted(entry["entries"], shown(entry.get("question") or summary["question"]).noun)
            if entry["accepted"]:
                self._move(site, "accepted", at, f"accepted, {site.entries}")
            else:
                site.why = f"{entry['reason']}, {visible(entry['error'], 60)}"
                self._move(site, "missed", at, f"missed: {site.why}")
        self.set_phase(f"closed: {summary['accepted']:,} accepted, {missed:,} missed", at)


def _error_in(outcome: bytes) -> str:
    """The error that the state machine caught. Used if no function reported one."""
    stored = read_outcome(outcome)
    return visible(read_caught(stored.failure.caught).error, 60) if stored and stored.failure else "no answer"
