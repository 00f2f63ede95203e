"""Waves against a Messages API that keeps its own accounts: what a run is stopped by, what it spends, how it grows."""

import json
from collections import Counter
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.lambdas import sandbox
from tests.integration.command_line import nightfold, site_list
from tests.support.clouds import PATIENCE_S, cloud_at, put_sites
from tests.support.faults import Fault, Refuse
from tests.support.independent_api import BROKEN, GOOD, Answer, IndependentAPI, good
from tests.support.ledger import Ledger

CEILING_USD = 0.5


def run(folder: Path, api: IndependentAPI, sites: int, *more: str) -> tuple[int, Any]:
    """Its exit code and its summary."""
    listed = site_list(folder / "sites.json", [f"site-{number:03}" for number in range(sites)])
    given: tuple[str | Path, ...] = ("--sites", listed, "--state-dir", folder / "state", *more)
    done = nightfold("run", *given, ANTHROPIC_API_KEY="sk-test", ANTHROPIC_BASE_URL=api.url)
    [summary] = (folder / "state" / "runs").glob("*/summary.json")
    return done.code, json.loads(summary.read_text())


def errors(summary: Any) -> Counter[str]:
    return Counter(site["error"] for site in summary["sites"] if not site["accepted"])


def test_a_wrong_key_costs_one_wave_and_a_redrive_takes_every_site(tmp_path: Path) -> None:
    with IndependentAPI(refuse=401) as api:
        code, night = run(tmp_path, api, 500)
        assert (code, night["status"], night["planned"]) == (1, "failed", 500)
        assert api.calls == errors(night)["AccessDenied"] <= 8
        assert errors(night)["NotAttempted"] == night["not_attempted"] == 500 - api.calls
        waiting = nightfold("misses", "--json", "--state-dir", tmp_path / "state").json
        assert Counter(miss["attempts"] for miss in waiting) == {1: api.calls, 0: 500 - api.calls}
        assert "check it and the account" in next(miss["message"] for miss in waiting if not miss["attempts"])

        api.refuse = None
        real = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": api.url}
        morning = nightfold("redrive", "--json", "--state-dir", tmp_path / "state", **real)
        assert (morning.code, morning.json["planned"], morning.json["accepted"]) == (0, 500, 500)
        assert api.statuses[200] == 500
    assert nightfold("misses", "--json", "--state-dir", tmp_path / "state").json == []
    Ledger.read(tmp_path / "state").check()


def often_broken(number: int) -> tuple[str, int]:
    """Every third answer breaks the contract, and so does its regeneration now and then."""
    return (BROKEN if number % 3 == 0 else GOOD), 500


def uneven(number: int) -> tuple[str, int]:
    """One answer of five needs more tokens than it may have: what it got is billed, and it is regenerated with more."""
    return GOOD, 100_000 if number % 5 == 0 else 200 + number % 7 * 150


@pytest.mark.parametrize(
    ("answer", "concurrency"),
    [(good, "auto"), (often_broken, "auto"), (uneven, "auto"), (uneven, "8")],
    ids=["good", "often broken", "uneven", "uneven, 8 at once"],
)
def test_what_the_api_bills_never_passes_the_ceiling(answer: Answer, concurrency: str, tmp_path: Path) -> None:
    more = ("--set", f"cost_ceiling_usd={CEILING_USD}", "--concurrency", concurrency)
    with IndependentAPI(answer=answer) as api:
        code, night = run(tmp_path, api, 200, *more)
    assert code == 2
    assert CEILING_USD / 2 < api.usd <= CEILING_USD
    assert night["cost_usd"] == pytest.approx(api.usd, abs=1e-5)
    assert night["accepted"] >= 10
    assert night["not_attempted"] == errors(night)["NotAttempted"] >= 10
    assert "the other sites need a higher ceiling" in night["waves"][-1]["why"]


def test_a_rejected_model_costs_two_waves(tmp_path: Path) -> None:
    with IndependentAPI(refuse=404) as api:
        code, night = run(tmp_path, api, 100)
    begun = [wave for wave in night["waves"] if wave["sites"]]
    assert (code, len(begun)) == (1, 2)
    assert api.calls == sum(wave["sites"] for wave in begun) == errors(night)["RequestRejected"] <= 12
    assert errors(night)["NotAttempted"] == 100 - api.calls


def test_auto_grows_to_what_the_account_carries(tmp_path: Path) -> None:
    """600 requests a minute with answers of 2 s, four times as fast: the account carries 20 at once. Compared are the
    rounds of branches that a run takes, which no machine makes longer; `make bench` compares the times."""
    faster = 4
    with IndependentAPI(per_minute=600 * faster, latency_s=2 / faster) as api:
        code, night = run(tmp_path, api, 300)
    assert (code, night["accepted"]) == (0, 300)
    assert api.statuses[429] <= 3
    waves = night["waves"]
    assert sum(wave["sites"] for wave in waves) == 300
    rounds = sum(ceil(wave["sites"] / wave["max_concurrency"]) for wave in waves if wave["sites"])
    assert rounds < 300 / 4 / 2
    assert max(wave["max_concurrency"] for wave in waves) >= 16


@pytest.mark.parametrize("good_waves", [0, 1])
def test_after_a_map_that_fails_as_a_whole_no_wave_begins(good_waves: int, tmp_path: Path) -> None:
    def items_cannot_be_read(service: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        by_the_machine = sandbox.running() is None and (service, operation) == ("s3", "GetObject")
        later = f"wave-{good_waves + 1}/items.json" in str(parameters.get("Key"))
        return Refuse(403, "AccessDenied") if by_the_machine and later else None

    with IndependentAPI() as api, cloud_at(tmp_path, api.url, faults=items_cannot_be_read) as cloud:
        put_sites(cloud, [f"site-{number:02}" for number in range(40)])
        ended = cloud.wait(cloud.start({}, name="night"), timeout=PATIENCE_S)
        summary = json.loads((tmp_path / "runs/night/summary.json").read_text())
        began = sum(wave["sites"] for wave in summary["waves"])
        assert ended.status == ("SUCCEEDED" if good_waves else "FAILED")
        assert summary["accepted"] == api.calls == (4 if good_waves else 0)
        assert summary["planned"] == 40 == summary["accepted"] + sum(summary["missed"].values())
        assert summary["not_attempted"] == 40 - began
        assert errors(summary)["Unaccounted"] == began - api.calls > 0
        assert summary["waves"][-1]["why"] == "a whole wave left no outcome: the Map itself failed"
        Ledger.read(tmp_path).check()
