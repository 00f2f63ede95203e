"""infra/messages_api/simulated_entries.py"""

from random import Random

import pytest

from infra.messages_api.simulated_entries import TITLES, TOPICS, entries, subjects

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
