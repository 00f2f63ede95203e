"""What a run is doing, as the embedded cloud's events tell it: one state for each site, and the changes as lines.

It reads invocations of the functions and objects as they are stored, nothing else. Showing it is `live`'s job.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from infra.cli.terminal import visible
from infra.cloud.lambdas.invoke import Event
from nightfold.amounts import counted
from nightfold.budget import cost_usd
from nightfold.errors import BRANCH_ERRORS
from nightfold.failure_message import read_caught
from nightfold.stored import read_outcome

State = Literal["waiting", "collecting", "retrying", "answered", "failed", "rejected", "stored", "accepted", "missed"]
DONE: frozenset[State] = frozenset({"stored", "accepted", "missed"})
RETRIES = {"briefly": 2, "patiently": 6, None: 0}  # CollectSite's; a test compares
_OUTCOME = re.compile(r"runs/[^/]+/round-(\d)/outcomes/([^/]+)\.json")
_RUN_FILE = re.compile(r"runs/([^/]+)/(plan|summary|unclosable|round-2/items)\.json")


@dataclass(slots=True)
class SiteProgress:
    """Where one site stands. `since` is time.monotonic()."""

    site_id: str
    state: State = "waiting"
    since: float = 0.0
    attempt: int = 0
    round: int = 1
    why: str = ""  # an error's name, or what was wrong with an answer
    request_id: str = ""
    candidates: int = 0
    tokens: int = 0  # input and output, of all its answers
    retried_at: float = 0.0  # when the wait for the next attempt is over, time.monotonic()


Changed = Callable[[float, str, str], None]  # seconds since the start, the site (or "run"), what happened


class Progress:
    """Fed by many threads; whoever reads holds `lock`."""

    def __init__(self, site_ids: Iterable[str] = (), changed: Changed | None = None) -> None:
        self.started = time.monotonic()
        self.lock = threading.RLock()
        self.sites = {site_id: SiteProgress(site_id, since=self.started) for site_id in site_ids}
        self.counts: Counter[State] = Counter({"waiting": len(self.sites)})
        self.phase = "deploying template.yaml into the embedded cloud"
        self.run_id: str | None = None
        self.regenerating = 0
        self.stored = self.stored_again = 0  # outcomes of the first and of the second round
        self.rate_limited = 0
        self.input_tokens = self.output_tokens = 0
        self.model = ""
        self.simulated = False
        self.collecting_since = self.started
        self.dead_runs: list[str] = []
        self._changed = changed
        self._of_request: dict[str, SiteProgress] = {}

    def say(self, what: str, at: float | None = None) -> None:
        """Something about the whole run."""
        self.phase = what
        self._tell(time.monotonic() if at is None else at, "run", what)

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
            self._of_request[event.request_id] = site
            again = f" (attempt {site.attempt})" if site.attempt > 1 else ""
            self._to(site, "collecting", event.at, f"{'regenerating' if site.round > 1 else 'collecting'}{again}")
            return
        if event.error == "RateLimited":
            self.rate_limited += 1
        branch = self._of_request.pop(event.request_id, None)
        if branch is None or branch.request_id != event.request_id or branch.state != "collecting":
            return  # too late: the state machine had given this call up
        handling = BRANCH_ERRORS.get(str(event.error))
        if event.kind == "returned":
            self._count(branch, event.payload["answer"])
            self._to(branch, "answered", event.at)
        elif branch.attempt <= RETRIES[handling.retried if handling else None]:
            branch.why = str(event.error)
            self._to(branch, "retrying", event.at, f"retrying after {branch.why}")
        else:
            branch.why = visible(event.error, 60)
            self._to(branch, "failed", event.at)

    def _branch_waits(self, event: Event) -> None:
        site = self._site(str(event.payload["item"]["site_id"]))
        site.retried_at = event.at + event.payload["seconds"]
        if site.state != "retrying":  # no function failed: the state machine gave the call up, or could not make it
            site.why = visible(event.error, 60)
            self._to(site, "retrying", event.at, f"retrying after {site.why}")

    def _count(self, site: SiteProgress, answer: dict[str, Any]) -> None:
        site.tokens += answer["input_tokens"] + answer["output_tokens"]
        self.input_tokens += answer["input_tokens"]
        self.output_tokens += answer["output_tokens"]

    def cost_usd(self) -> float | None:
        """What the answers so far cost at list prices; None where the model has none."""
        return cost_usd(self.model, self.input_tokens, self.output_tokens)

    def left_s(self, now: float) -> float | None:
        """About how long the collection will still take, if it goes on as it did; None before the first outcome, and
        when it is over."""
        total, done = len(self.sites) + self.regenerating, self.stored + self.stored_again
        return (now - self.collecting_since) / done * (total - done) if 0 < done < total else None

    def _object_stored(self, event: Event) -> None:
        if outcome := _OUTCOME.fullmatch(event.key):
            site = self._site(outcome[2])
            if outcome[1] == "2":
                self.stored_again += 1
            else:
                self.stored += 1
            if site.state != "answered":
                site.why = site.why if site.state == "failed" else _error_in(event.payload)
                self._to(site, "stored", event.at, f"stored as failed: {site.why}")
            else:
                site.why = ""
                self._to(site, "stored", event.at, "stored")
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
                    self.say(f"run {file[1]} could not be closed and is set aside", event.at)

    # --- The whole run -----------------------------------------------------------------------------------------------

    def _planner(self, event: Event) -> None:
        if event.kind == "invoked":
            self.say("planning", event.at)
        elif event.kind == "failed" and event.error != "InvalidInput":
            self.say(f"planning again after {visible(event.error, 60)}", event.at)
        elif event.kind == "returned" and event.payload["status"] == "dead_run":
            self.dead_runs.append(event.payload["run_id"])
            self.say(f"found run {event.payload['run_id']}, which had died: closing it", event.at)

    def _aggregator(self, event: Event) -> None:
        if event.kind == "invoked" and event.payload["run_id"] == self.run_id:
            self.say("aggregating", event.at)
        elif event.kind == "failed":
            self.say(f"aggregating again after {visible(event.error, 60)}", event.at)

    def _reporter(self, event: Event) -> None:
        if event.kind == "invoked":
            self.say("rendering the page", event.at)
        elif event.kind == "failed":
            self.say(f"the page failed: {visible(event.error, 60)}", event.at)

    def _planned(self, run_id: str, plan: dict[str, Any], at: float) -> None:
        self.run_id, self.model, self.collecting_since = run_id, plan["configuration"]["model"], at
        for site in plan["sites"]:
            self._site(site["site_id"])
        self.say(f"collecting {counted(len(plan['sites']), 'site')} as {run_id}", at)

    def _rejected(self, items: list[dict[str, Any]], at: float) -> None:
        self.regenerating = len(items)
        self.say(f"regenerating {counted(len(items), 'answer')}", at)
        for item in items:
            site = self._site(item["site_id"])
            site.why = visible(item["violation"], 200)
            self._to(site, "rejected", at, f"to be regenerated: {site.why}")

    def _closed(self, run_id: str, summary: dict[str, Any], at: float) -> None:
        missed = summary["planned"] - summary["accepted"]
        if run_id != self.run_id:
            self.say(f"closed run {run_id}: {summary['accepted']} accepted, {missed} missed", at)
            return
        for entry in summary["sites"]:
            site = self._site(entry["site_id"])
            site.candidates = entry["candidates"]
            if entry["accepted"]:
                self._to(site, "accepted", at, f"accepted, {counted(site.candidates, 'candidate')}")
            else:
                site.why = f"{entry['reason']}, {visible(entry['error'], 60)}"
                self._to(site, "missed", at, f"missed: {site.why}")
        self.say(f"closed: {summary['accepted']} accepted, {missed} missed", at)

    def _site(self, site_id: str) -> SiteProgress:
        site = self.sites.get(site_id)
        if site is None:
            site = self.sites[site_id] = SiteProgress(site_id, since=time.monotonic())
            self.counts["waiting"] += 1
        return site

    def _to(self, site: SiteProgress, state: State, at: float, line: str | None = None) -> None:
        self.counts[site.state] -= 1
        self.counts[state] += 1
        site.state, site.since = state, at
        if line is not None:
            self._tell(at, site.site_id, line)

    def _tell(self, at: float, who: str, what: str) -> None:
        if self._changed is not None:
            self._changed(at - self.started, who, what)


def _error_in(outcome: bytes) -> str:
    """The error that the state machine itself caught, where no function reported one."""
    stored = read_outcome(outcome)
    return visible(read_caught(stored.failure.caught).error, 60) if stored and stored.failure else "no answer"
