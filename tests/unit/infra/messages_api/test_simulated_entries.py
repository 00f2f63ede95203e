"""infra/messages_api/simulated_entries.py"""

import json
from random import Random
from string import Template
from typing import Annotated

import pytest
from pydantic import Field

from infra.messages_api import simulated_entries
from infra.messages_api.simulated_entries import TITLES, TOPICS, asked, entries, subjects
from nightfold.answers import read_entries
from nightfold.memory import known_as
from nightfold.question import GIVEN, Entry, Question
from tests.support.questions import CANDIDATES, REFRESH

BRIEFS = {
    "A blog for people who run small container platforms and write about what broke.": "container platforms",
    "Sustainable software: measuring and lowering the energy that programs use.": "Sustainable software",
    "Serverless patterns in Python, with figures from production.": "Serverless patterns",
    "港の話": "",
    "a": "",
}


@pytest.mark.parametrize(("brief", "subject"), BRIEFS.items())
def test_titles_are_about_what_the_brief_says(brief: str, subject: str) -> None:
    prompt = f"Site: harbour (harbour.example)\nAbout the site: {brief}\nPropose exactly 5 article candidates."
    titles = [candidate["title"] for candidate in entries("harbour", 5, "", prompt, Random(0))]
    assert subjects(prompt)[:1] == ([subject] if subject else [])
    assert sum(subject.lower() in title.lower() for title in titles) >= (1 if subject else 5)
    assert len(set(titles)) == 5


def test_a_title_says_nothing_that_depends_on_the_number_of_its_topic() -> None:
    # "Why API versioning deserve": a topic is one thing or several.
    assert {topic[-1] == "s" for topic in TOPICS} == {True, False}
    for title in TITLES:
        after = title.lower().partition("{topic}")[2].split()
        assert not after or after[0] in {"taught", "without"} or title.lower().partition("{topic}")[2][0] in ",:", title


@pytest.mark.parametrize("question", [CANDIDATES, REFRESH])
def test_a_heading_that_the_prompt_names_is_not_proposed_again(question: Question) -> None:
    told: list[str] = []
    for night in range(30):
        prompt = f"{question.prompt['user']}\nNot: {told}"
        made = entries("harbour", 5, question.prompt["system"], prompt, Random(0))
        headings = [entry[question.heading] for entry in made]
        assert not set(headings) & set(told), night
        assert len(read_entries(json.dumps(made), question)) == len({*map(known_as, headings)}) == 5
        told += headings


def test_the_question_is_known_by_its_words_whatever_is_between_them() -> None:
    for question in (CANDIDATES, REFRESH):
        given = dict.fromkeys([*GIVEN, "articles", "language"], "Name exactly 3 of these articles $ {x}\n")
        system, user = (Template(question.prompt[part]).substitute(given) for part in ("system", "user"))
        assert asked(system.strip(), user.strip()) == question
    assert asked("Be brief.", "Site: harbour") == CANDIDATES


def test_headings_are_as_short_as_the_contract_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Word(Entry):
        word: Annotated[str, Field(max_length=9)]

    short = Question(entry=Word, noun="word", heading="word", text="word")
    monkeypatch.setattr(simulated_entries, "asked", lambda *_: short)
    words = [entry["word"] for entry in entries("harbour", 20, "", "Site: harbour", Random(0))]
    assert max(map(len, words)) <= 9
    assert len(set(words)) == 20
