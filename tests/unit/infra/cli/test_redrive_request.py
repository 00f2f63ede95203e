"""infra/cli/redrive_request.py: what a redrive would run, and its dry run."""

from pathlib import Path

import pytest

from infra.cli.laptop import Laptop
from infra.cli.plan_text import before_it_starts, redrive_as_text
from infra.cli.redrive_request import request_redrive
from infra.cli.run_request import Selection, request_run
from infra.cli.unfinished_runs import UnfinishedRun
from infra.state.lock import in_use
from infra.state.queued_misses import MAX_RECEIVES
from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from tests.unit.examples import answered
from tests.unit.infra.state.test_queued_misses import miss, put

SITES = Path(__file__).parents[4] / "events" / "sites.json"
ALL = Selection(SITES)


def test_a_redrive_takes_one_branch_for_each_site_and_leaves_worn_out_messages(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour"))
    put(tmp_path, "MissQueue", "b", miss("harbour", attempts=2))
    put(tmp_path, "MissQueue", "c", miss("orchard"), received=MAX_RECEIVES)
    put(tmp_path, "MissQueue", "d", "hello")
    put(tmp_path, "MissQueue", "e", miss("gone"))
    request = request_redrive(Laptop(tmp_path), {})
    assert [site.site_id for site in request.plan.sites] == ["harbour"]
    assert len(request.plan.unrecognized) == 1
    text = "\n".join(redrive_as_text(request, Laptop(tmp_path), 80))
    assert "1 message would be parked: not misses of Nightfold." in text
    assert "1 site can no longer be asked, and would be parked." in text
    assert "Worst case: 6 calls" in text


def test_a_redrive_without_misses_is_reported(tmp_path: Path) -> None:
    assert redrive_as_text(request_redrive(Laptop(tmp_path), {}), Laptop(tmp_path), 80) == [
        "No site would run: no miss is waiting."
    ]


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        (
            False,
            "redrive: 2 simulated misses left in the queue: .*: .*nightfold redrive --simulate --state-dir ",
        ),
        (True, "redrive: 2 real misses left in the queue: .* To collect: export ANTHROPIC_API_KEY="),
    ],
)
def test_a_redrive_takes_only_misses_of_its_own_kind(tmp_path: Path, simulated: bool, words: str) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", simulated=not simulated))
    put(tmp_path, "MissQueue", "b", miss("orchard", simulated=not simulated))
    with pytest.raises(InvalidInput, match=words):
        request_redrive(Laptop(tmp_path), {}, simulated=simulated)
    put(tmp_path, "MissQueue", "c", miss("lantern", simulated=simulated))
    request = request_redrive(Laptop(tmp_path), {}, simulated=simulated)
    assert [site.site_id for site in request.plan.sites] == ["lantern"]
    headline, *_, notice = "\n".join(before_it_starts(request, Laptop(tmp_path))).split("\n")
    assert headline.startswith("1 site, 1 at once")
    assert notice.startswith("2 ")


def test_a_redrive_repeats_the_settings_of_the_missed_run_under_its_own(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", overrides={"max_concurrency": 2, "entries": 3}))
    plan = request_redrive(Laptop(tmp_path), {"entries": 7}).plan
    assert (plan.configuration.max_concurrency, plan.configuration.entries) == (2, 7)


def test_a_simulated_redrive_has_a_timeout_for_its_own_speed(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", simulated=True, overrides={"request_timeout_s": 2}))
    assert request_redrive(Laptop(tmp_path), {}, simulated=True).plan.configuration.request_timeout_s == 120


def test_a_redrive_before_the_first_run_takes_the_list_of_the_state_directory(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour"))
    (tmp_path / "sites.json").write_text('[{"site_id": "harbour", "domain": "other.example"}]')
    assert [site.domain for site in request_redrive(Laptop(tmp_path), {}).plan.sites] == ["other.example"]


def died(state_dir: Path, answers: dict[str, str]) -> Plan:
    """A run that stored these answers before its process was killed."""
    plan = request_run(Laptop(state_dir), ALL, {}).plan
    run = state_dir / "runs" / plan.run_id
    outcomes = run / "round-1" / "outcomes"
    outcomes.mkdir(parents=True)
    (run / "plan.json").write_text(plan.model_dump_json())
    for site, text in answers.items():
        (outcomes / f"{site}.json").write_text(answered(plan.run_id, site, text).model_dump_json())
    return plan


def test_a_redrive_collects_what_a_dead_run_had_not(tmp_path: Path) -> None:
    plan = died(tmp_path, {"harbour": '[{"title": "A title", "angle": "An angle"}]', "orchard": "not JSON"})
    request = request_redrive(Laptop(tmp_path), {})
    assert [site.site_id for site in request.plan.sites] == ["orchard", "lantern", "meadow"]
    text = "\n".join(redrive_as_text(request, Laptop(tmp_path), 80))
    assert f"Run {plan.run_id} stopped before it finished and would be closed first: 2 of 4 outcomes stored." in text


def test_a_closed_run_is_not_unfinished(tmp_path: Path) -> None:
    plan = died(tmp_path, {})
    assert [run.run_id for run in Laptop(tmp_path).open_runs() if isinstance(run, UnfinishedRun)] == [plan.run_id]
    (tmp_path / "runs" / plan.run_id / "summary.json").write_text("{}")
    assert list(Laptop(tmp_path).open_runs()) == []


def test_a_missing_state_directory_is_not_in_use(tmp_path: Path) -> None:
    assert not in_use(tmp_path / "nowhere")
