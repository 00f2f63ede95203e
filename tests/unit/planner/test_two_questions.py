"""planner/waiting.py: a morning over the misses of several questions asks each site its own, one at a time."""

from datetime import timedelta
from typing import Any

import pytest

from nightfold.storage import SITES_KEY, items_key
from planner.plan import Adapters
from tests.unit.examples import STARTED, miss, site
from tests.unit.outside import Outside
from tests.unit.planner.test_waiting import MISSED, closed, made, redrive

REFRESH = "articles_to_refresh"
CANDIDATES = "article_candidates"
ARTICLES = {"articles": "- One"}


@pytest.fixture(autouse=True)
def site_list(outside: Outside) -> None:
    outside.put(SITES_KEY, [site(name, facts=ARTICLES).model_dump() for name in ("harbour", "orchard", "lantern")])


def asked(outside: Outside, name: str = "morning") -> dict[str, tuple[str, int]]:
    return {item["site_id"]: (item["question"], item["entries"]) for item in outside.read(items_key(name, 1))}


def test_each_site_is_asked_the_question_that_it_missed_with_that_questions_number(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(miss("harbour"), miss("orchard", question=REFRESH))
    redrive(planning)
    assert asked(outside) == {"harbour": (CANDIDATES, 5), "orchard": (REFRESH, 3)}
    assert made(outside).question_of("orchard") == REFRESH


def test_misses_of_one_question_make_it_the_runs_own_whatever_nights_ask_now(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(*[miss(name, question=REFRESH) for name in ("harbour", "orchard")])
    redrive(planning)
    assert (made(outside).configuration.question, made(outside).questions) == (REFRESH, {})
    assert asked(outside) == {"harbour": (REFRESH, 3), "orchard": (REFRESH, 3)}


def test_the_worst_case_counts_each_sites_own_question(outside: Outside, planning: Adapters) -> None:
    outside.put(
        SITES_KEY, [site("harbour").model_dump(), site("orchard", facts={"articles": "x" * 2_000}).model_dump()]
    )
    outside.enqueue(miss("harbour"), miss("orchard"))
    redrive(planning, "one")
    one = made(outside, "one").worst_case
    outside.drain(outside.miss_queue)
    outside.enqueue(miss("harbour"), miss("orchard", question=REFRESH))
    outside.s3.delete_object(Bucket=outside.bucket, Key="config/redrive-lease.json")
    outside.put("runs/one/summary.json", {})
    redrive(planning, "two")
    assert made(outside, "two").worst_case.input_tokens - one.input_tokens > 6 * 900


def test_of_two_questions_about_one_site_the_newest_is_asked_and_the_other_given_back_without_an_attempt(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(miss("harbour", age_days=1, attempts=2))
    outside.enqueue(miss("harbour", question=REFRESH, attempts=1))
    assert redrive(planning).planned == 1
    plan = made(outside)
    assert asked(outside) == {"harbour": (REFRESH, 3)}
    assert (plan.attempts, len(plan.messages["harbour"])) == ({"harbour": 1}, 1)
    assert outside.count(outside.miss_queue) == (1, 1)
    (left,) = outside.drain(outside.miss_queue)
    assert (left["question"], left["attempts"]) == (CANDIDATES, 2)


def test_an_acceptance_settles_its_own_question_only(outside: Outside, planning: Adapters) -> None:
    for name in ("harbour", "orchard"):
        outside.enqueue(miss(name, question=REFRESH, age_days=2))
    closed(outside, "by-hand", MISSED + timedelta(hours=1), "harbour", question=CANDIDATES)
    own = [{"site_id": "orchard", "accepted": True, "question": REFRESH}]
    closed(outside, "morning-before", MISSED + timedelta(hours=1), question=CANDIDATES)
    document = outside.read("runs/morning-before/summary.json") | {"sites": own}
    outside.put("runs/morning-before/summary.json", document)
    redrive(planning)
    assert [each.site_id for each in made(outside).settled] == ["orchard"]
    assert asked(outside) == {"harbour": (REFRESH, 3)}


def test_a_site_is_never_asked_and_settled_in_one_run(outside: Outside, planning: Adapters) -> None:
    """The page of a run shows one ending for each of its sites."""
    outside.enqueue(miss("harbour", age_days=2), miss("harbour", question=REFRESH, age_days=1))
    closed(outside, "by-hand", STARTED - timedelta(hours=30), "harbour", question=CANDIDATES)
    redrive(planning)
    assert (made(outside).settled, [each.site_id for each in made(outside).sites]) == ([], ["harbour"])
    assert outside.count(outside.miss_queue) == (1, 1)


@pytest.mark.parametrize(
    ("question", "explanation"),
    [
        ("talks", "its question, talks, is no longer there"),
        (REFRESH, "its question, articles_to_refresh, needs the fact articles, which the site no longer has"),
    ],
)
def test_what_can_no_longer_be_asked_is_parked_with_the_explanation_and_stops_no_other_site(
    outside: Outside, planning: Adapters, question: str, explanation: str
) -> None:
    outside.put(SITES_KEY, [site(name).model_dump() for name in ("harbour", "orchard")])
    outside.enqueue(miss("harbour", question=question), miss("orchard"))
    assert redrive(planning).planned == 1
    assert asked(outside) == {"orchard": (CANDIDATES, 5)}
    (unlisted,) = made(outside).unlisted
    assert (unlisted.miss.site.site_id, unlisted.explanation) == ("harbour", explanation)


def test_the_question_of_the_missed_runs_overrides_is_not_taken_for_other_sites(
    outside: Outside, planning: Adapters
) -> None:
    overrides: dict[str, Any] = {"question": REFRESH, "remember": 7}
    outside.enqueue(miss("harbour", question=REFRESH, overrides=overrides))
    outside.enqueue(miss("orchard", age_days=1))
    redrive(planning)
    assert asked(outside) == {"harbour": (REFRESH, 3), "orchard": (CANDIDATES, 5)}
    plan = made(outside)
    assert (plan.overrides, plan.configuration.remember) == ({"remember": 7}, 7)
