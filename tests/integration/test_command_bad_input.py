"""Bad input: exit code 64 and one line that names the field. Nothing is started and nothing is paid."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cli.invocation import program
from infra.cli.laptop import Laptop
from infra.cli.local_run import run_locally
from infra.cli.main import main
from infra.cli.progress import Progress
from infra.cli.run_request import Selection, request_run
from infra.messages_api import MessagesAPI
from infra.messages_api.endpoint import Endpoint
from infra.messages_api.scenario import Scenario
from infra.state.directory import StateDirectory
from tests.integration.command_line import ROOT

A = {"site_id": "a", "domain": "a.example"}
A_NUMBER = 'must be "auto" or a whole number from 1 to 1,000'


@pytest.fixture
def api() -> Iterator[MessagesAPI]:
    with MessagesAPI() as api:
        yield api


@pytest.fixture(autouse=True)
def a_key_is_set(api: MessagesAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAX_CONCURRENCY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)


Refused = Callable[..., str]


@pytest.fixture
def refused(api: MessagesAPI, capsys: pytest.CaptureFixture[str]) -> Refused:
    """The one line that a refused command prints."""

    def refuse(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 64
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1, printed.err
        assert api.history == ()
        return printed.err

    return refuse


BAD_SITES = {
    "no sites": ([], "the site list must have at least 1 entry"),
    "a duplicate": ([A, A], "sites 1 and 2 have the same site_id, 'a'"),
    "an unknown key": (
        [A | {"colour": "red"}],
        "site 1 (a), colour: is not a known key; known are site_id, domain, brief",
    ),
}


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(("sites", "message"), BAD_SITES.values(), ids=BAD_SITES)
def test_a_bad_site_list_is_refused(command: str, sites: Any, message: str, tmp_path: Path, refused: Refused) -> None:
    file, state = tmp_path / "sites.json", tmp_path / "state"
    file.write_text(json.dumps(sites))
    assert f"--sites {file}: {message}" in refused(command, "--sites", file, "--state-dir", state)
    assert not state.exists()


BAD_OPTIONS = {
    "concurrency zero": (["--concurrency", "0"], f"--concurrency: {A_NUMBER}, not 0"),
    "concurrency not a number": (["--concurrency", "four"], f'--concurrency: {A_NUMBER}, not "four"'),
    "concurrency not an integer": (["--concurrency", "2.5"], f"--concurrency: {A_NUMBER}, not 2.5"),
    "a share under the floor": (
        ["--concurrency", "4", "--set", "output_token_budget=1000"],
        "output_token_budget: 1,000 tokens for 4",
    ),
    "an answer under the floor": (
        ["--set", "answer_tokens=300", "--set", "entries=20"],
        "answer_tokens: 300 are under the floor of 1,024 for 20 entries; set answer_tokens to at least 1,024",
    ),
    "a ceiling under one answer": (["--set", "cost_ceiling_usd=0.01"], "cost_ceiling_usd: one answer of claude-sonnet"),
    "an unknown field": (["--set", "colour=red"], "--set: no field 'colour'; known are max_concurrency, "),
    "a key of the execution input": (["--set", "mode=redrive"], "--set: no field 'mode', did you mean 'model'?"),
    "no assignment": (["--set", "model"], "--set: 'model' is not FIELD=VALUE"),
    "a missing site list": (["--sites", "nowhere.json"], "--sites nowhere.json: cannot be read (No such"),
    "an unknown question": (
        ["--question", "article_candidate"],
        "functions/questions/article_candidate; the nearest is 'article_candidates'",
    ),
    "a question whose facts no site has": (
        ["--question", "articles_to_refresh"],
        "events/sites.json: site harbour, facts.articles: is missing",
    ),
    "an unknown site": (["--only", "harbor"], "no site 'harbor' in the list; the nearest is 'harbour'"),
    "no site": (["--limit", "0"], "Invalid value for '--limit': 0 is not in the range"),
    "a path alone": (["mine.json"], "(mine.json). Did you mean --sites mine.json? (see "),
    "twenty answers in a small share": (
        ["--concurrency", "4", "--set", "entries=20", "--set", "output_token_budget=4095"],
        "under the floor of 1,024 for 20 entries; set output_token_budget to at least 4,096, or max_conc",
    ),
    "an unknown option": (["--colour", "red"], "No such option '--colour'"),
    "an option without its value": (["--concurrency"], "'--concurrency' requires an argument"),
}
RUN_ONLY = {
    "a speed of nothing": (["--simulate", "--speed", "0"], "--speed: must be a number above 0"),
    "a speed that is not a number": (["--simulate", "--speed", "fast"], "'--speed': 'fast' is not a valid float"),
    "the real endpoint made faster": (["--speed", "2"], "--speed: only a simulated run can have it"),
    "a missing scenario": (["--scenario", "nowhere.json"], "--scenario: nowhere.json: No such file"),
    "a file that is not a scenario": (
        ["--scenario", "events/sites.json"],
        "--scenario: events/sites.json: must be a JSON",
    ),
}


COMMANDS = [
    *((command, *bad) for command in ("run", "plan") for bad in BAD_OPTIONS.values()),
    *((command, *bad) for command in ("run", "redrive") for bad in RUN_ONLY.values()),
    ("redrive", ["--sites", "events/sites.json"], "No such option '--sites'"),
]


@pytest.mark.parametrize(("command", "options", "message"), COMMANDS)
def test_a_bad_option_is_refused(
    command: str, options: list[str], message: str, tmp_path: Path, refused: Refused
) -> None:
    state = tmp_path / "state"
    assert message in refused(command, "--state-dir", state, *options)
    assert not state.exists()


BAD_ENVIRONMENTS = {
    "MAX_CONCURRENCY zero": ("MAX_CONCURRENCY", "0", f"MAX_CONCURRENCY in the environment: {A_NUMBER}, not 0"),
    "a base URL that is not a URL": (
        "ANTHROPIC_BASE_URL",
        "localhost:80",
        "ANTHROPIC_BASE_URL: 'localhost:80' is not a URL",
    ),
}


@pytest.mark.parametrize(("variable", "value", "message"), BAD_ENVIRONMENTS.values(), ids=BAD_ENVIRONMENTS)
def test_a_bad_environment_is_refused(
    variable: str, value: str, message: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert message in refused("run", "--state-dir", tmp_path / "state")
    assert not (tmp_path / "state").exists()


BAD_CONFIGURATIONS = {
    "not JSON": ("{", "configuration: the parameter is not valid JSON"),
    "a bad value": ('{"max_concurrency": 0}', f"max_concurrency: {A_NUMBER}, not 0"),
    "a misspelt field": ('{"max_concurency": 2}', "max_concurency: is not a known key, did you mean 'max_con"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CONFIGURATIONS.values(), ids=BAD_CONFIGURATIONS)
def test_a_bad_configuration_file_is_refused_and_named(
    text: str, message: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "configuration.json").write_text(text)
    (tmp_path / "state.json").write_text('{"schema_version": 1, "deployed": {}}')
    printed = refused("run", "--state-dir", tmp_path)
    assert message in printed
    assert str(tmp_path / "configuration.json") in printed


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_impossible_state_directory_is_refused(place: str, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "--state-dir" in refused("run", "--state-dir", tmp_path / place)


def test_a_state_directory_in_use_is_refused(
    tmp_path: Path, api: MessagesAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = StateDirectory(tmp_path).open()
    try:
        assert main(["run", "--state-dir", str(tmp_path)]) == 64
    finally:
        holder.close()
    assert "Another Nightfold process" in capsys.readouterr().err.splitlines()[-1]
    assert api.history == ()


def test_a_corrupt_state_directory_is_refused_and_kept(
    tmp_path: Path, api: MessagesAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.json").write_text("torn")
    assert main(["run", "--state-dir", str(state)]) == 64
    assert "could not be used" in capsys.readouterr().err.splitlines()[-1]
    assert [kept.name for kept in tmp_path.glob("state.kept-*/state.json")] == ["state.json"]
    assert api.history == ()


def test_input_that_only_plan_run_refuses_is_bad_input_too(tmp_path: Path) -> None:
    request = request_run(Laptop(tmp_path), Selection(ROOT / "events/sites.json"), {})
    changed = replace(request, overrides={"max_concurrency": 0})
    endpoint = Endpoint("", scenario=Scenario())
    result = run_locally(changed, endpoint, Laptop(tmp_path), Progress(), pytest.fail)
    assert (result.how, result.exit_code) == ("refused", 64)
    assert f"max_concurrency: {A_NUMBER}" in result.cause


def test_a_site_list_instead_of_a_command_is_answered_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mine.json"]) == 64
    assert f"{program()} run --sites mine.json?" in capsys.readouterr().err
    assert main(["misses", "mine.json"]) == 64
    assert "--sites" not in capsys.readouterr().err


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 64
    assert "redrive" in capsys.readouterr().err
