"""nightfold/question.py: what makes a folder a question, and what is wrong with one that is none."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import questions
from nightfold import question
from nightfold.errors import InvalidInput
from nightfold.question import Question, load, names
from tests.support.questions import CANDIDATES, REFRESH

CONTRACT = """
from nightfold.question import Entry, Line, Question, Text

class Talk(Entry):
    title: Line
    audience: Line
    abstract: Text
    minutes: int = 30

QUESTION = Question(entry=Talk, noun="talk", heading="title", text="abstract", facts={"city": "Oslo"})
"""
PROMPT = """== system ==
Only JSON.
== user ==
Site: $site_id ($domain). $brief
$entries talks for $city, about ${field}, for at most $$5 a head.
== earlier ==
Not: $earlier
== regenerate ==
Wrong: $violation
"""

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the folder of a question; only what is written exists."""
    monkeypatch.setattr(question, "QUESTIONS", tmp_path)
    monkeypatch.setattr(questions, "__path__", [str(tmp_path)])
    before = dict(sys.modules)
    load.cache_clear()

    def write(name: str, contract: str = CONTRACT, prompt: str | None = PROMPT) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "question.py").write_text(contract)
        if prompt is not None:
            (tmp_path / name / "prompt.txt").write_text(prompt)

    yield write
    load.cache_clear()
    for module in sys.modules.keys() - before.keys():
        del sys.modules[module]


def refusal() -> str:
    with pytest.raises(InvalidInput, match=r"^question: functions/questions/talks: .*$") as refused:
        load("talks")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_every_question_of_the_repository_loads() -> None:
    found = {name: load(name) for name in names()}  # yours too
    assert found.keys() >= {"article_candidates", "articles_to_refresh"}
    assert (CANDIDATES.name, CANDIDATES.details, CANDIDATES.needed) == ("article_candidates", ["angle"], frozenset())
    assert (REFRESH.name, REFRESH.details, REFRESH.needed) == (
        "articles_to_refresh",
        ["outdated", "effort"],
        frozenset({"articles"}),
    )


def test_a_folder_with_two_files_is_a_question(write: Write) -> None:
    write("talks")
    assert names() == ["talks"]
    talks = load("talks")
    assert (talks.name, talks.noun, talks.entries) == ("talks", "talk", 5)
    assert talks.details == ["abstract", "audience", "minutes"]
    assert talks.needed == {"field"}
    assert talks.prompt["system"] == "Only JSON.\n"


def test_the_tokens_of_a_prompt_count_a_name_as_often_as_the_prompt_has_it(write: Write) -> None:
    write("once")
    write("often", prompt=PROMPT.replace("Only JSON.", "Only JSON." + " $field" * 9))
    long = {"field": "x" * 1_000}
    more = load("often").prompt_tokens(long) - load("once").prompt_tokens(long)
    assert more >= 9 * 500


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("talk", "there is no functions/questions/talk; the nearest is 'talks'"),
        ("../talks", r"there is no functions/questions/\.\./talks"),
        ("\x1b[31m", "there is no"),
    ],
)
def test_an_unknown_question_is_refused_with_the_nearest(write: Write, name: str, complaint: str) -> None:
    write("talks")
    with pytest.raises(InvalidInput, match=f"^question: {complaint}"):
        load(name)


@pytest.mark.usefixtures("write")
def test_without_any_question_the_error_still_is_one_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"^question: there is no functions/questions/talks$"):
        load("talks")


@pytest.mark.parametrize(
    ("contract", "complaint"),
    [
        ("class Talk(", "SyntaxError"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("", "has no attribute 'QUESTION'"),
        ("QUESTION = 5", "TypeError"),
        (CONTRACT.replace("Talk(Entry)", "Talk(__import__('pydantic').BaseModel)"), "must be a subclass of"),
        (CONTRACT.replace('heading="title"', 'heading="name"'), "heading 'name' is not a field of Talk"),
        (CONTRACT.replace('text="abstract"', 'text="name"'), "text 'name' is not a field of Talk"),
        (CONTRACT.replace("title: Line", "title: int"), "heading 'title' must be a required text"),
        (CONTRACT.replace("title: Line", "title: Line | None = None"), "heading 'title' must be a required text"),
        (CONTRACT.replace('noun="talk"', 'noun="talk", entries=0'), "entries must be from 1 to 20"),
        (CONTRACT.replace('{"city"', '{"domain"'), "'domain' cannot be the name of a fact"),
        (CONTRACT.replace('{"city"', '{"City"'), "'City' cannot be the name of a fact"),
    ],
)
def test_a_contract_that_is_none_is_refused_with_its_folder(write: Write, contract: str, complaint: str) -> None:
    write("talks", contract)
    assert complaint in refusal()


@pytest.mark.parametrize(
    ("prompt", "complaint"),
    [
        (None, "prompt.txt"),
        ("", "it has none"),
        (PROMPT.replace("== user ==", "= user ="), "it has system, earlier, regenerate"),
        (PROMPT + "== user ==\nagain\n", "each once"),
        (PROMPT + "== more ==\n", "it has system, user, earlier, regenerate, more"),
        ("You are an editor.\n" + PROMPT, "nothing before them"),
        (PROMPT.replace("$$5", "$5"), "prompt.txt, user: a $ that begins no name"),
        (PROMPT.replace("$violation", "$ violation"), "prompt.txt, regenerate: a $ that begins no name"),
        (PROMPT.replace("${field}", "$Field"), "prompt.txt, user: 'Field' cannot be a name"),
        (PROMPT.replace("Only JSON.", ""), "prompt.txt, system: has no text"),
    ],
)
def test_a_prompt_that_is_none_is_refused_with_its_part(write: Write, prompt: str | None, complaint: str) -> None:
    write("talks", prompt=prompt)
    assert complaint in refusal()


@pytest.mark.parametrize(
    "prompt",
    [
        "\ufeff" + PROMPT,
        PROMPT.replace("\n", "\r\n"),
        PROMPT.replace(" ==\n", " == \n"),
        PROMPT.removesuffix("\nWrong: $violation\n"),
    ],
)
def test_what_editors_leave_in_a_file_does_no_harm(write: Write, prompt: str) -> None:
    write("talks", prompt=prompt)
    assert load("talks").needed == {"field"}


def test_a_heading_is_one_short_line_whatever_the_contract_allows(write: Write) -> None:
    write("talks", CONTRACT.replace("title: Line", "title: str"))
    talks: Question = load("talks")
    given = {"audience": "A", "abstract": "B"}
    heading = talks.heading_of(talks.entry.model_validate({"title": "x\n\x1b[31m" + "y" * 5_000, **given}))
    assert heading.startswith("x [31m")
    assert len(heading) == 1_000
