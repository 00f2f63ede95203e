"""The simulated Claude's entries: any question's, from the schema of its contract.

Headings come from a list of topics and from the site's brief. One that the prompt names as suggested before is not made
again.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count as numbers
from itertools import islice
from random import Random
from string import Template
from typing import Any

from infra.messages_api.simulated_values import value
from nightfold.errors import InvalidInput
from nightfold.question import DEFAULT, Question, load, names

TOPICS = (
    "access reviews",
    "alert fatigue",
    "API versioning",
    "backup drills",
    "cache invalidation",
    "code review",
    "cold starts",
    "cost reports",
    "dependency updates",
    "feature flags",
    "incident write-ups",
    "load tests",
    "log retention",
    "on-call handovers",
    "queue backlogs",
    "retry storms",
    "schema changes",
    "staging environments",
)
TITLES = (
    "What {topic} taught the team at {site}",
    "{Topic} without the guesswork",
    "A field guide to {topic}",
    "An afternoon with {topic}",
    "The quiet cost of {topic}",
    "{Topic}, explained with one real example",
    "The checklist {site} uses for {topic}",
    "Five questions about {topic}",
)
ENDINGS = ("", "", "", " in a small team", " under pressure", " from scratch", " at the second attempt", " on a Monday")
LONGEST = 200  # characters of a heading
_BRIEF = re.compile(r"^About the site: (.+)$", re.MULTILINE)
_SMALL_WORDS = """
a about an and are at blog by each every for from how in into is it its of on or our people platform run runs site small
team teams that the their them they this those three to two use used uses what where which who why with without write
writes you your
"""
_NO_SUBJECT = frozenset(_SMALL_WORDS.split())


def subjects(question: str) -> list[str]:
    """The subjects of the prompt's brief, as far as word lists can find them: the phrases of two or three words
    between its small words and punctuation, otherwise its first word that is not small."""
    found = _BRIEF.search(question)
    runs: list[list[str]] = [[]]
    for word in re.findall(r"\w[\w'-]*|[^\w\s]", found[1] if found else ""):
        if not word[0].isalnum() or word.lower() in _NO_SUBJECT or len(runs[-1]) == 3:
            runs.append([])
        if word[0].isalnum() and word.lower() not in _NO_SUBJECT:
            runs[-1].append(word)
    phrases = [phrase for run in runs if 3 < len(phrase := " ".join(run)) <= 30]
    return [phrase for phrase in phrases if " " in phrase][:3] or phrases[:1]


def entries(site: str, number: int, system: str, prompt: str, rng: Random) -> list[dict[str, Any]]:
    """`number` entries, each with a heading that `prompt` does not have. Another prompt gets others: what is no longer
    named as suggested may still be remembered."""
    rng = Random(f"{rng.random()}/{prompt}")  # noqa: S311 - a simulation
    question = asked(system, prompt)
    schema = question.entry.model_json_schema()
    longest = schema["properties"][question.heading].get("maxLength", LONGEST)
    start = rng.randrange(len(TITLES))
    told = question.prompt.get("earlier", "").partition("$earlier")[0].strip()
    endings = ENDINGS if told and told in prompt else ENDINGS[:1]  # a first answer needs none to be new
    headings = (
        _shortened(heading, nth, longest) for nth, heading in enumerate(_headings(site, prompt, start, endings, rng), 1)
    )
    new = islice((heading for heading in headings if heading not in prompt), number)
    return [value(schema, schema, start + nth) | {question.heading: heading} for nth, heading in enumerate(new)]


def _shortened(heading: str, number: int, longest: int) -> str:
    """Cut where the contract allows no longer ones; `number` keeps them apart."""
    return heading if len(heading) <= longest else f"{heading[: longest - len(str(number)) - 1]} {number}"[-longest:]


def asked(system: str, prompt: str) -> Question:
    """The question with these words; if several match, the one with the most words; if none does, the default one."""
    found = {
        name: len("".join(of_user))
        for name in names()
        for of_system, of_user in [_words(name)]
        if of_user and _in_order(of_system, system) and _in_order(of_user, prompt)
    }
    return load(max(found, key=lambda name: found[name], default=DEFAULT))


def number_asked(system: str, prompt: str) -> re.Match[str] | None:
    """The number that a prompt has in place of $entries, by the words before it."""
    before, _, rest = asked(system, prompt).prompt["user"].replace("${entries}", "$entries").partition("$entries")
    words = re.split(r"\$\{?\w+\}?", before)[-1]
    return re.search(rf"{re.escape(words)}(\d{{1,2}})\b", prompt) if rest and words.strip() else None


@cache
def _words(name: str) -> tuple[list[str], list[str]]:
    """What a question's prompt has between its names; nothing if it cannot be loaded."""
    try:
        question = load(name)
    except InvalidInput:
        return [], []
    mark = "\N{REPLACEMENT CHARACTER}"
    parts = (Template(question.prompt[part]) for part in ("system", "user"))
    filled = (part.safe_substitute(dict.fromkeys(part.get_identifiers(), mark)) for part in parts)
    system, user = ([words.strip() for words in part.split(mark)] for part in filled)
    return system, user


def _in_order(pieces: list[str], text: str) -> bool:
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _headings(site: str, prompt: str, start: int, endings: Sequence[str], rng: Random) -> Iterator[str]:
    """Without end, each with another topic or title."""
    name = site.partition(".")[0].replace("-", " ").title() or "Our Site"
    topics = rng.sample(TOPICS, len(TOPICS))
    about = subjects(prompt)
    for i in numbers():
        lap, topic = i // len(topics), topics[i % len(topics)]
        title = TITLES[(start + i + lap) % len(TITLES)]  # a topic that comes again gets another title
        title = title.format(topic=topic, Topic=_capital(topic), site=name) + rng.choice(endings)
        if about and i % 2 == 0:
            title = f"{_capital(about[i // 2 % len(about)])}: {_lower(title)}"
        part = i // (len(topics) * len(TITLES))
        yield f"{title}, part {part + 1}" if part else title


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _lower(title: str) -> str:
    """The title as it continues after a colon; abbreviations keep their capitals."""
    return title[0].lower() + title[1:] if title[1] == " " or title[1].islower() else title
