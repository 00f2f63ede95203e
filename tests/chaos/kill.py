"""Kills runs and redrives with SIGKILL at random times, and checks that later redrives recover."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from nightfold.answers import Violation, read_entries
from nightfold.branch import Outcome
from tests.support.clouds import PATIENCE_S, UNLIMITED
from tests.support.ledger import Broken, Ledger
from tests.support.questions import CANDIDATES

SPEED = 50.0
ROOT = Path(__file__).parents[2]
SCRIPTS: tuple[list[Any], ...] = (
    *(["ok"], ["fenced"], ["prose"], [529], [400], [529, 529, 529], ["max_tokens"], ["ok"]),
    *([400], ["ok"], ["prose"], ["ok"], ["ok"], [529], ["ok"]),  # more sites than one wave has
)
MORNINGS = 12
KILLED = -signal.SIGKILL


class Killer:
    """One warmed-up process that forks the runs, and the API, which outlives them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.counted: Counter[str] = Counter()
        self._names = iter(range(1, 10**9))
        self.api = MessagesAPI(
            Scenario.model_validate({"latency_s": {"median": 1.0, "sigma": 0.5}, "limits": UNLIMITED}),
            seed=seed,
            speed=SPEED,
            keep_prompts=False,
        )

    def __enter__(self) -> Self:
        self.api.__enter__()
        self._log = (self.folder / "killable.log").open("w")
        self._server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.chaos.killable"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._measure()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.close()
        self._server.wait(timeout=PATIENCE_S)
        self._server.stdout.close()
        self._log.close()
        self.api.__exit__(None, None, None)

    def kill_one(self) -> None:
        """Kill a run and sometimes its redrive too, then run redrives. Raises Broken."""
        state_dir, sites = self._prepare()
        self._run(state_dir, {}, "run", kill=True)
        before = self._note(state_dir)
        while self.random.random() < 0.4:
            self._run(state_dir, {"mode": "redrive"}, f"killed-redrive-{next(self._names)}", kill=True)
            before = self._note(state_dir) | before
        for _ in range(MORNINGS):
            status = self._run(state_dir, {"mode": "redrive"}, f"redrive-{next(self._names)}")
            if status not in (0, 3):
                raise Broken(f"a redrive after a kill ended with status {status}: {state_dir}")
            ledger = Ledger.read(state_dir)
            ledger.check()
            if not ledger.waiting and not ledger.unclosed:
                break
        if (state_dir / "runs" / "run" / "plan.json").exists():
            if ledger.accepted != sites or ledger.waiting:
                raise Broken(f"never accepted: {sorted(sites - ledger.accepted)}: {state_dir}")
        else:
            self.counted["killed before the run was planned"] += 1
            if any(self.api.calls(site) for site in sites):
                raise Broken(f"paid without a plan: {state_dir}")
        again = {site: (calls, self.api.calls(site)) for site, calls in before.items() if calls != self.api.calls(site)}
        if again:
            raise Broken(f"stored answers were paid for again (calls before, after): {again}: {state_dir}")
        self.counted["stored answers at the kills"] += len(before)
        shutil.rmtree(state_dir)

    def _prepare(self) -> tuple[Path, set[str]]:
        number = next(self._names)
        state_dir = self.folder / f"state-{number}"
        (state_dir / "config").mkdir(parents=True)
        names = [f"k{number}-s{place}" for place in range(len(SCRIPTS))]
        for name, script in zip(names, SCRIPTS, strict=True):
            self.api.script(name, script)
        sites = [{"site_id": name, "domain": f"{name}.example"} for name in names]
        (state_dir / "config" / "sites.json").write_text(json.dumps(sites))
        return state_dir, set(names)

    def _note(self, state_dir: Path) -> dict[str, int]:
        """The sites with a valid answer on disk, and the calls made for each."""
        noted = {}
        for path in (state_dir / "runs").glob("*/round-*/outcomes/*.json"):
            document = json.loads(path.read_bytes())
            outcome = Outcome.model_validate(json.loads(document) if isinstance(document, str) else document)
            if outcome.answer is None or outcome.answer.stop_reason != "end_turn":
                continue
            with suppress(Violation):
                read_entries(outcome.answer.text, CANDIDATES)
                noted[outcome.site_id] = self.api.calls(outcome.site_id)
        return noted

    def _run(self, state_dir: Path, given: dict[str, Any], name: str, *, kill: bool = False) -> int:
        """The exit status. The kill comes after a time or at an AWS call, drawn from the whole duration of a run."""
        by_count = kill and self.random.random() < 0.5
        order = {
            "state_dir": str(state_dir),
            "url": self.api.url,
            "given": given | {"request_timeout_s": 10},
            "name": name,
            "speed": SPEED,
            "die_at": self.random.randint(1, self.calls) if by_count else None,
        }
        assert self._server.stdin
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        child = self._read()
        if kill and not by_count:
            time.sleep(self.random.uniform(0, self.seconds))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = self._read()
        if kill:
            self.counted[f"{'redrives' if 'mode' in given else 'runs'} killed"] += status == KILLED
            self.counted["ended before the kill"] += status != KILLED
            if status == KILLED:
                self.counted[f"  killed {_where(state_dir / 'runs' / name)}"] += 1
        return status

    def _read(self) -> int:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError((self.folder / "killable.log").read_text()[-2_000:])
        return int(line)

    def _measure(self) -> None:
        """The length of a run in seconds and in calls."""
        self.seconds, self.calls = 0.0, 220  # about as many as in a run of 15 sites
        self._run(self._prepare()[0], {}, "warm-up")
        state_dir, _ = self._prepare()
        started = time.monotonic()
        self._run(state_dir, {}, "measured")
        self.seconds = time.monotonic() - started
        shutil.rmtree(state_dir)


def _where(run: Path) -> str:
    """How far the run had come, judged by its files."""
    if (run / "summary.json").exists():
        return "after the census was closed"
    if (run / "misses.jsonl").exists():
        return "while the census was closed"
    if (run / "round-2" / "items.json").exists():
        return "in round 2"
    if (run / "results").exists():
        return "while outcomes were aggregated"
    if (run / "round-1" / "outcomes").exists():
        return "while sites were collected"
    if (run / "plan.json").exists():
        return "between plan and first outcome"
    return "before there was a plan"
