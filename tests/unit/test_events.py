"""events/: every payload parses with the model of its boundary, and fits to the others."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from collector.prompt import prompt_for
from nightfold.answers import read_entries
from nightfold.branch import CollectorEvent, Outcome
from nightfold.contract import Plan, Summary
from nightfold.misses import Miss
from nightfold.sites import SiteList
from nightfold.storage import outcome_key
from planner.draft import items
from planner.inputs import check_facts
from tests.event_files import EVENTS, MODELS
from tests.support.questions import CANDIDATES, REFRESH


def parsed(name: str) -> Any:
    model, text = MODELS[name], (EVENTS / name).read_text(encoding="utf-8")
    return model.model_validate_json(text) if isinstance(model, type) else model.validate_json(text)


def test_every_file_has_a_model_and_every_model_a_file() -> None:
    assert {str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.*")} == MODELS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_a_payload_parses_and_says_nothing_that_is_not_read(name: str) -> None:
    document = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    payload = parsed(name)
    if isinstance(payload, BaseModel) and isinstance(document, dict):
        known = set(type(payload).model_fields) | {"max_concurrency"}
        assert document.keys() <= known


def test_the_plan_is_the_one_of_the_site_list_and_the_items_are_its_own() -> None:
    plan: Plan = parsed("plan.json")
    assert plan.sites == SiteList.validate_json((EVENTS / "sites.json").read_text())
    assert plan.execution_id == parsed("planner.json").execution_id
    assert json.loads(items(plan)) == json.loads((EVENTS / "items.json").read_text())
    assert parsed("collector.json").task in parsed("items.json")


def test_the_sites_with_articles_have_what_the_second_question_needs() -> None:
    sites = parsed("sites-with-articles.json")
    check_facts(sites, lambda _: REFRESH.name)
    assert [site.model_copy(update={"facts": {}}) for site in sites] == parsed("sites.json")


def test_the_regeneration_tells_what_was_wrong() -> None:
    event: CollectorEvent = parsed("collector-regenerate.json")
    assert event.task.round == 2
    assert event.task.violation
    assert event.task.violation in prompt_for(event.task).user


def test_the_answer_is_one_that_is_accepted() -> None:
    outcome: Outcome = parsed("outcome-answered.json")
    assert outcome.answer is not None
    assert len(read_entries(outcome.answer.text, CANDIDATES)) == parsed("collector.json").task.entries


def test_the_summary_counts_the_miss_and_the_failure() -> None:
    summary: Summary = parsed("summary.json")
    miss: Miss = parsed("miss.json")
    failed: Outcome = parsed("outcome-failed.json")
    ended = {site.site_id: site.error for site in summary.sites}
    assert ended[miss.site.site_id] == miss.error
    assert ended[failed.site_id] == "RequestRejected"
    assert miss.raw_answer_key == outcome_key(summary.run_id, 2, miss.site.site_id)
    assert summary.planned == summary.accepted + sum(summary.missed.model_dump().values())
