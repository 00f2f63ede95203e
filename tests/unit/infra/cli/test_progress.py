"""infra/cli/progress.py and live_view.py: events of the embedded cloud become states, lines and rows."""

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from infra.cli.live_view import Rows
from infra.cli.progress import Progress
from infra.cloud.lambdas.invoke import Event
from tests.support.effort import steps
from tests.unit.examples import answered, failed, plan, wave


class Replay:
    """Events as the embedded cloud sends them, and the lines that result."""

    def __init__(self, *sites: str) -> None:
        self.lines: list[str] = []
        self.progress = Progress(sites, lambda *change: self.lines.append(" ".join(map(str, change[1:]))))
        self._requests = 0

    def planned(self, sites: list[dict[str, str]], **configuration: Any) -> None:
        self.put("plan.json", {"sites": sites, "configuration": {"model": "claude-sonnet-5-5"} | configuration})

    def paced(self, number: int = 1, round_: int = 1, at: float | None = None, **fields: Any) -> None:
        """The decision about a wave; a stop has no sites."""
        decision = wave(plan("harbour", run_id="run-1"), number, round_=round_, **{"sites": 4, "left": 0} | fields)
        self.put(f"round-{round_}/wave-{number}/pace.json", decision.model_dump(mode="json"), at=at)

    def asked(self, site: str, attempt: int = 0, round_: int = 1, at: float | None = None) -> str:
        self._requests += 1
        payload = {"task": {"site_id": site, "round": round_}, "attempt": attempt}
        event = Event("invoked", "Collector", f"request-{self._requests}", payload)
        self.progress.observe(event if at is None else replace(event, at=at))
        return f"request-{self._requests}"

    def failed(self, request: str, error: str) -> None:
        self.progress.observe(Event("failed", "Collector", request, {"errorType": error}, error=error))

    def waits(self, site: str, error: str, seconds: float) -> None:
        payload = {"item": {"site_id": site}, "seconds": seconds}
        self.progress.observe(Event("waits", payload=payload, error=error))

    def answered(self, request: str) -> None:
        answer = {"input_tokens": 100, "output_tokens": 200}
        self.progress.observe(Event("returned", "Collector", request, {"answer": answer}))

    def stored(
        self, site: str, round_: int = 1, failure: dict[str, Any] | None = None, at: float | None = None
    ) -> None:
        outcome = failed("run-1", site, **failure) if failure else answered("run-1", site)
        self.put(f"round-{round_}/outcomes/{site}.json", outcome.model_dump(mode="json"), at=at)

    def put(self, file: str, document: Any, run_id: str = "run-1", at: float | None = None) -> None:
        event = Event("stored", key=f"runs/{run_id}/{file}", payload=json.dumps(document).encode())
        self.progress.observe(event if at is None else replace(event, at=at))

    def closed(self, run_id: str = "run-1", **sites: tuple[str, str] | None) -> None:
        entries = [
            {
                "site_id": site,
                "accepted": why is None,
                "entries": 5,
                "reason": why and why[0],
                "error": why and why[1],
            }
            for site, why in sites.items()
        ]
        accepted = sum(entry["accepted"] is True for entry in entries)
        self.put(
            "summary.json",
            {"question": "article_candidates", "planned": len(entries), "accepted": accepted, "sites": entries},
            run_id,
        )

    def state(self, site: str) -> str:
        return self.progress.sites[site].state

    def rows(self, width: int = 80, height: int = 24) -> list[str]:
        console = Console(file=io.StringIO(), width=width, height=height)
        with console.capture() as captured:
            console.print(Rows(self.progress))
        return captured.get().splitlines()


def test_a_site_that_answers_at_the_second_attempt() -> None:
    replay = Replay("harbour")
    replay.failed(replay.asked("harbour"), "Overloaded")
    replay.answered(replay.asked("harbour", attempt=1))
    replay.stored("harbour")
    replay.planned([{"site_id": "harbour"}])
    replay.closed(harbour=None)
    assert replay.lines == [
        "harbour collecting",
        "harbour retrying after Overloaded",
        "harbour collecting (attempt 2)",
        "harbour stored",
        "run collecting 1 site as run-1",
        "harbour accepted, 5 candidates",
        "run closed: 1 accepted, 0 missed",
    ]


@pytest.mark.parametrize("error", ["RateLimited", "Overloaded", "NetworkError", "ModelTimeout", "Sandbox.Timedout"])
def test_the_network_bucket_is_retried_twice_and_then_stored_as_failed(error: str) -> None:
    replay = Replay("harbour")
    for attempt in range(3):
        assert replay.state("harbour") in {"waiting", "retrying"}
        replay.failed(replay.asked("harbour", attempt), error)
    assert replay.state("harbour") == "failed"
    replay.stored("harbour")
    assert replay.lines[-1] == f"harbour stored as failed: {error}"


def test_a_waiting_retry_counts_down_and_shows_why() -> None:
    replay = Replay("harbour")
    assert re.match(r"  harbour  waiting", replay.rows()[1])
    call = replay.asked("harbour")
    assert re.match(r"[⠁-⣿] harbour  collecting +\d+\.\d s", replay.rows()[1])
    replay.failed(call, "Overloaded")
    replay.waits("harbour", "Overloaded", 100)
    assert re.match(r"[⠁-⣿] harbour  retrying in \d+ s, after Overloaded", replay.rows()[1])
    replay.waits("harbour", "Overloaded", 0)
    assert "harbour  retrying after Overloaded" in replay.rows()[1]
    assert replay.lines == ["harbour collecting", "harbour retrying after Overloaded"]


def test_a_call_that_timed_out_in_the_state_machine_waits_for_its_retry_too() -> None:
    replay = Replay("harbour")
    replay.asked("harbour")
    replay.waits("harbour", "States.Timeout", 100)
    assert re.search(r"retrying in \d+ s, after States.Timeout", replay.rows()[1])
    assert replay.lines[-1] == "harbour retrying after States.Timeout"


@pytest.mark.parametrize("sites", [2, 9_999])
def test_at_80_columns_the_time_left_is_shown(sites: int) -> None:
    names = [f"site-{number:04}" for number in range(sites)]
    replay = Replay(*names)
    replay.planned([{"site_id": name} for name in names])
    replay.progress.phase = f"collecting {sites} sites as manual-20261124T234730Z-8464-and-longer-names-still"
    replay.progress.regenerating = sites // 2
    replay.progress.rate_limited = 1_234
    replay.paced(left=sites, why="a start with 38: run manual-20261124T234730Z-8464 could have 48 branches")
    replay.answered(replay.asked(names[0], at=0))
    replay.stored(names[0], at=10)
    rows = replay.rows(width=80)
    assert re.search(r"stored, 0 of [\d,]+ again · about (\d+ s|\d+ h \d+ min|\d+ d( \d+ h)?) left", rows[-1]), rows[-1]
    assert max(map(len, rows)) <= 80


def test_a_rejected_request_is_not_retried() -> None:
    replay = Replay("harbour")
    replay.failed(replay.asked("harbour"), "RequestRejected")
    assert replay.state("harbour") == "failed"


def test_a_task_that_timed_out_in_the_state_machine_is_named_by_its_outcome() -> None:
    replay = Replay("harbour")
    replay.asked("harbour")
    replay.stored("harbour", failure={"caught": {"Error": "States.Timeout"}})
    assert replay.lines[-1] == "harbour stored as failed: States.Timeout"


def test_a_late_answer_of_an_abandoned_call_changes_nothing() -> None:
    replay = Replay("harbour")
    abandoned = replay.asked("harbour")
    second = replay.asked("harbour", attempt=1)
    replay.failed(abandoned, "NetworkError")
    assert replay.state("harbour") == "collecting"
    replay.answered(second)
    replay.stored("harbour")
    replay.answered(abandoned)
    assert replay.state("harbour") == "stored"


def test_every_429_is_counted() -> None:
    replay = Replay("harbour")
    for attempt in range(3):
        replay.failed(replay.asked("harbour", attempt), "RateLimited")
    assert replay.progress.rate_limited == 3


def test_regeneration_shows_what_was_wrong_and_has_its_own_count() -> None:
    replay = Replay("harbour", "orchard")
    for site in ("harbour", "orchard"):
        replay.answered(replay.asked(site))
        replay.stored(site)
    replay.put("round-2/items.json", [{"site_id": "orchard", "violation": "no\x1b JSON"}])
    assert "orchard to be regenerated: no JSON" in replay.lines
    replay.asked("orchard", round_=2)
    assert replay.lines[-1] == "orchard regenerating"
    assert any("2 of 2 stored, 0 of 1 again" in row for row in replay.rows())
    assert any(re.match(r"[⠁-⣿] orchard  regenerating +\d+\.\d s", row) for row in replay.rows())


def test_a_dead_run_is_reported_and_its_census_is_not_this_runs() -> None:
    replay = Replay()
    replay.progress.observe(Event("returned", "Planner", "1", {"status": "dead_run", "run_id": "manual-1"}))
    replay.closed("manual-1", harbour=None, orchard=("unknown", "Unaccounted"))
    assert replay.progress.dead_runs == ["manual-1"]
    assert replay.lines == [
        "run closing run manual-1, which stopped before it finished",
        "run closed run manual-1: 1 accepted, 1 missed",
    ]
    assert replay.progress.sites == {}


def test_with_more_sites_than_lines_the_interesting_ones_are_shown() -> None:
    replay = Replay(*(f"site-{number:04}" for number in range(2_000)))
    replay.paced()
    replay.failed(replay.asked("site-1999"), "Overloaded")
    replay.asked("site-1998")
    replay.failed(replay.asked("site-1997"), "AccessDenied")
    rows = replay.rows(height=10)
    assert len(rows) == 9
    assert [row.split()[1] for row in rows[2:4]] == ["site-1999", "site-1998"]
    assert "site-1997" in rows[4]
    assert "… and 1,995 others: 1,995 waiting" in rows[-2]
    assert "0 of 2,000 stored" in rows[-1]


def test_times_have_minutes_and_counts_have_separators() -> None:
    sites = [f"site-{number:04}" for number in range(1_200)]
    replay = Replay(*sites)
    replay.asked("site-0000")
    replay.progress.started -= 200
    replay.progress.sites["site-0000"].since -= 83
    rows = replay.rows()
    assert any("collecting 1 min 23 s" in row for row in rows)
    assert rows[-1].endswith(" 3 min 20 s")
    replay.planned([{"site_id": name} for name in sites])
    replay.closed("run-1", **dict.fromkeys(sites))
    assert replay.lines[-1] == "run closed: 1,200 accepted, 0 missed"
    replay.closed("manual-1", **dict.fromkeys(sites))
    assert replay.lines[-1] == "run closed run manual-1: 1,200 accepted, 0 missed"


def test_no_row_is_wider_than_the_terminal() -> None:
    replay = Replay("a" * 63)
    replay.put("round-2/items.json", [{"site_id": "a" * 63, "violation": "candidate 1, title: Field required; " * 9}])
    assert max(map(len, replay.rows(width=60))) <= 60


def test_markup_in_a_reason_is_text() -> None:
    replay = Replay("harbour")
    replay.put("round-2/items.json", [{"site_id": "harbour", "violation": "[red]not[/red] \x1b[31mred"}])
    assert "to be regenerated: [red]not[/red] [31mred" in replay.rows()[1]


def test_a_site_without_a_row_costs_almost_nothing() -> None:
    def cost(sites: int) -> int:
        replay = Replay(*(f"site-{number:04}" for number in range(sites)))
        replay.rows()  # fills the caches
        with steps() as taken:
            replay.rows()
        return taken.count

    a_row = (cost(20) - cost(10)) / 10
    assert a_row > 100
    assert (cost(2_000) - cost(200)) / 1_800 < 3  # five times a second


def test_tokens_and_cost_are_counted_as_answers_come() -> None:
    replay = Replay("harbour", "orchard")
    replay.planned([])
    assert replay.progress.cost_usd() == 0
    replay.answered(replay.asked("harbour"))
    replay.stored("harbour")
    assert replay.progress.sites["harbour"].tokens == 300
    assert replay.progress.cost_usd() == (100 * 2 + 200 * 10) / 1_000_000
