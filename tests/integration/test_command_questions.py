"""A question of your own, on the command line: written, planned, run, listed, exported, forgotten."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.command_line import NIGHTFOLD, ROOT, Finished, program

Command = Callable[..., Finished]
STATE = ("--state-dir", "state")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's code, in which a question may be written."""
    clone = tmp_path_factory.mktemp("clone")
    for folder in ("functions", "infra", "events"):
        shutil.copytree(ROOT / folder, clone / folder, ignore=shutil.ignore_patterns("__pycache__", "docs"))
    for file in ("pyproject.toml", "template.yaml"):
        shutil.copy(ROOT / file, clone)
    return clone


@pytest.fixture(scope="module")
def in_clone(clone: Path) -> Command:
    """Runs a command there, on the state directory of the clone."""

    def run(*arguments: str) -> Finished:
        paths = os.pathsep.join([str(clone / "functions"), str(clone)])
        return program(*NIGHTFOLD, *arguments, cwd=clone, PWD=str(clone), PYTHONPATH=paths)

    return run


@pytest.fixture(scope="module")
def two_nights(in_clone: Command) -> list[Finished]:
    """Two runs of a new question, with the commands that `new-question` prints."""
    written = in_clone("new-question", "trends")
    assert (written.code, written.err) == (0, "")
    told, edit, plan, run = written.out.splitlines()
    assert told.startswith("Question trends is in functions/questions/trends.")
    assert edit == "${EDITOR:-vi} functions/questions/trends/question.py functions/questions/trends/prompt.txt"
    planned = in_clone(*plan.rpartition("nightfold ")[2].partition("main ")[2].split(), *STATE)
    assert "Question: trends (5 ideas a site)" in planned.out
    typed = run.partition("main ")[2].split()
    return [in_clone(*typed, "--only", "harbour", "--only", "orchard", "--speed", "50", *STATE, "--json") for _ in "12"]


def test_a_new_question_runs_at_once_and_never_offers_the_same_twice(
    two_nights: list[Finished], in_clone: Command
) -> None:
    for night in two_nights:
        assert (night.code, night.json["question"], night.json["accepted"]) == (0, "trends", 2), night.err
        assert "as manual-" in night.err
        assert ", trends\n" in night.err
        assert "accepted, 5 ideas" in night.err
    rows = [json.loads(line) for line in in_clone("results", "--all", "--format", "json", *STATE).out.splitlines()]
    assert len(rows) == 20
    assert {row["entry"]["effort"] for row in rows} == {"small", "medium", "large"}
    assert all(row["new"] and row["simulated"] and row["question"] == "trends" for row in rows)
    assert len({(row["site_id"], row["entry"]["idea"]) for row in rows}) == 20


def test_its_results_are_exported_in_every_format(two_nights: list[Finished], in_clone: Command) -> None:
    newest = two_nights[1].json["run_id"]
    table = in_clone("results", *STATE).out
    assert table.startswith("trends: 10 ideas of 2 sites, simulated\n\nharbour  20")
    assert table.count(newest) == 2
    rows = list(csv.DictReader(io.StringIO(in_clone("results", "--format", "csv", *STATE).out)))
    assert [*rows[0]][-3:] == ["idea", "reason", "effort"]
    assert [(row["run"], row["kind"], row["status"]) for row in rows] == [(newest, "simulated", "new")] * 10
    markdown = in_clone("results", "--format", "markdown", "--site", "orchard", *STATE).out
    assert markdown.startswith(f"# Ideas, trends, simulated\n\n## orchard ({newest}, 20")
    assert markdown.count("\n* **") == 5


def test_a_memory_is_shown_and_forgotten_for_one_question(two_nights: list[Finished], in_clone: Command) -> None:
    assert len(two_nights) == 2
    shown = in_clone("memory", "harbour", *STATE).out.splitlines()
    assert shown[0] == "trends: 10 headings, simulated"
    assert len(shown) == 13
    asked = in_clone("memory", "harbour", "--forget", *STATE)
    assert (asked.code, asked.out) == (64, "")
    done = in_clone("memory", "harbour", "--forget", "--yes", *STATE)
    assert done.out == "Forgotten: 10 simulated headings (trends).\n"
    assert in_clone("memory", "harbour", *STATE).err == "Nothing is remembered of harbour.\n"
    assert in_clone("memory", "orchard", *STATE).out.startswith("trends: 10 headings, simulated\n")


def test_a_question_that_breaks_is_reported_before_anything_starts(in_clone: Command, clone: Path) -> None:
    assert in_clone("new-question", "broken").code == 0
    (clone / "functions/questions/broken/question.py").write_text("QUESTION = nothing\n")
    refused = in_clone("plan", "--question", "broken", *STATE)
    assert refused.code == 64
    assert refused.err == (
        "nightfold: --question: functions/questions/broken: NameError: name 'nothing' is not defined\n"
    )
