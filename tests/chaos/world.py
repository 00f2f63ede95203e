"""Plays stories in one embedded cloud and one simulated API, and checks the guarantees after each step."""

import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from infra.cloud.lambdas.invoke import Event
from infra.cloud.state_machine import Execution
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario, StepLike
from nightfold.errors import PATIENT
from nightfold.run_folders import read_set_aside
from tests.chaos.faults import Injector, Planned
from tests.support.clouds import PATIENCE_S, UNLIMITED, cloud_at, hurried
from tests.support.hostile_api import ATTACKS, HostileAPI
from tests.support.ledger import Broken, Ledger, Paid

SPEED = 100.0  # the planner's 300 s become 3
REQUEST_TIMEOUT_S = 4  # real seconds: below the collector's 6, and long enough for a busy machine
MORNINGS = 12  # more than any story needs to recover


class World:
    """Plays nights and mornings, and records what the checks need. Site ids are unique for each night."""

    def __init__(self, state_dir: Path, *, seed: int = 0) -> None:
        self.state_dir = state_dir
        self.injector = Injector()
        self.counted: Counter[str] = Counter()
        self._seed = seed
        self._paid: list[Paid] = []
        self._asked: dict[str, Paid] = {}  # by the request id of an unfinished invocation
        self._running = 0
        self._lock = threading.Lock()
        self._numbers = iter(range(1, 10**9))
        self._nights: dict[str, bytes] = {}  # scheduled time → the site list of that night
        self._sites: list[dict[str, str]] = []  # every site so far: a morning's site list

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            scenario = Scenario.model_validate({"limits": UNLIMITED})
            self.api = stack.enter_context(MessagesAPI(scenario, seed=self._seed, speed=SPEED, keep_prompts=False))
            self.hostile = stack.enter_context(HostileAPI(self.api.url))
            stack.callback(lambda: self._cloud_open.close())
            self._open()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- What happens ----------------------------------------------------------------------------------------------

    def night(
        self,
        scripts: Sequence[Sequence[StepLike | str]],  # a str: an attack of the hostile server
        faults: Sequence[Planned] = (),
        scheduled: bool = False,
        twice: bool = False,
        ending: tuple[str, int] = ("wait", 0),
    ) -> None:
        """A night with one site per script; `twice`: delivered again while it runs."""
        number = next(self._numbers)
        names = [f"n{number}-s{place}" for place in range(len(scripts))]
        for name, script in zip(names, scripts, strict=True):
            self.script(name, script)
        listed = [{"site_id": name, "domain": f"{name}.example"} for name in names]
        self._sites += listed
        sites = json.dumps(listed).encode()
        given: dict[str, Any] = {"request_timeout_s": REQUEST_TIMEOUT_S}
        if scheduled:
            given["scheduled_time"] = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat()
            self._nights[given["scheduled_time"]] = sites
        self._play(given, sites, faults, ending, starts=2 if twice and scheduled else 1)

    def script(self, site_id: str, script: Sequence[StepLike | str]) -> None:
        """Attacks come from the hostile API, which passes all else on to the simulated one."""
        self.hostile.script(site_id, [step if isinstance(step, str) and step in ATTACKS else None for step in script])
        ours: list[Any] = [step for step in script if not (isinstance(step, str) and step in ATTACKS)]
        self.api.script(site_id, ours)
        self.counted["attacks"] += sum(isinstance(step, str) and step in ATTACKS for step in script)

    def late_delivery(self) -> None:
        """Deliver the last scheduled night once more."""
        if self._nights:
            scheduled_time, sites = list(self._nights.items())[-1]
            self._play({"request_timeout_s": REQUEST_TIMEOUT_S, "scheduled_time": scheduled_time}, sites)

    def redrive(
        self,
        *,
        faults: Sequence[Planned] = (),
        twins: bool = False,
        ending: tuple[str, int] = ("wait", 0),
        left: int | None = None,
    ) -> list[Execution]:
        """The morning run; `twins`: two of them at the same time; `left`: the number of a site that is not in
        the list of this run."""
        before = len(self._paid)
        gone = None if left is None else left % len(self._sites)
        sites = [site for number, site in enumerate(self._sites) if number != gone] or self._sites
        given = {"mode": "redrive", "request_timeout_s": REQUEST_TIMEOUT_S}
        ended = self._play(given, json.dumps(sites).encode(), faults, ending, 2 if twins else 1)
        in_order = [run_id for run_id, _ in groupby(call.run_id for call in self._paid[before:])]
        if len(in_order) > len(set(in_order)):  # one after the other is correct: the first one's misses wait again
            raise Broken(f"two redrives collected at the same time: {self._paid[before:]}")
        return ended

    def look(self, times: int) -> None:
        """Read the queue, and start mornings that are refused: neither counts as an attempt."""
        sqs, queue = self.cloud.client("sqs"), self.cloud.output("MissQueueUrl")
        for _ in range(times):
            sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
            [refused] = self._play({"mode": "redrive", "cost_ceiling_usd": 1e-9}, None)
            if refused.status == "SUCCEEDED" and (refused.output or {}).get("planned"):
                raise Broken(f"a morning over its ceiling began: {refused}")

    def damage(self, kind: str) -> None:
        """What a user, a backup or another program may do to the state directory between two runs."""
        self.counted[f"damage: {kind}"] += 1
        runs, config = self.state_dir / "runs", self.state_dir / "config"
        match kind:
            case "lease" | "closed runs":
                name = "redrive-lease.json" if kind == "lease" else "closed-runs.json"
                (config / name).write_bytes(b'{"execution_id": ')
            case "copied run" | "renamed run":
                originals = [run for run in runs.iterdir() if not {".", " "} & set(run.name)]
                newest = max(originals, key=lambda run: run.stat().st_mtime)
                suffix = ".backup" if kind == "copied run" else " (copy)"
                shutil.copytree(newest, runs / f"{newest.name}{suffix}", dirs_exist_ok=True)
            case "torn message" | "pipe in a queue":
                queue = self.state_dir / "queues" / "MissQueue"
                queue.mkdir(parents=True, exist_ok=True)
                file = queue / f"damage-{next(self._numbers)}.json"
                file.write_bytes(b'{"message_id": "') if kind == "torn message" else os.mkfifo(file)
                self.reopen()  # a process reads a queue's files once
            case "link in a run":
                newest = max((run for run in runs.iterdir() if run.is_dir()), key=lambda run: run.stat().st_mtime)
                (newest / f"link-{next(self._numbers)}.json").symlink_to(self.state_dir / "nowhere")
            case "left-over temporary file":
                (self.state_dir / ".tmp" / f"1-{next(self._numbers)}").write_bytes(b"half of")
                self.reopen()
            case _:
                (runs / "stray" / "folder").mkdir(parents=True, exist_ok=True)
                (runs / "stray" / "notes.txt").write_bytes(b"not a run")

    def reopen(self) -> None:
        """End the process and start another one with the files on disk."""
        self.counted["reopened"] += 1
        self._cloud_open.close()
        self._open()

    def delete_marks(self) -> None:
        """What the runbook tells an operator to do with a run that was set aside and is not tried again without it."""
        for mark in self.state_dir.glob("runs/*/unclosable.json"):
            set_aside = read_set_aside(mark.read_bytes())
            if set_aside is None or not set_aside.aws_failed:
                mark.unlink()
                self.counted["marks deleted by hand"] += 1

    def move_back_what_was_parked(self) -> None:
        """What an operator does with the console's redrive."""
        sqs = self.cloud.client("sqs")
        parked, waiting = self.cloud.output("ParkedQueueUrl"), self.cloud.output("MissQueueUrl")
        while messages := sqs.receive_message(QueueUrl=parked, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.send_message(QueueUrl=waiting, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=parked, ReceiptHandle=message["ReceiptHandle"])
                self.counted["moved back by hand"] += 1

    # --- The guarantees -----------------------------------------------------------------------------------------------

    def check(self) -> Ledger:
        """Check every guarantee that holds between two runs. Raises Broken."""
        ledger = Ledger.read(self.state_dir)
        ledger.check()
        ledger.check_payments(self._paid)
        calls, paid = Counter(call.site for call in self.api.history), Counter(call.site_id for call in self._paid)
        if calls - paid:
            raise Broken(f"calls of the API that no invocation of the collector explains: {calls - paid}")
        return ledger

    def settle(self) -> None:
        """Without faults, run mornings until no miss is left; then every planned site must be accepted."""
        for site_id in {site_id for night in self._nights.values() for site_id in _names(night)} | self._planned():
            self.script(site_id, [])
        for _ in range(MORNINGS):
            self.delete_marks()
            self.reopen()
            self.move_back_what_was_parked()
            [ended] = self.redrive()
            if ended.status != "SUCCEEDED":
                raise Broken(f"a redrive without faults failed: {ended}")
            ledger = self.check()
            if not ledger.waiting and not ledger.parked and not ledger.unclosed:
                break
        else:
            raise Broken(
                f"still missed after {MORNINGS} mornings: {ledger.waiting}, {ledger.parked}, {ledger.unclosed}"
            )
        if ledger.planned - ledger.accepted:
            raise Broken(f"never accepted: {sorted(ledger.planned - ledger.accepted)}")

    def _planned(self) -> set[str]:
        return Ledger.read(self.state_dir).planned

    # --- Inside ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        with ExitStack() as stack:
            self.cloud = stack.enter_context(
                cloud_at(self.state_dir, self.hostile.url, faults=self.injector, speed=SPEED, observe=self._observe)
            )
            stack.enter_context(hurried(SPEED))
            self._cloud_open = stack.pop_all()

    def _play(
        self,
        given: dict[str, Any],
        sites: bytes | None,
        faults: Sequence[Planned] = (),
        ending: tuple[str, int] = ("wait", 0),
        starts: int = 1,
    ) -> list[Execution]:
        if sites is not None:
            self.cloud.client("s3").put_object(
                Bucket=self.cloud.output("BucketName"), Key="config/sites.json", Body=sites
            )
        self.injector.arm(faults)
        mode = given.get("mode", "collect")
        arns = [self.cloud.start(given, name=f"{mode}-{next(self._numbers)}") for _ in range(starts)]
        self.counted[f"{mode} started"] += starts
        how, milliseconds = ending
        if how == "wait":
            ended = [self.cloud.wait(arn, PATIENCE_S) for arn in arns]
        else:
            time.sleep(milliseconds / 1000)
            for arn in arns:
                self.cloud.stop(arn)
            ended = [self.cloud.execution(arn) for arn in arns]
        self._until_quiet()
        self.injector.arm(())
        for execution in ended:
            if execution.status == "RUNNING":
                raise Broken(f"hangs: {execution}")
            self.counted[f"{mode} {execution.status.lower()}"] += 1
        if how == "reopen":
            self.reopen()
        return ended

    def _until_quiet(self) -> None:
        """Wait until no function is running: StopExecution lets running ones finish."""
        deadline = time.monotonic() + PATIENCE_S
        quiet = 0
        while quiet < 3:
            time.sleep(0.005)
            quiet = 0 if self._running else quiet + 1
            if time.monotonic() > deadline:
                raise Broken("a function is still running")

    def _observe(self, event: Event) -> None:
        with self._lock:
            if event.kind == "invoked":
                self._running += 1
                if event.function == "Collector":
                    task = event.payload["task"]
                    self._paid.append(Paid(task["run_id"], task["round"], task["site_id"]))
                    self._asked[event.request_id] = self._paid[-1]
            elif event.kind in ("returned", "failed"):
                self._running -= 1
                asked = self._asked.pop(event.request_id, None)
                if asked and event.error in PATIENT:  # it made no call of Claude
                    self._paid.remove(asked)


def _names(sites: bytes) -> set[str]:
    return {site["site_id"] for site in json.loads(sites)}
