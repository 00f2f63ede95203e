"""`nightfold config`: the configuration as a table and as JSON, and changing it."""

import json
from pathlib import Path

import pytest

from infra.cli.configuration import configuration_text
from infra.cli.main import BAD_INPUT, main
from nightfold.settings import RunConfiguration
from tests.unit.infra.cli.answered import typed

STORED = '{"max_concurrency": "auto", "cost_ceiling_usd": 5, "remember": 0}'
DEFAULTS = RunConfiguration().model_dump(mode="json")
A_NUMBER = 'must be "auto" or a whole number from 1 to 1,000'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A stored configuration."""
    file = tmp_path / "configuration.json"
    file.write_text(STORED)
    return file


def config(state_dir: Path, *arguments: str) -> int:
    return main(["config", *arguments, "--state-dir", str(state_dir)])


def test_the_table_has_each_field_with_its_value_its_default_and_its_meaning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config(file.parent) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["FIELD", "VALUE", "DEFAULT", "MEANING"]
    assert [row.split()[0] for row in rows] == [*DEFAULTS]
    by_field = {row.split()[0]: row.split(maxsplit=3)[1:] for row in rows}
    assert by_field["max_concurrency"][:2] == ['"auto"', "same"]
    assert by_field["remember"][:2] == ["0", "30"]
    assert by_field["cost_ceiling_usd"][:2] == ["5.0", "null"]
    assert [by_field[name][2] for name in DEFAULTS] == [
        field.description for field in RunConfiguration.model_fields.values()
    ]


def test_as_json_it_is_complete(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config(file.parent, "--json") == 0
    assert json.loads(capsys.readouterr().out) == DEFAULTS | {"cost_ceiling_usd": 5, "remember": 0}


def test_without_a_state_directory_the_defaults_are_shown_and_nothing_is_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config(tmp_path / "new", "--json") == 0
    assert json.loads(capsys.readouterr().out) == DEFAULTS
    assert not (tmp_path / "new").exists()


def test_a_change_shows_the_difference_and_keeps_the_other_fields(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config(file.parent, "max_concurrency=8", "entries=3", "remember=0", "--yes") == 0
    printed = capsys.readouterr()
    assert printed.err == 'max_concurrency: "auto" → 8\nentries: null → 3\n'
    assert printed.out == f"2 fields changed in {file}\n"
    assert json.loads(file.read_text()) == {**json.loads(STORED), "max_concurrency": 8, "entries": 3}


def test_a_change_as_json_prints_the_new_configuration(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config(file.parent, "cost_ceiling_usd=null", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out) == DEFAULTS | {"remember": 0}
    assert json.loads(file.read_text())["cost_ceiling_usd"] is None


def test_a_new_state_directory_is_created_by_a_change_and_the_next_plan_uses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config(tmp_path / "new", "max_concurrency=2", "model=claude-haiku-5-5", "--yes") == 0
    capsys.readouterr()
    assert main(["plan", "--json", "--state-dir", str(tmp_path / "new")]) == 0
    planned = json.loads(capsys.readouterr().out)["configuration"]
    assert planned == DEFAULTS | {"max_concurrency": 2, "model": "claude-haiku-5-5"}


def test_a_change_and_its_reverse_leave_a_file_that_counts_as_never_edited(tmp_path: Path) -> None:
    template = configuration_text(tmp_path)
    assert config(tmp_path, "remember=5", "--yes") == 0
    assert configuration_text(tmp_path) != template
    assert config(tmp_path, "remember=30", "--yes") == 0
    assert configuration_text(tmp_path) == template


def test_if_nothing_changes_nothing_is_asked_or_written(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config(file.parent, "remember=0", "max_concurrency=auto", "entries=null") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Nothing changes: the configuration has these values.\n")
    assert [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("max_concurrency=0", f"config max_concurrency: {A_NUMBER}, not 0"),
        ("modle=x", "config: no field 'modle', did you mean 'model'?; known are max_concurrency, "),
        ("model", "config: 'model' is not FIELD=VALUE"),
        ("model=mine", "cost_ceiling_usd: the price of model mine is not known, so no ceiling can be kept"),
    ],
)
def test_a_bad_setting_is_refused_and_named(
    file: Path, capsys: pytest.CaptureFixture[str], setting: str, complaint: str
) -> None:
    assert config(file.parent, "remember=7", setting, "--yes") == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"nightfold: {complaint}")
    assert file.read_text() == STORED


@pytest.mark.parametrize("arguments", [(), ("remember=7", "--yes")], ids=["shown", "changed"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "configuration: the parameter is not valid JSON"),
        ('{"max_concurrency": 0}', f"max_concurrency: {A_NUMBER}, not 0"),
    ],
)
def test_a_bad_file_is_refused_and_named(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], text: str, complaint: str
) -> None:
    file.write_text(text)
    assert config(file.parent, *arguments) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"nightfold: {file}: {complaint}")
    assert file.read_text() == text


def test_a_bad_value_in_the_file_can_be_replaced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('{"max_concurrency": 0}')
    assert config(file.parent, "max_concurrency=4", "--yes") == 0
    assert capsys.readouterr().err == "max_concurrency: 0 → 4\n"
    assert json.loads(file.read_text()) == {"max_concurrency": 4}


def test_a_byte_order_mark_is_no_defect(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(STORED, "utf-8-sig")
    assert config(file.parent, "--json") == 0
    assert json.loads(capsys.readouterr().out)["remember"] == 0


def test_a_configuration_that_was_changed_meanwhile_is_kept(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = '{"cost_ceiling_usd": 1}'
    typed(monkeypatch, "y\n", lambda: file.write_text(edited))
    assert config(file.parent, "remember=7") == BAD_INPUT
    complaint = "config: the configuration was changed meanwhile; look at it and try again\n"
    assert capsys.readouterr().err.endswith(complaint)
    assert file.read_text() == edited
