"""planner/memory.py and the facts of inputs.py: what a prompt is given besides the question's own words."""

import json
from datetime import timedelta
from typing import Any

import pytest

from collector.prompt import prompt_for
from nightfold.branch import SiteTask
from nightfold.errors import InvalidInput
from nightfold.memory import Memory
from nightfold.sites import SiteList
from nightfold.storage import SITES_KEY, items_key, memory_key
from planner.plan import Adapters, plan_run
from tests.unit.examples import STARTED, plan_task, site
from tests.unit.outside import Outside, Wire, error

CANDIDATES = "article_candidates"


def remember(outside: Outside, site_id: str, *headings: str, question: str = CANDIDATES, **kind: bool) -> None:
    memory = Memory().with_run("earlier", STARTED - timedelta(days=1), headings, **({"simulated": False} | kind))
    outside.put(memory_key(site_id, question), memory.model_dump(mode="json"))


def planned(outside: Outside, planning: Adapters, **given: Any) -> dict[str, SiteTask]:
    state = plan_run(plan_task("execution-1", given=given), planning)
    tasks = [SiteTask.model_validate(item) for item in outside.read(items_key(state.run_id, 1))]
    return {task.site_id: task for task in tasks}


@pytest.fixture(autouse=True)
def site_list(outside: Outside) -> None:
    facts = {"articles": "- One for $5\n- Two, see $brief and ${domain}"}
    outside.put(SITES_KEY, [site("harbour", facts=facts).model_dump(), site("orchard", facts=facts).model_dump()])


# --- earlier headings ---------------------------------------------------------------------------------------------


def test_the_headings_of_earlier_nights_reach_the_prompt_newest_first(outside: Outside, planning: Adapters) -> None:
    remember(outside, "harbour", "Oldest", "Older", "Newest")
    tasks = planned(outside, planning, remember=2)
    assert (tasks["harbour"].earlier, tasks["orchard"].earlier) == (["Newest", "Older"], [])
    assert "Propose others:\n- Newest\n- Older" in prompt_for(tasks["harbour"]).user


def test_each_question_is_told_its_own_headings_and_real_runs_none_of_simulated_ones(
    outside: Outside, planning: Adapters
) -> None:
    remember(outside, "harbour", "Of the other question", question="articles_to_refresh")
    remember(outside, "orchard", "Of a simulated run", simulated=True)
    assert {name: task.earlier for name, task in planned(outside, planning).items()} == {"harbour": [], "orchard": []}


def test_who_remembers_nothing_reads_no_memory(outside: Outside, planning: Adapters) -> None:
    remember(outside, "harbour", "Newest")
    assert planned(outside, planning, remember=1)["harbour"].earlier == ["Newest"]
    outside.s3.delete_object(Bucket=outside.bucket, Key="runs/by-hand/plan.json")
    wire = Wire(outside.s3)
    wire.fail("GetObject", error(500, "InternalError"), about="memory.json")
    assert planned(outside, planning, remember=0)["harbour"].earlier == []


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe", b"[]"])
def test_a_memory_that_cannot_be_read_fails_no_night(outside: Outside, planning: Adapters, damage: bytes) -> None:
    remember(outside, "orchard", "Newest")
    outside.s3.put_object(Bucket=outside.bucket, Key=memory_key("harbour", CANDIDATES), Body=damage)
    tasks = planned(outside, planning)
    assert (tasks["harbour"].earlier, tasks["orchard"].earlier) == ([], ["Newest"])


def test_a_memory_without_read_permission_fails_no_night(outside: Outside, planning: Adapters, printed: Any) -> None:
    Wire(outside.s3).fail("GetObject", error(403, "AccessDenied"), about="harbour/article_candidates")
    assert planned(outside, planning)["harbour"].earlier == []
    (line,) = [line for line in printed().splitlines() if "UnreadableMemory" in line]
    assert json.loads(line)["site_id"] == "harbour"


# --- facts --------------------------------------------------------------------------------------------------------


def test_a_fact_that_a_site_lacks_is_refused_with_site_question_and_field_before_anything_is_claimed(
    outside: Outside, planning: Adapters
) -> None:
    outside.put(SITES_KEY, [site("harbour", facts={"articles": "- One"}).model_dump(), site("orchard").model_dump()])
    before = outside.keys()
    complaint = "sites: site orchard, facts.articles: is missing; the prompt of question articles_to_refresh uses it"
    with pytest.raises(InvalidInput, match=complaint):
        planned(outside, planning, question="articles_to_refresh")
    assert outside.keys() == before
    assert planned(outside, planning, question="articles_to_refresh", only=["harbour"]).keys() == {"harbour"}


def test_a_dollar_in_a_fact_is_text(outside: Outside, planning: Adapters) -> None:
    user = prompt_for(planned(outside, planning, question="articles_to_refresh")["harbour"]).user
    assert "- One for $5\n- Two, see $brief and ${domain}" in user


def test_the_largest_facts_are_accepted() -> None:
    facts = {f"fact_{number}": "x" * 2_000 for number in range(20)}
    (accepted,) = SiteList.validate_python([site("harbour", facts=facts).model_dump()])
    assert len(accepted.facts) == 20
