"""Real or simulated, and what a person is told about it."""

from pathlib import Path
from typing import Any

import pytest

from infra.messages_api.endpoint import BASE_URL_PATTERN, NO_KEY, Endpoint, Simulation, choose_endpoint
from nightfold.errors import InvalidInput

KEY = {"ANTHROPIC_API_KEY": " sk-ant-1\n"}
ROOT = Path(__file__).parents[4]


def choose(environment: dict[str, str], default_scenario: Path | None = None, **asked: Any) -> Endpoint:
    return choose_endpoint(environment, Simulation(**asked), default_scenario=default_scenario)


def test_with_a_key_the_world_is_real() -> None:
    endpoint = choose(KEY)
    assert (endpoint.simulated, endpoint.key, endpoint.base_url) == (False, "sk-ant-1", "https://api.anthropic.com")
    assert "sk-ant" not in endpoint.notice
    with endpoint.open() as url:
        assert url == "https://api.anthropic.com"


def test_another_base_url_loses_its_trailing_slash() -> None:
    assert choose(KEY | {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787/"}).base_url == "http://127.0.0.1:8787"


@pytest.mark.parametrize("environment", [{}, {"ANTHROPIC_API_KEY": ""}, {"ANTHROPIC_API_KEY": " \n"}])
def test_without_a_key_the_world_is_simulated_and_says_so(environment: dict[str, str]) -> None:
    endpoint = choose(environment)
    assert endpoint.simulated
    assert endpoint.notice == NO_KEY


def test_a_base_url_without_a_key_is_not_dropped_in_silence() -> None:
    assert "ANTHROPIC_BASE_URL is set, but not used" in choose({"ANTHROPIC_BASE_URL": "http://gateway"}).notice


@pytest.mark.parametrize("asked", [{"asked_for": True}, {"scenario_file": ROOT / "events/scenario.json"}])
def test_who_asks_for_a_simulation_gets_one_with_a_key_too(asked: dict[str, Any]) -> None:
    endpoint = choose(KEY, **asked)
    assert (endpoint.simulated, endpoint.key) == (True, "simulated")


def test_a_scenario_file_goes_before_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"sites": {"harbour": [529]}}')
    endpoint = choose({}, scenario_file=tmp_path / "own.json", default_scenario=ROOT / "events/scenario.json")
    assert endpoint.scenario is not None
    assert list(endpoint.scenario.sites) == ["harbour"]


def test_a_scenario_says_how_fast_its_world_is_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"speed": 5}')
    assert choose({}, scenario_file=tmp_path / "own.json").speed == 5
    assert choose({}, scenario_file=tmp_path / "own.json", speed=2).speed == 2
    assert choose({}).speed == 1


def test_a_scenario_with_two_faults_is_still_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"sites": {"harbour": ["what"]}, "colour": 1}')
    with pytest.raises(InvalidInput) as refused:
        choose({}, scenario_file=tmp_path / "own.json")
    assert "sites.harbour.0" in str(refused.value)
    assert "colour" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_pattern_of_a_base_url_is_the_templates() -> None:
    template = (ROOT / "template.yaml").read_text().replace("\\\\", "\\")
    assert 'AllowedPattern: "^https?://[^\\s]+[^/]$"' in template
    assert BASE_URL_PATTERN == r"https?://\S+[^/\s]"
