"""The race's Python scripts, as a user might have written them: each collects the same from the same answers."""

import json
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from collector.claude import Claude
from collector.prompt import prompt_for
from infra.messages_api import MessagesAPI
from tests.performance.contestant import FOLDER, SCRIPTS, Contestant, run
from tests.performance.simulated_apis import ApiProcess
from tests.performance.workloads import SITES, Workload
from tests.support.site_tasks import site_task


def workload(**sites: list[Any]) -> Workload:
    scenario = {"sites": {site: sites.get(site, ["ok"]) for site in SITES}}
    return Workload("a test", SITES, scenario, seed=3, speed=100, bound_s=0, timeout_s=30)


def script(name: str) -> Contestant:
    return Contestant(name, (sys.executable, str(FOLDER / name), "{prompts}", "{results}"))


@pytest.fixture(scope="module")
def apis() -> Iterator[Any]:
    with ApiProcess(ctx=get_context("spawn")) as process:
        yield process.Apis()  # type: ignore[attr-defined] # registered by its name


def test_all_scripts_ask_and_keep_the_same(apis: Any, tmp_path: Path) -> None:
    runs = [run(script(name), workload(), apis, tmp_path) for name in SCRIPTS.values()]
    assert [(each["contestant"], each["status"], each["calls"]) for each in runs] == [
        (name, 0, 4) for name in SCRIPTS.values()
    ]
    assert all(each["kept"] == sorted(SITES) for each in runs)
    assert all(each["prompts"] == runs[0]["prompts"] for each in runs)
    assert all(each["candidates"] == runs[0]["candidates"] for each in runs)
    assert set(runs[0]["prompts"]) == set(SITES)
    assert runs[0]["input_tokens"] > 0 < runs[0]["output_tokens"]


def test_a_failure_costs_the_serial_script_what_comes_after_it(apis: Any, tmp_path: Path) -> None:
    found = run(script("serial.py"), workload(orchard=[400]), apis, tmp_path)
    assert (found["status"], found["kept"]) == (1, ["harbour"])
    assert "BadRequestError" in found["last_words"]


def test_a_contestant_that_only_waits_is_ended_and_keeps_what_it_has_stored(apis: Any, tmp_path: Path) -> None:
    given = workload(orchard=["hang"])
    impatient = Workload(**{**vars(given), "patience_s": 10, "faulty": "orchard"})
    found = run(script("asyncio_semaphore.py"), impatient, apis, tmp_path, again=True)
    assert (found["status"], found["kept"]) == (None, ["harbour", "lantern", "meadow"])
    assert (found["again"]["status"], found["again"]["calls"]) == (0, 4)


def test_an_answer_that_keeps_no_contract_is_not_kept(apis: Any, tmp_path: Path) -> None:
    found = run(script("capped.py"), workload(meadow=["empty_list"]), apis, tmp_path)
    assert (found["status"], found["kept"]) == (1, ["harbour", "lantern", "orchard"])


def test_the_scripts_send_what_the_collector_sends() -> None:
    with MessagesAPI() as api:
        task = site_task()
        claude = Claude("sk-test", api.url)
        claude.ask(task, prompt_for(task))
        claude.close()
        sent = api.history[0]
    body = json.loads(workload().prompts_json())[0]
    assert (sent.model, sent.max_tokens) == (body["model"], body["max_tokens"])
    assert sent.prompt == f"{body['system']}\n\n{body['user']}"
