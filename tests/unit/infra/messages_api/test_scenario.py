import json
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
from pydantic import ValidationError

from infra.messages_api.scenario import Latency, Scenario, ScenarioError, Step, parse_script, read_scenario

EVENTS = Path(__file__).parents[4] / "events"


def test_the_default_scenario_shows_a_retry_a_regeneration_and_a_miss() -> None:
    run = read_scenario(EVENTS / "scenario.json")
    assert {site: [step.do for step in script] for site, script in run.sites.items()} == {
        "harbour": ["ok"],
        "orchard": [529, "ok"],
        "lantern": ["wrong_shape", "ok"],
        "meadow": ["prose", "prose"],
    }
    assert 1 <= run.latency_s.median / run.speed <= 5
    assert run.latency_s.sigma > 0


def test_in_an_empty_scenario_every_call_succeeds_immediately() -> None:
    scenario = Scenario.model_validate({})
    assert (scenario.default, scenario.latency_s.draw(Random(0))) == ((Step(do="ok"),), 0)
    assert scenario.limits.requests_per_minute == 1_000


def test_a_step_is_a_name_a_status_or_an_object() -> None:
    script = parse_script(["ok", 529, {"do": 429, "retry_after_s": 7}, {"do": "slow", "latency_s": 2}, Step(do=500)])
    assert [step.do for step in script] == ["ok", 529, 429, "slow", 500]
    assert (script[2].retry_after_s, script[3].latency_s) == (7, 2)


@pytest.mark.parametrize(
    ("field", "scenario"),
    [
        ("schema_version", {"schema_version": 2}),
        ("sties", {"sties": {}}),
        ("sites.orchard.1.do", {"sites": {"orchard": [529, "okay"]}}),
        ("sites.orchard.0.do", {"sites": {"orchard": [418]}}),
        ("sites.orchard.0.do", {"sites": {"orchard": [True]}}),
        ("sites.orchard.0.latency", {"sites": {"orchard": [{"do": "slow", "latency": 3}]}}),
        ("sites.orchard.0.latency_s", {"sites": {"orchard": [{"do": "slow", "latency_s": -1}]}}),
        ("sites.orchard.0", {"sites": {"orchard": [{"do": "ok", "text": "[]"}]}}),
        ("sites.orchard.0", {"sites": {"orchard": ["text"]}}),
        ("sites.orchard.0", {"sites": {"orchard": [{"do": "ok", "retry_after_s": 1}]}}),
        ("sites.Orchard!", {"sites": {"Orchard!": ["ok"]}}),
        ("sites.orchard", {"sites": {"orchard": "ok"}}),
        ("default.0.do", {"default": ["fine"]}),
        ("latency_s.median", {"latency_s": -1}),
        ("latency_s.sigma", {"latency_s": {"median": 1, "sigma": "wide"}}),
        ("limits.requests_per_minute", {"limits": {"requests_per_minute": 0}}),
        ("output_tokens", {"output_tokens": 0}),
        ("speed", {"speed": 0}),
    ],
)
def test_a_bad_scenario_file_is_refused_with_the_name_of_the_field(
    tmp_path: Path, field: str, scenario: dict[str, Any]
) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(scenario))
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    assert str(caught.value).startswith(f"{path}: {field}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("fencd", "default.0.do: nothing is called 'fencd', did you mean 'fenced'?"),
        ("hung", "default.0.do: nothing is called 'hung', did you mean 'hang'?"),
        ("zzz", "default.0.do: nothing is called 'zzz'; known are ok, slow, fenced, "),
        (418, "default.0.do: must be 'ok', 'slow'"),
    ],
)
def test_the_nearest_word_is_suggested(tmp_path: Path, word: str | int, says: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"default": [word]}))
    with pytest.raises(ScenarioError) as caught:
        read_scenario(tmp_path / "run.json")
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: {says}")


def test_a_file_that_is_missing_or_not_valid_json_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"run\.json: No such file"):
        read_scenario(tmp_path / "run.json")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ScenarioError, match=r"run\.json: Invalid JSON"):
        read_scenario(tmp_path / "run.json")


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ({"site": {}}, "site: is not a known key, did you mean 'sites'?; known are schema_version, sites, default, "),
        (
            {"sites": {"a": [{"do": "ok", "texts": ""}]}},
            "texts: is not a known key, did you mean 'text'?; known are do, ",
        ),
        ({"default": [{"do": "ok", "x": 1}]}, "default.0.x: is not a known key; known are do, latency_s, "),
        ({"latency_s": {"median": 1, "x": 1}}, "latency_s.x: is not a known key; known are median, sigma"),
        ({"limits": {"x": 1}}, "limits.x: is not a known key; known are requests_per_minute, "),
    ],
)
def test_an_unknown_key_is_answered_with_the_known_ones(tmp_path: Path, scenario: dict[str, Any], says: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(scenario))
    with pytest.raises(ScenarioError) as caught:
        read_scenario(tmp_path / "run.json")
    assert says in str(caught.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"speed": 7}', "utf-8-sig")
    assert read_scenario(tmp_path / "run.json").speed == 7


def test_a_script_in_code_is_validated_like_one_in_a_file() -> None:
    with pytest.raises(ValidationError, match="Input should be 'ok'"):
        parse_script(["okay"])  # type: ignore[list-item]


def test_latencies_spread_around_their_median_and_are_the_same_for_the_same_seed() -> None:
    latency = Latency(median=3, sigma=0.4)
    drawn = [latency.draw(Random(seed)) for seed in range(500)]
    assert 2.7 < median(drawn) < 3.3
    assert min(drawn) < 2 < 4.5 < max(drawn)
    assert drawn == [latency.draw(Random(seed)) for seed in range(500)]


def test_ten_thousand_sites_are_read() -> None:
    sites = {f"site-{number}": [529, "ok"] for number in range(10_000)}
    assert len(Scenario.model_validate({"sites": sites}).sites) == 10_000
