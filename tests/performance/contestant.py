"""Who takes part in the race, and one run of one contestant: how it is started, what it took, and what it left behind.

Each run is a process of its own against a simulated Messages API of its own.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.messages_api.call_history import Call
from nightfold.answers import Violation, read_entries
from tests.performance.watched_process import execute
from tests.performance.workloads import Workload
from tests.support.questions import CANDIDATES

HURRY = 10  # its waits are at most 30 and 60 s
OURS = "Nightfold"
FOLDER = Path(__file__).with_name("contestants")
SERIAL, SCRIPT = "serial", "asyncio.Semaphore"
SCRIPTS = {
    SERIAL: "serial.py",
    "all at once": "uncapped.py",
    "cap, budget, timeout": "capped.py",
    SCRIPT: "asyncio_semaphore.py",
}


@dataclass(frozen=True)
class Contestant:
    """A way to collect. In a command {prompts}, {sites}, {results}, {timeout_s}, {at_once}, {budget}
    and {hurry} are filled in."""

    name: str
    night: tuple[str, ...] = ()
    hurried: tuple[str, ...] = ()  # the same with waits that pass {hurry} times as fast, where only the end counts
    morning: tuple[str, ...] = ()  # what its own schedule starts in the morning
    results: str = "*.json"  # where it keeps candidates, below {results}


def contestants() -> list[Contestant]:
    files = {name: str(FOLDER / file) for name, file in SCRIPTS.items()}
    scripts = [Contestant(name, (sys.executable, file, "{prompts}", "{results}")) for name, file in files.items()]
    return [*scripts, _nightfold()]


def _nightfold() -> Contestant:
    command = str(Path(sys.executable).with_name("nightfold"))
    common = (
        *("--json", "--state-dir", "{results}", "--concurrency", "{at_once}"),
        *("--set", "request_timeout_s={timeout_s}", "--set", "output_token_budget={budget}"),
    )
    hurried = (
        *(sys.executable, "-m", "tests.performance.fast_run", "{sites}", "{results}", "--speed", "{hurry}"),
        *("--concurrency", "{at_once}", "--request-timeout-s", "{timeout_s}"),
    )
    return Contestant(
        OURS,
        (command, "run", "--sites", "{sites}", *common),
        hurried,
        (command, "redrive", *common),
        "runs/*/results/*.json",
    )


def run(contestant: Contestant, workload: Workload, apis: Any, work: Path, *, again: bool = False) -> dict[str, Any]:
    """One night and, where there is one, its morning. `again`: a person starts what has none once more by hand."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    files = {"prompts": folder / "prompts.json", "sites": folder / "sites.json", "results": folder / "results"}
    files["prompts"].write_text(workload.prompts_json())
    files["sites"].write_text(workload.sites_json())
    files["results"].mkdir()
    filled = {name: str(file) for name, file in files.items()} | {
        "timeout_s": str(workload.timeout_s),
        "hurry": str(HURRY),
        "at_once": str(workload.at_once),
        "budget": str(workload.budget),
    }
    number, url = apis.open(workload.scenario, workload.seed, workload.speed)

    def start(command: Sequence[str]) -> dict[str, Any]:
        before = len(apis.history(number))
        filled_in = [word.format(**filled) for word in command]
        environment = _environment(url, workload)
        ran = execute(filled_in, environment, folder, workload.patience_s, lambda: apis.progress(number))
        kept = _candidates(files["results"], contestant.results)
        figures = {**asdict(ran), **_spent(apis.history(number)[before:]), "kept": sorted(kept)}
        return figures | {"summary": _summary(figures.pop("stdout"))}

    try:
        night = start((workload.faulty and contestant.hurried) or contestant.night)
        found = {
            "contestant": contestant.name,
            "workload": workload.name,
            "planned": len(workload.sites),
            **night,
            "prompts": _prompts(apis.history(number)),
            "candidates": {
                site: _digest(each) for site, each in _candidates(files["results"], contestant.results).items()
            },
        }
        if workload.faulty:
            apis.script(number, workload.faulty, ["ok"])
            if contestant.morning:
                found["morning"] = start(contestant.morning)
            elif again and len(night["kept"]) < len(workload.sites):
                found["again"] = start(contestant.night)
        return found
    finally:
        apis.close(number)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(url: str, workload: Workload) -> dict[str, str]:
    """The user's environment, without what would reach another service."""
    own = ("ANTHROPIC_", "CLAUDE_", "MAX_CONCURRENCY", "PYTHONPATH", "VIRTUAL_ENV")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(own)},
        "ANTHROPIC_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUEST_TIMEOUT_S": str(workload.timeout_s),
        "AT_ONCE": str(workload.at_once),
    }


def _spent(calls: Sequence[Call]) -> dict[str, int]:
    answered = [call for call in calls if call.status == 200]
    return {
        "calls": len(calls),
        "limited": sum(call.status == 429 for call in calls),
        "input_tokens": sum(call.input_tokens for call in answered),
        "output_tokens": sum(call.output_tokens for call in answered),
    }


def _prompts(calls: Sequence[Call]) -> dict[str, list[str]]:
    """What was asked about each site, as digests."""
    asked: dict[str, set[str]] = {}
    for call in calls:
        asked.setdefault(call.site, set()).add(_digest([call.model, call.max_tokens, call.prompt]))
    return {site: sorted(digests) for site, digests in sorted(asked.items())}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _candidates(results: Path, pattern: str) -> dict[str, list[dict[str, str]]]:
    """The sites whose file holds candidates that keep the contract."""
    found = {}
    for file in sorted(results.glob(pattern)):
        with contextlib.suppress(ValueError, KeyError, Violation):
            document = json.loads(file.read_bytes())
            listed = document["entries"] if isinstance(document, dict) else document
            found[file.stem] = [candidate.model_dump() for candidate in read_entries(json.dumps(listed), CANDIDATES)]
    return found


def _summary(stdout: str) -> dict[str, Any] | None:
    """Nightfold's own account of the run; the others have none."""
    try:
        summary = json.loads(stdout)
    except ValueError:
        return None
    keys = ("status", "planned", "accepted", "missed", "model_calls", "duration_s")
    return {key: summary[key] for key in keys} if isinstance(summary, dict) and set(keys) <= summary.keys() else None
