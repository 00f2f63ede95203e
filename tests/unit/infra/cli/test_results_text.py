"""The text after a run: bounded, escaped, and with the next step."""

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.cli.interrupts import interruptible
from infra.cli.invocation import program
from infra.cli.laptop import Laptop
from infra.cli.local_run import LocalRunner
from infra.cli.progress import Progress
from infra.cli.results_text import as_json, as_text, census_line, dead_runs, next_steps, without_census
from infra.cli.run_request import Selection, request_run
from infra.cli.run_result import RunResult
from infra.messages_api.endpoint import Endpoint
from infra.messages_api.scenario import Scenario
from nightfold.contract import Summary


def summary(accepted: int, missed: int = 0, **more: Any) -> Summary:
    good = [
        {"site_id": f"good-{n}", "accepted": True, "entries": 5, "reason": None, "error": None, "rounds": 1}
        for n in range(accepted)
    ]
    bad = [
        {
            "site_id": f"bad-{n}",
            "accepted": False,
            "entries": 0,
            "reason": "network",
            "error": "Overloaded",
            "rounds": 1,
        }
        for n in range(missed)
    ]
    fields = {
        "run_id": "run-1",
        "mode": "collect",
        "status": "complete" if not missed else "partial" if accepted else "failed",
        "planned": accepted + missed,
        "accepted": accepted,
        "missed": {"network": missed},
        "regenerated": 0,
        "model_calls": accepted + 3 * missed,
        "rate_limited": 0,
        "tokens": {"input": 10, "output": 20},
        "cost_usd": 0.01,
        "started_at": datetime.now(UTC),
        "duration_s": 1.5,
        "sites": good + bad,
    }
    return Summary.model_validate(fields | more)


@pytest.mark.parametrize(
    ("how", "accepted", "missed", "code"),
    [
        ("closed", 4, 0, 0),
        ("closed", 3, 1, 2),
        ("closed", 0, 4, 1),
        ("nothing", 0, 0, 0),
        ("stopped", 4, 0, 1),  # by somebody else: test_command_interrupts has those that a signal stopped
        ("left", 4, 0, 1),
        ("refused", 0, 0, 64),
    ],
)
def test_the_exit_code_shows_how_a_run_ended(how: Any, accepted: int, missed: int, code: int) -> None:
    assert RunResult("run-1", how, summary=summary(accepted, missed)).exit_code == code


def test_a_run_without_a_census_failed() -> None:
    assert RunResult("run-1", "broken").exit_code == 1


def test_the_census_adds_up_in_words() -> None:
    assert census_line(summary(3, 1)) == "partial: planned 4 = accepted 3 + missed 1 (network 1)"


def test_many_sites_are_counted_and_few_shown(tmp_path: Path) -> None:
    lines = as_text(summary(1_000, 500), Laptop(tmp_path), 80)
    assert len(lines) < 40
    assert "… and 995 more sites with 4,975 candidates" in lines
    assert "… and 480 more misses: network, Overloaded 480" in lines
    assert any("cost: $0.0100" in line for line in lines)


def test_what_the_model_wrote_is_shown_and_does_not_control_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run-1" / "results"
    folder.mkdir(parents=True)
    titles = ["\x1b[2J[red]boo[/red]", *(f"Title {n}" for n in range(20))]
    entries = [{"title": title, "angle": "An angle"} for title in titles]
    stored = {"run_id": "run-1", "site_id": "good-0", "question": "article_candidates", "round": 1, "entries": entries}
    (folder / "good-0.json").write_text(json.dumps(stored))
    (tmp_path / "runs" / "run-1" / "misses.jsonl").write_text(
        json.dumps({"site": {"site_id": "bad-0"}, "message": "529 \u202egnp.exe \x07"}) + "\n"
    )
    lines = as_text(summary(1, 1), Laptop(tmp_path), None)
    assert "        - [2J[red]boo[/red]" in lines
    assert "        … and 13 more" in lines
    assert "bad-0   missed: network, Overloaded: 529 gnp.exe" in lines


def test_the_next_step_has_the_state_directory() -> None:
    text = "\n".join(next_steps(summary(1, 1), Laptop(Path("else where"))))
    assert "else where/runs/run-1/results/" in text
    assert f"next       {program()} redrive --state-dir 'else where'  (" in text


def test_a_redrive_that_asks_no_site_reports_why(tmp_path: Path) -> None:
    settled = summary(0, 0, settled=[{"site_id": "harbour", "accepted_in": "run-2"}], unlisted=["gone"])
    assert as_text(settled, Laptop(tmp_path), 80)[2:] == [
        "No site was asked.",
        "harbour was accepted after the miss, by run-2, and not asked again.",
        "gone can no longer be asked, and is parked.",
    ]
    assert f"misses     {program()} misses --state-dir {tmp_path}" in next_steps(settled, Laptop(tmp_path))


@pytest.mark.parametrize(
    ("attempts", "lines"),
    [
        ([1, 1], ["next       nightfold redrive"]),
        ([3, 1], ["next       nightfold redrive", "parked     nightfold unpark"]),
        ([3, 3], ["parked     nightfold unpark"]),
    ],
)
def test_a_redrive_is_suggested_only_for_misses_that_are_not_parked(
    attempts: list[int], lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cli.laptop.suggest", lambda command, _: f"nightfold {command}")
    (tmp_path / "runs" / "run-1").mkdir(parents=True)
    misses = [json.dumps({"site": {"site_id": "bad"}, "message": "", "attempts": each}) for each in attempts]
    (tmp_path / "runs" / "run-1" / "misses.jsonl").write_text("\n".join(misses))
    steps = next_steps(summary(0, 2), Laptop(tmp_path))
    assert [step.partition("  (")[0] for step in steps if step.startswith(("next", "parked"))] == lines


def test_paths_are_those_of_the_users_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With `make -C` the shell is in another folder than the process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path.parent))
    text = "\n".join(next_steps(summary(1, 1), Laptop(Path("state"))))
    assert f"results --state-dir {tmp_path}/state  ({tmp_path}/state/runs/run-1/results/)" in text
    assert f"redrive --state-dir {tmp_path}/state" in text
    result = RunResult("run-1", "broken", planned=4, stored=3)
    assert f"Kept: 3 of 4 outcomes, under {tmp_path}/state/runs/run-1." in "\n".join(
        without_census(result, Laptop(Path("state")))
    )


def test_the_json_has_the_keys_of_the_design_and_no_others() -> None:
    document = json.loads(as_json(summary(1, 1)))
    assert document["missed"] == {"network": 1, "schema": 0, "unknown": 0}
    assert " ".join(document) == (
        "run_id status question planned accepted missed not_attempted regenerated model_calls rate_limited tokens "
        "cost_usd duration_s waves sites"
    )
    assert {key for site in document["sites"] for key in site} == {
        *("site_id", "accepted", "entries", "reason", "error", "rounds")
    }


def test_a_broken_run_names_its_error_and_what_to_do() -> None:
    result = RunResult("run-1", "broken", error="States.Timeout", cause="6 h\x1b are over", planned=4, stored=3)
    text = "\n".join(without_census(result, Laptop(Path("state"))))
    assert "The run failed: States.Timeout: 6 h are over" in text
    assert "Kept: 3 of 4 outcomes, under state/runs/run-1." in text
    assert f"`{program()} redrive --state-dir state` closes this run and collects the rest." in text


def test_a_run_that_never_had_a_plan_reports_that_nothing_was_paid() -> None:
    text = "\n".join(without_census(RunResult("run-1", "broken", error="AwsUnavailable"), Laptop(Path("state"))))
    assert "Nothing was paid. AwsUnavailable" in text
    assert "state/logs" in text


def test_a_dead_run_is_reported_with_its_census() -> None:
    (text,) = dead_runs(RunResult("run-1", "closed", dead_runs=[summary(3, 1)]))
    assert text.endswith("3 of 4 sites accepted from the stored outcomes, 1 collected again.")


def test_what_stopped_the_run_comes_first_and_what_was_not_attempted_is_only_counted(tmp_path: Path) -> None:
    tried = summary(0, 4)
    unbegun = [
        tried.sites[0].model_copy(update={"site_id": f"unbegun-{n}", "error": "NotAttempted", "reason": "unknown"})
        for n in range(9_996)
    ]
    wave = {"round": 1, "wave": 2, "sites": 0, "max_concurrency": 1, "why": "the API refused the key: check it \x1b"}
    changed = {"planned": 10_000, "not_attempted": 9_996, "waves": [wave], "sites": [*tried.sites, *unbegun]}
    stopped = Summary.model_validate(tried.model_dump() | changed)
    lines = as_text(stopped, Laptop(tmp_path), 80)
    assert len(lines) < 20
    assert " ".join(lines[1:3]) == (
        "The run stopped early, and 9,996 of 10,000 sites were not attempted: the API refused the key: check it."
    )
    assert "… and 9,996 more misses: unknown, NotAttempted 9,996" in lines
    assert json.loads(as_json(stopped))["waves"] == [wave]


def test_a_morning_over_two_questions_counts_each_sites_own_entries() -> None:
    both = summary(2)
    sites = [both.sites[0], both.sites[1].model_copy(update={"question": "articles_to_refresh", "entries": 3})]
    text = "\n".join(as_text(both.model_copy(update={"sites": sites}), Laptop(Path("state")), 80))
    assert "good-0  accepted, 5 candidates\n" in text
    assert "good-1  accepted, 3 articles\n" in text
    many = [site.model_copy(update={"site_id": f"s{n}"}) for n, site in enumerate(sites * 4)]
    text = "\n".join(as_text(summary(8).model_copy(update={"sites": many}), Laptop(Path("state")), 80))
    assert "… and 3 more sites with 11 entries\n" in text


def test_a_signal_while_the_cloud_is_deployed_stops_a_run_that_has_collected_nothing(tmp_path: Path) -> None:
    at = Laptop(tmp_path)
    stop = Progress(changed=lambda *_: signal.raise_signal(signal.SIGTERM))
    with interruptible():
        result = LocalRunner(at, Endpoint("", scenario=Scenario())).run(
            request_run(at, Selection(), {}), stop, pytest.fail
        )
        assert (stop.phase, result.exit_code) == ("deploying template.yaml into the embedded cloud", 143)
    with interruptible():
        pass  # the signal is forgotten
    assert without_census(result, at) == ["Stopped before anything was collected."]
