"""infra/cli/run_request.py: what a run is asked to do, and the plan that shows it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.cli.laptop import Laptop
from infra.cli.plan_text import as_json, as_text, before_it_starts
from infra.cli.run_request import Selection, request_run
from nightfold.amounts import duration
from nightfold.errors import InvalidInput
from nightfold.storage import PROFILE_KEY
from nightfold.waves import Carried, Profile

SITES = Path(__file__).parents[4] / "events" / "sites.json"
ALL = Selection(SITES)


def test_the_request_has_the_input_of_the_execution(tmp_path: Path) -> None:
    request = request_run(Laptop(tmp_path), ALL, {"max_concurrency": 2})
    assert request.execution_input == {"mode": "collect", "max_concurrency": 2}
    assert (request.at_once, request.tokens_each, request.site_list) == (2, 2_048, SITES.read_bytes())
    assert request.name.startswith("manual-20")
    assert request.name == request.plan.run_id


def test_the_request_is_narrowed_and_the_list_stays_whole(tmp_path: Path) -> None:
    request = request_run(Laptop(tmp_path), Selection(SITES, ["meadow", "harbour", "lantern"], 2), {})
    assert request.execution_input == {"mode": "collect", "only": ["meadow", "harbour", "lantern"], "limit": 2}
    assert [site.site_id for site in request.plan.sites] == ["harbour", "lantern"]
    assert request.site_list == SITES.read_bytes()
    with pytest.raises(InvalidInput, match=r"^--only: there is no site 'medow' in the list; the nearest is 'meadow'$"):
        request_run(Laptop(tmp_path), Selection(SITES, ["medow"]), {})


def test_a_stored_list_is_taken_unless_another_file_is_named(tmp_path: Path) -> None:
    assert len(request_run(Laptop(tmp_path), Selection(), {}).plan.sites) == 4  # the repository's
    (tmp_path / "sites.json").write_text('[{"site_id": "mine", "domain": "mine.example"}]')
    assert [site.site_id for site in request_run(Laptop(tmp_path), Selection(), {}).plan.sites] == ["mine"]
    assert len(request_run(Laptop(tmp_path), ALL, {}).plan.sites) == 4
    (tmp_path / "sites.json").write_text("{}")
    with pytest.raises(InvalidInput, match=f"^{tmp_path}/sites.json: the site list must be a JSON array"):
        request_run(Laptop(tmp_path), Selection(), {})


@pytest.mark.parametrize(("speed", "timeout_s"), [(0.1, 600), (7, 18), (1_000, 1)])
def test_at_a_higher_speed_requests_time_out_sooner(speed: float, timeout_s: int, tmp_path: Path) -> None:
    request = request_run(Laptop(tmp_path), ALL, {}, speed)
    assert request.execution_input["request_timeout_s"] == timeout_s


def test_the_plan_states_tokens_and_the_worst_case(tmp_path: Path) -> None:
    request = request_run(Laptop(tmp_path), ALL, {"max_concurrency": 2})
    document = json.loads(as_json(request))
    assert (document["planned"], document["branches_at_once"], document["max_tokens"]) == (4, 2, 2_048)
    assert {site["site_id"]: site["max_tokens"] for site in document["sites"]}["meadow"] == 1_024  # its own
    assert document["worst_case"]["model_calls"] == 24
    text = "\n".join(as_text(request, 80))
    assert "4 sites, 2 at once, 2,048 output tokens each, claude-sonnet-5-5" in text
    assert f"Expected: about {duration(round(document['expected']['minutes'] * 60))}, cost: $0.0224\n(assuming" in text
    assert "Nothing was started." in text


def test_with_auto_the_plan_states_the_most_at_once(tmp_path: Path) -> None:
    text = "\n".join(as_text(request_run(Laptop(tmp_path), ALL, {}), 80))
    assert "4 sites, auto (at most 4 at once), 2,048 output tokens each, claude-sonnet-5-5" in text


@pytest.mark.parametrize("simulated", [False, True])
def test_what_an_earlier_run_of_the_same_kind_measured_is_expected_again(simulated: bool, tmp_path: Path) -> None:
    measured = Carried(
        max_concurrency=9,
        latency_s=30,
        held_s=30,
        input_tokens=1_000,
        output_tokens=2_000,
        run_id="nightly-1",
        found_at=datetime.now(UTC),
    )
    profile = tmp_path / PROFILE_KEY
    profile.parent.mkdir()
    profile.write_text(Profile(models={"claude-sonnet-5-5": measured}).model_dump_json())
    expected = request_run(Laptop(tmp_path), ALL, {}, simulated=simulated).plan.expected
    assert expected is not None
    assert expected.basis.startswith("assuming" if simulated else "as run nightly-1 measured: 30 s, 1,000 input")


def test_a_number_that_is_too_small_for_its_sites_is_announced(tmp_path: Path) -> None:
    sites = tmp_path / "many.json"
    sites.write_text(json.dumps([{"site_id": f"s-{n}", "domain": "a.example"} for n in range(2_000)]))
    text = before_it_starts(request_run(Laptop(tmp_path), Selection(sites), {"max_concurrency": 1}), Laptop(tmp_path))
    lines = "\n".join(text).splitlines()
    assert "Not all sites: max_concurrency 1 allows about 987 of 2,000 sites in a run's 6" in lines
    assert max(map(len, lines)) <= 80


def test_a_plan_names_its_question_unless_it_is_the_default_one(tmp_path: Path) -> None:
    sites = Selection(SITES.with_name("sites-with-articles.json"))
    request = request_run(Laptop(tmp_path), sites, {"question": "articles_to_refresh"})
    for lines in (as_text(request, 80), [*before_it_starts(request, Laptop(tmp_path))]):
        assert "\nQuestion: articles_to_refresh (3 articles a site)" in "\n".join(lines)
    request = request_run(Laptop(tmp_path), sites, {"question": "articles_to_refresh", "entries": 1})
    assert "Question: articles_to_refresh (1 article a site)" in "\n".join(as_text(request, 80))
    assert "Question" not in "\n".join(as_text(request_run(Laptop(tmp_path), sites, {}), 80))
