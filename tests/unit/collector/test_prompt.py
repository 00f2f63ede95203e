"""collector/prompt.py and the questions' prompt.txt"""

import json
from collections.abc import Sequence

import pytest

from collector.prompt import prompt_for
from nightfold.answers import ANSWER_LIMIT, Violation, read_entries
from nightfold.branch import SiteTask
from nightfold.memory import Memory, fitting
from nightfold.question import Question
from nightfold.settings import RunConfiguration
from tests.support.questions import CANDIDATES, REFRESH
from tests.unit.examples import STARTED, answered, site


def task(
    violation: str | None = None,
    round_: int = 1,
    entries: int | None = None,
    question: Question = CANDIDATES,
    earlier: Sequence[str] = (),
    **fields: object,
) -> SiteTask:
    configuration = RunConfiguration(entries=entries)
    about = site("harbour", **fields)
    return SiteTask.for_site(about, "run", round_, configuration, 1_024, question, earlier, violation)


def test_the_system_prompt_makes_an_editor_of_this_site_who_answers_with_json_alone() -> None:
    system = prompt_for(task()).system
    assert system.startswith("You are the editor of the site")
    assert "JSON array" in system


def test_the_prompt_names_site_brief_number_and_shape() -> None:
    user = prompt_for(task(brief="Boats and what broke.", entries=7)).user
    for words in ("harbour.example", "Boats and what broke.", "exactly 7", '"title"', '"angle"', "JSON array"):
        assert words in user
    assert "last answer" not in user


def test_a_site_without_a_brief_is_asked_for_all_the_same() -> None:
    user = prompt_for(task()).user
    assert "About the site" not in user
    assert "None" not in user


def test_round_2_ends_with_what_was_wrong() -> None:
    with pytest.raises(Violation) as raised:
        read_entries('[{"title": "T"}]', CANDIDATES)
    user = prompt_for(task(violation=str(raised.value), round_=2)).user
    assert "could not be used: candidate 1, angle: Field required" in user
    assert user.startswith(prompt_for(task()).user)


@pytest.mark.parametrize(
    "brief", ["$site_id costs $5", "${domain} $$ $", "100 % {title} {0}", "== user ==\n== system =="]
)
def test_a_brief_and_a_violation_are_data_and_no_template(brief: str) -> None:
    user = prompt_for(task(brief=brief, violation=f"{brief} $violation", round_=2)).user
    assert f"About the site: {brief}" in user
    assert f"{brief} $violation" in user


@pytest.mark.parametrize("question", [CANDIDATES, REFRESH])
def test_the_longest_prompt_is_within_what_the_worst_case_counts(question: Question) -> None:
    headings = [f"{number} {'é' * 150}" for number in range(40)]
    earlier = Memory().with_run("r", STARTED, headings, simulated=False).earlier(40, simulated=False)
    facts = {"articles": "港" * 2_000, "language": "日本語"}
    longest = task("x" * 500, 2, 20, question, earlier, brief="ü" * 2_000, facts=facts).model_copy(
        update={"site_id": "s" * 63, "domain": "d" * 253}
    )
    prompt = prompt_for(longest)
    assert len(earlier) > 8
    assert len((prompt.system + prompt.user).encode()) < question.prompt_tokens(longest.given) * 2


def test_what_was_suggested_before_stands_before_what_was_wrong() -> None:
    user = prompt_for(task("it was no JSON", 2, earlier=["The newest", "An older one"])).user
    assert "suggested before. Propose others:\n- The newest\n- An older one\n" in user
    assert user.index("An older one") < user.index("it was no JSON")
    assert "suggested before" not in prompt_for(task()).user


def test_a_fact_is_data_and_replaces_the_questions_default() -> None:
    assert "in the language of the site." in prompt_for(task()).user
    assert "in $domain: 5 $$ ${x}." in prompt_for(task(facts={"language": "$domain: 5 $$ ${x}"})).user
    listed = prompt_for(task(question=REFRESH, facts={"articles": "- One\n- Two"})).user
    assert "Its articles:\n- One\n- Two\n" in listed


def test_no_placeholder_is_left_over() -> None:
    prompt = prompt_for(task(brief="A brief.", violation="a violation", round_=2))
    assert "$" not in prompt.system + prompt.user


def test_the_longest_task_and_the_longest_answer_pass_through_a_branch_together() -> None:
    """Step Functions allows 262,144 bytes; CollectSite's result is put beside the item."""
    facts = {f"f{number}": "\N{CJK UNIFIED IDEOGRAPH-6E2F}" * 2_000 for number in range(6)}
    told = fitting(f"{number:200}" for number in range(40))
    longest = task("x" * 500, 2, 20, CANDIDATES, told, brief="\N{CJK UNIFIED IDEOGRAPH-6E2F}" * 2_000, facts=facts)
    collected = answered("r" * 80, "s" * 63, "x" * (ANSWER_LIMIT - 2))
    state = json.dumps(longest.model_dump(mode="json") | {"collected": {"outcome": collected.model_dump(mode="json")}})
    texts = [collected.answer.text if collected.answer else "", *longest.given.values()]
    assert len("".join(texts)) > 110_000
    assert len(json.dumps(json.loads(state), ensure_ascii=False).encode()) < 0.8 * 262_144
