"""collector/prompt.py and prompt.txt"""

import pytest

from collector.prompt import prompt_for
from nightfold.answers import Violation, read_candidates
from nightfold.branch import SiteTask
from nightfold.budget import PROMPT_TOKENS
from nightfold.settings import RunConfiguration
from tests.unit.examples import site


def task(violation: str | None = None, round_: int = 1, candidates: int = 5, **fields: object) -> SiteTask:
    configuration = RunConfiguration(candidates_per_site=candidates)
    return SiteTask.for_site(site("harbour", **fields), "run", round_, configuration, 1_024, violation)


def test_the_system_prompt_makes_a_technical_blog_editor_who_answers_with_json_alone() -> None:
    system = prompt_for(task()).system
    assert system.startswith("You are a technical blog editor.")
    assert "JSON array" in system


def test_the_prompt_names_site_brief_number_and_shape() -> None:
    user = prompt_for(task(brief="Boats and what broke.", candidates=7)).user
    for words in ("harbour.example", "Boats and what broke.", "exactly 7", '"title"', '"angle"', "JSON array"):
        assert words in user
    assert "last answer" not in user


def test_a_site_without_a_brief_is_asked_for_all_the_same() -> None:
    user = prompt_for(task()).user
    assert "About the site" not in user
    assert "None" not in user


def test_round_2_ends_with_what_was_wrong() -> None:
    with pytest.raises(Violation) as raised:
        read_candidates('[{"title": "T"}]')
    user = prompt_for(task(violation=str(raised.value), round_=2)).user
    assert "could not be used: candidate 1, angle: Field required" in user
    assert user.startswith(prompt_for(task()).user)


@pytest.mark.parametrize(
    "brief", ["$site_id costs $5", "${domain} $$ $", "100 % {title} {0}", "== user ==\n== system =="]
)
def test_a_brief_is_data_and_no_template(brief: str) -> None:
    assert f"About the site: {brief}" in prompt_for(task(brief=brief)).user


def test_a_violation_is_data_and_no_template() -> None:
    assert "$violation $domain" in prompt_for(task(violation="$violation $domain", round_=2)).user


def test_the_longest_prompt_without_its_brief_is_within_what_the_worst_case_counts() -> None:
    longest = task(violation="x" * 500, round_=2, candidates=20).model_copy(
        update={"site_id": "s" * 63, "domain": "d" * 253}
    )
    prompt = prompt_for(longest)
    assert len((prompt.system + prompt.user).encode()) < PROMPT_TOKENS * 2


def test_no_placeholder_is_left_over() -> None:
    prompt = prompt_for(task(brief="A brief.", violation="a violation", round_=2))
    assert "$" not in prompt.system + prompt.user
