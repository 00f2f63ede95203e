"""The choice between real and simulated API, and what the user reads about it."""

from pathlib import Path
from typing import Any

import pytest

from infra.messages_api.endpoint import BASE_URL_PATTERN, NO_KEY, Endpoint, Simulation, choose_endpoint, shown_url
from nightfold.errors import InvalidInput

KEY = {"ANTHROPIC_API_KEY": " sk-ant-1\n"}
ROOT = Path(__file__).parents[4]


def choose(environment: dict[str, str], default_scenario: Path | None = None, **asked: Any) -> Endpoint:
    return choose_endpoint(environment, Simulation(**asked), default_scenario=default_scenario)


def test_with_a_key_the_api_is_real() -> None:
    endpoint = choose(KEY)
    assert (endpoint.simulated, endpoint.key, endpoint.base_url) == (False, "sk-ant-1", "https://api.anthropic.com")
    assert "sk-ant" not in endpoint.notice
    with endpoint.open() as url:
        assert url == "https://api.anthropic.com"


def test_another_base_url_loses_its_trailing_slash() -> None:
    assert choose(KEY | {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787/"}).base_url == "http://127.0.0.1:8787"


@pytest.mark.parametrize("environment", [{}, {"ANTHROPIC_API_KEY": ""}, {"ANTHROPIC_API_KEY": " \n"}])
def test_without_a_key_the_api_is_simulated_and_the_user_knows(environment: dict[str, str]) -> None:
    endpoint = choose(environment)
    assert endpoint.simulated
    assert endpoint.notice == NO_KEY


def test_a_base_url_without_a_key_is_not_ignored_silently() -> None:
    assert "ANTHROPIC_BASE_URL is set, but not used" in choose({"ANTHROPIC_BASE_URL": "http://gateway"}).notice


@pytest.mark.parametrize("asked", [{"asked_for": True}, {"scenario_file": ROOT / "events/scenario.json"}])
def test_simulate_gives_a_simulation_even_with_a_key(asked: dict[str, Any]) -> None:
    endpoint = choose(KEY, **asked)
    assert (endpoint.simulated, endpoint.key) == (True, "simulated")


def test_a_scenario_file_replaces_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"sites": {"harbour": [529]}}')
    endpoint = choose({}, scenario_file=tmp_path / "own.json", default_scenario=ROOT / "events/scenario.json")
    assert endpoint.scenario is not None
    assert list(endpoint.scenario.sites) == ["harbour"]


def test_a_scenario_sets_the_speed_unless_an_option_does(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@gateway.example/v1x",
        "https://hunter2@gateway.example",
        "https://user:p@ss/hunter2@gateway.example",
        "https://gateway.example?token=hunter2",
        "https://gateway.example/x#hunter2",
    ],
)
def test_a_password_in_the_base_url_is_used_and_never_shown(url: str) -> None:
    endpoint = choose(KEY | {"ANTHROPIC_BASE_URL": url})
    assert endpoint.base_url == url
    assert "hunter2" not in endpoint.notice
    assert "gateway.example" in endpoint.notice


@pytest.mark.parametrize(
    "url", ["ftp://user:hunter2@gateway", "user:hunter2@gateway", "https://user:hunter2@", "https://u:hunter2@[::1"]
)
def test_a_base_url_that_is_refused_shows_no_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="ANTHROPIC_BASE_URL") as refused:
        choose(KEY | {"ANTHROPIC_BASE_URL": url})
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in shown_url(url)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://gateway.example:8080", True),
        ("http://10.0.0.7", True),
        ("http://127.0.0.1:8787", False),
        ("http://localhost:8787", False),
        ("http://[::1]:8787", False),
        ("https://gateway.example", False),
    ],
)
def test_a_key_that_would_be_sent_unencrypted_causes_a_warning(url: str, warned: bool) -> None:
    assert ("Warning: http:// sends your key" in choose(KEY | {"ANTHROPIC_BASE_URL": url}).notice) == warned
