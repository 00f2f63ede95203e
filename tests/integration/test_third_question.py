"""A third question is a folder with two files: in a copy of the repository a whole night and a morning run with it."""

import csv
import io
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.packaging.dependencies import find_uv
from tests.integration.command_line import ROOT, SITES, Finished, program, scenario, site_list

CONTRACT = '''
"""What to cook."""

from typing import Literal

from nightfold.question import Entry, Line, Question, Text


class Recipe(Entry):
    """One dish."""

    dish: Line
    why: Text
    season: Literal["spring", "autumn"]


QUESTION = Question(entry=Recipe, noun="recipe", heading="dish", text="why", entries=4{more})
'''
FIRST_NIGHT: dict[str, list[Any]] = {
    "orchard": ["wrong_shape", "ok"],
    "lantern": ["prose", "prose"],
    "meadow": [529, "ok"],
}
SOON: Any = {"latency_s": {"median": 1, "sigma": 0.1}, "speed": 20}

Command = Callable[..., Finished]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the repository with a third question, copied from the first."""
    copy = tmp_path / "repository"
    for folder in ("functions", "infra", "events"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for file in ("template.yaml", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / file, copy / file)
    shutil.copytree(copy / "functions/questions/article_candidates", recipes := copy / "functions/questions/recipes")
    prompt = (recipes / "prompt.txt").read_text()
    asked = prompt.replace("article candidates for this site", "dishes from the $cuisine kitchen for this site")
    assert asked != prompt
    (recipes / "prompt.txt").write_text(asked.replace("$language", "plain English"))
    (recipes / "question.py").write_text(CONTRACT.format(more=""))
    return copy


@pytest.fixture
def command(tree: Path, tmp_path: Path) -> Command:
    def run(name: str, *more: str | Path) -> Finished:
        """A command of the copy; nothing is imported from anywhere else."""
        path = f"{tree / 'functions'}{os.pathsep}{tree}"
        code = "import sys; from infra.cli.main import main; sys.exit(main())"
        python = (sys.executable, "-P", "-c", code)
        return program(*python, name, "--state-dir", tmp_path / "state", *more, cwd=tree, PYTHONPATH=path)

    return run


def collected(state: Path, run_id: str) -> dict[str, list[dict[str, Any]]]:
    files = (state / "runs" / run_id / "results").glob("*.json")
    return {file.stem: json.loads(file.read_bytes())["entries"] for file in files}


@pytest.mark.parametrize("more", ["", ", structured=True"])
def test_a_night_and_a_morning_with_it(tree: Path, command: Command, tmp_path: Path, more: str) -> None:
    (tree / "functions/questions/recipes/question.py").write_text(CONTRACT.format(more=more))
    state, chosen = tmp_path / "state", ("--set", "question=recipes")

    refused = command("plan", "--sites", site_list(tmp_path / "sites.json", SITES), *chosen)
    assert refused.code == 64
    assert "facts.cuisine: is missing; the prompt of question recipes uses it" in refused.err
    sites = site_list(tmp_path / "sites.json", SITES, facts={"cuisine": "Baltic ($5 a plate)"})
    planned = command("plan", "--sites", sites, *chosen, "--json")
    assert (planned.code, planned.json["configuration"]["question"]) == (0, "recipes")

    calls = scenario(tmp_path / "calls.json", FIRST_NIGHT, **SOON)
    night = command("run", "--sites", sites, *chosen, "--scenario", calls)
    assert night.code == 2, night.err
    assert "accepted, 4 recipes" in night.out
    [run] = (state / "runs").iterdir()
    entries = collected(state, run.name)
    assert {name: len(dishes) for name, dishes in entries.items()} == {"harbour": 4, "orchard": 4, "meadow": 4}
    assert all(list(dish) == ["dish", "why", "season"] for dishes in entries.values() for dish in dishes)
    assert {dish["season"] for dishes in entries.values() for dish in dishes} == {"spring", "autumn"}
    again = json.loads((run / "round-2/items.json").read_bytes())
    assert {item["site_id"]: (item["question"], item["facts"]) for item in again} == dict.fromkeys(
        ("orchard", "lantern"), ("recipes", {"cuisine": "Baltic ($5 a plate)"})
    )

    page = (run / "digest.html").read_text()
    assert "12 recipes" in page
    assert "candidate" not in page.partition("<body")[2].partition("<script")[0].lower()
    assert all(dish["dish"].replace("'", "&#39;") in page for dish in entries["harbour"])
    exported = command("results", "--question", "recipes", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert {row["dish"] for row in rows} == {dish["dish"] for dishes in entries.values() for dish in dishes}

    morning = command("redrive", "--json", "--scenario", scenario(tmp_path / "calm.json", {}, **SOON))
    assert morning.code == 0, morning.err
    assert (morning.code, morning.json["question"], morning.json["planned"]) == (0, "recipes", 1)
    assert len(collected(state, morning.json["run_id"])["lantern"]) == 4

    second = command("run", "--sites", sites, *chosen, "--scenario", tmp_path / "calm.json", "--json")
    assert (second.code, second.json["question"]) == (0, "recipes")
    told = {
        item["site_id"]: item["earlier"]
        for item in json.loads((state / "runs" / second.json["run_id"] / "round-1/items.json").read_bytes())
    }
    assert told["harbour"] == [dish["dish"] for dish in reversed(entries["harbour"])]
    assert all(len(dishes) == 4 for dishes in collected(state, second.json["run_id"]).values())


@pytest.mark.parametrize("function", ["planner", "aggregator"])
def test_it_is_in_the_packages(tree: Path, tmp_path: Path, function: str) -> None:
    code = (
        "import sys; from pathlib import Path; from infra.packaging.package import assemble;"
        "assemble(sys.argv[1], sys.argv[2], Path(sys.argv[3]))"
    )
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    made = program(
        sys.executable, "-P", "-c", code, function, machine, tmp_path / "package", PYTHONPATH=f"{tree}", UV=find_uv()
    )
    assert made.code == 0, made.err
    package = tmp_path / "package" / "questions" / "recipes"
    assert {file.name for file in package.iterdir()} == {"__pycache__", "prompt.txt", "question.py"}
