"""The simulated Claude's entries: any question's, from the schema of its contract.

Headings come from a list of topics and from the site's brief. One that the prompt names as suggested before is not made
again.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count as numbers
from random import Random
from string import Template
from typing import Any

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
_TEXTS = (
    "One case from start to end, with the numbers before and after.",
    "The three decisions that mattered, and the one that was wrong.",
    "For a team of five: what to do first, what to leave for later.",
    "A small experiment that any reader can repeat in an hour.",
    "What the usual advice leaves out, shown on a real outage.",
)
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
    """`number` entries, each with a heading that `prompt` does not have."""
    question = asked(system)
    schema = question.entry.model_json_schema()
    start = rng.randrange(len(TITLES))
    made: list[dict[str, Any]] = []
    for heading in _headings(site, prompt, start, rng):
        if len(made) == number:
            break
        if heading not in prompt:
            of_fields = {
                name: _value(field, schema, start + len(made) + nth)
                for nth, (name, field) in enumerate(schema["properties"].items())
                if name != question.heading
            }
            made.append({question.heading: heading, **of_fields})
    return made


@cache
def asked(system: str) -> Question:
    """The question whose system prompt this is; the default one if it is none's."""
    for name in names():
        try:
            question = load(name)
        except InvalidInput:
            continue
        words = Template(question.prompt["system"].strip())
        if re.fullmatch(_pattern(words), system, re.DOTALL):
            return question
    return load(DEFAULT)


def _pattern(words: Template) -> str:
    """What matches the text with anything in place of its names."""
    mark = "\N{REPLACEMENT CHARACTER}"
    return re.escape(words.safe_substitute(dict.fromkeys(words.get_identifiers(), mark))).replace(mark, ".*")


def _headings(site: str, prompt: str, start: int, rng: Random) -> Iterator[str]:
    """Without end, each with another topic or title."""
    name = site.partition(".")[0].replace("-", " ").title() or "Our Site"
    topics = rng.sample(TOPICS, len(TOPICS))
    about = subjects(prompt)
    for i in numbers():
        lap, topic = i // len(topics), topics[i % len(topics)]
        title = TITLES[(start + i + lap) % len(TITLES)]  # a topic that comes again gets another title
        title = title.format(topic=topic, Topic=_capital(topic), site=name)
        if about and i % 2 == 0:
            title = f"{_capital(about[i // 2 % len(about)])}: {_lower(title)}"
        part = i // (len(topics) * len(TITLES))
        yield f"{title}, part {part + 1}" if part else title


def _value(field: Mapping[str, Any], schema: Mapping[str, Any], number: int) -> Any:
    """A value that the JSON schema of a field accepts; `number` varies it."""
    if "$ref" in field:
        return _value(schema["$defs"][field["$ref"].rpartition("/")[2]], schema, number)
    if "anyOf" in field:
        return _value(field["anyOf"][0], schema, number)
    if "const" in field:
        return field["const"]
    if "enum" in field:
        return field["enum"][number % len(field["enum"])]
    match field.get("type"):
        case "string":
            text = _TEXTS[number % len(_TEXTS)]
            return text[: field.get("maxLength", len(text))].rstrip(" ,:")
        case "integer" | "number":
            lowest = field.get("minimum", field.get("exclusiveMinimum", 0) + 1)
            return min(lowest + number % 5, field.get("maximum", lowest + 5))
        case "boolean":
            return number % 2 == 0
        case "array":
            return [_value(field["items"], schema, number + nth) for nth in range(max(field.get("minItems", 0), 2))]
        case "object":
            return {name: _value(each, schema, number) for name, each in field.get("properties", {}).items()}
    return None


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _lower(title: str) -> str:
    """The title as it continues after a colon; abbreviations keep their capitals."""
    return title[0].lower() + title[1:] if title[1] == " " or title[1].islower() else title
