"""Questions and memories, night after night, against a Messages API that knows nothing of either."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.state.folder import Folder
from nightfold.memory import known_as
from nightfold.misses import Miss
from nightfold.results import read_results
from reporter.records import read_records
from tests.integration.command_line import nightfold, scenario, site_list
from tests.support.independent_api import IndependentAPI

NAMES = ("harbour", "orchard", "lantern")
SAME = [f"Title {number}" for number in range(5)]
REFRESH = "articles_to_refresh"
CANDIDATES = "article_candidates"


class Nights:
    """Runs one after another in one state directory."""

    def __init__(self, folder: Path, api: IndependentAPI) -> None:
        self.api, self.state = api, folder / "state"
        self._sites = site_list(folder / "sites.json", NAMES, facts={"articles": "- One\n- Two"})

    def propose(self, *titles: str, refresh: bool = False) -> None:
        """What the API answers from now on, to every call."""
        entry = ("article", "outdated", {"effort": "small"}) if refresh else ("title", "angle", {})
        text = json.dumps([{entry[0]: title, entry[1]: "A sentence.", **entry[2]} for title in titles])
        self.api.answer = lambda _: (text, 200)

    def command(self, name: str, *more: str | Path) -> Any:
        self.api.prompts.clear()
        real = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": self.api.url}
        done = nightfold(name, "--json", "--state-dir", self.state, *more, **real)
        assert done.out, done.err
        return done.json

    def run(self, *more: str) -> Any:
        return self.command("run", "--sites", self._sites, *more)

    def accepted(self, summary: Any) -> dict[str, list[str]]:
        """The headings in the stored results."""
        folder = self.state / "runs" / summary["run_id"] / "results"
        found = [read_results(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
        return {
            results.site_id: [next(iter(entry.values())) for entry in results.entries] for results in found if results
        }


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    with IndependentAPI() as api:
        yield Nights(tmp_path, api)


def each(headings: list[str]) -> dict[str, list[str]]:
    return dict.fromkeys(NAMES, headings)


def errors(summary: Any) -> dict[str, Any]:
    return {site["site_id"]: site["error"] for site in summary["sites"]}


def test_the_same_five_titles_are_accepted_once_and_one_new_among_them_is_found(nights: Nights) -> None:
    nights.propose(*SAME)
    first = nights.run()
    assert (first["status"], first["model_calls"]) == ("complete", 3)
    assert nights.accepted(first) == each(SAME)
    assert not any(title in prompt for prompt in nights.api.prompts for title in SAME)

    second = nights.run()
    assert (second["status"], second["accepted"], second["regenerated"]) == ("failed", 0, 3)
    assert errors(second) == dict.fromkeys(NAMES, "NothingNew")
    assert (second["missed"]["schema"], nights.accepted(second)) == (3, {})
    assert len(nights.api.prompts) == 6
    assert all(title in prompt for prompt in nights.api.prompts for title in SAME)
    assert sum("every candidate was suggested before" in prompt for prompt in nights.api.prompts) == 3

    nights.propose("Title 0", "TITLE 1!", "A new one", "Title-2", "  Title 4")
    third = nights.run()
    assert (third["status"], third["regenerated"]) == ("complete", 0)
    assert nights.accepted(third) == each(["A new one"])

    settled = nights.command("redrive")  # what the second night missed was accepted in the third
    assert settled["planned"] == 0
    assert nights.api.prompts == []


def test_two_questions_in_turn_leave_everything_of_both_apart(nights: Nights) -> None:
    nights.propose(*SAME)
    ideas = nights.run()
    nights.propose("One", "Two", refresh=True)
    refresh = nights.run("--set", f"question={REFRESH}")
    assert (refresh["status"], refresh["question"]) == ("complete", REFRESH)
    assert not any(title in prompt for prompt in nights.api.prompts for title in SAME)
    assert all("- One\n- Two" in prompt for prompt in nights.api.prompts)

    nights.propose("Title 9")
    back = nights.run()
    assert (back["status"], nights.accepted(back)) == ("complete", each(["Title 9"]))
    assert all("- Title 4" in prompt and "- One" not in prompt for prompt in nights.api.prompts)

    for question, headings in ((CANDIDATES, [*SAME, "Title 9"]), (REFRESH, ["One", "Two"])):
        memory = json.loads((nights.state / "sites/harbour" / question / "memory.json").read_bytes())
        assert [each["heading"] for each in memory["real"]] == headings
    history = {
        run["run_id"]: [past.run_id for past in read_records(run["run_id"], Folder(nights.state)).history]
        for run in (ideas, refresh, back)
    }
    assert history == {
        ideas["run_id"]: [ideas["run_id"]],
        refresh["run_id"]: [refresh["run_id"]],
        back["run_id"]: [ideas["run_id"], back["run_id"]],
    }


def test_a_morning_asks_each_miss_its_own_question(nights: Nights) -> None:
    nights.propose()
    nights.run("--only", "harbour")
    nights.run("--only", "orchard", "--set", f"question={REFRESH}")
    nights.run("--only", "lantern", "--set", f"question={REFRESH}")
    nights.run("--only", "lantern")
    waiting = nights.command("misses")
    assert len(waiting) == 4
    assert {miss["error"] for miss in waiting} == {"SchemaViolation"}

    nights.propose("Title 1")
    morning = nights.command("redrive")
    asked = {prompt.split()[1]: "Name exactly 3" in prompt for prompt in nights.api.prompts}
    assert asked == {"harbour": False, "orchard": True, "lantern": False}  # of lantern's two, the newest
    assert errors(morning) == {"harbour": None, "orchard": "SchemaViolation", "lantern": None}

    nights.propose("One", refresh=True)
    later = nights.command("redrive")
    assert {prompt.split()[1] for prompt in nights.api.prompts} == {"orchard", "lantern"}
    assert (later["status"], later["question"]) == ("complete", REFRESH)
    assert nights.command("misses") == []
    missed = (nights.state / "runs" / morning["run_id"] / "misses.jsonl").read_bytes()
    assert (Miss.model_validate_json(missed).question, Miss.model_validate_json(missed).attempts) == (REFRESH, 2)


def test_a_simulated_night_is_as_good_the_tenth_time(tmp_path: Path) -> None:
    calm = scenario(tmp_path / "calm.json", {})
    accepted: list[str] = []
    for night in range(10):
        done = nightfold("run", "--scenario", calm, "--concurrency", "4", "--json", "--state-dir", tmp_path)
        assert (done.code, done.json["status"]) == (0, "complete"), night
        files = (tmp_path / "runs" / done.json["run_id"] / "results").glob("*.json")
        found = [each for file in files if (each := read_results(file.read_bytes()))]
        accepted += [f"{each.site_id}: {known_as(entry['title'])}" for each in found for entry in each.entries]
        assert night > 1 or len(accepted) == (night + 1) * 4 * 5
    assert len(set(accepted)) == len(accepted) > 10 * 4 * 4
