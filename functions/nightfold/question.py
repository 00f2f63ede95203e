"""A question: a folder below functions/questions, with the contract of an answer's entries and the prompt.

Nothing outside the folder knows its fields. Planner, collector, aggregator, reporter, command line and simulated API
load it by its name.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from nightfold.complaints import nearest
from nightfold.errors import InvalidInput
from nightfold.text import one_line, visible_line

QUESTIONS = Path(__file__).parents[1] / "questions"
DEFAULT = "article_candidates"
NAME = r"[a-z][a-z0-9_]{0,39}"  # of a question, of a fact
PARTS = ("system", "user", "earlier", "regenerate")  # of prompt.txt
GIVEN = {"site_id", "domain", "brief", "entries", "earlier", "violation"}  # the prompt's names besides the facts
VIOLATION_LIMIT = 500  # characters that round 2 adds to the prompt
HEADING_LIMIT = 1_000  # characters of a heading that are remembered

Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(visible_line)]
"""One line of visible text, such as a title."""
Text = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(visible_line)]
"""One or two sentences of visible text."""


class Entry(BaseModel):
    """One element of an accepted answer. Unknown keys are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Question:
    """What is asked about every site.

    Args:
        entry: the contract of one entry.
        noun: what one entry is called, such as `candidate`.
        heading: the field that names an entry; by it Nightfold remembers what was suggested before.
        text: the field that is shown first below the heading.
        entries: how many to ask for, unless the configuration says otherwise.
        facts: defaults of names that the prompt uses and a site may lack.
        structured: whether the API is given the contract as a schema that its answer has to follow.
    """

    entry: type[Entry]
    noun: str
    heading: str
    text: str
    entries: int = 5
    facts: Mapping[str, str] = field(default_factory=dict)
    structured: bool = False
    name: str = ""  # of the folder, filled in when it is loaded
    prompt: Mapping[str, str] = field(default_factory=dict)  # the parts of prompt.txt, filled in too

    def __post_init__(self) -> None:
        if not issubclass(self.entry, Entry):
            raise TypeError(f"{self.entry.__name__} must be a subclass of nightfold.question.Entry")
        for role in ("heading", "text"):
            if (name := getattr(self, role)) not in self.entry.model_fields:
                raise ValueError(f"{role} {name!r} is not a field of {self.entry.__name__}")
        heading = self.entry.model_fields[self.heading]
        if heading.annotation is not str or not heading.is_required():
            raise ValueError(f"heading {self.heading!r} must be a required text: by it an entry is remembered")
        if not 1 <= self.entries <= 20:
            raise ValueError("entries must be from 1 to 20")
        for fact in self.facts:
            if not re.fullmatch(NAME, fact) or fact in GIVEN:
                raise ValueError(f"facts: {fact!r} cannot be the name of a fact")
        if self.structured:
            _check_schema(self.schema, self.schema["$defs"], self.entry.__name__)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of a structured answer. Its root is an object, as the API wants it, that holds the array."""
        return create_model("Answer", entries=(list[self.entry], ...)).model_json_schema()  # type: ignore[name-defined]

    @property
    def details(self) -> list[str]:
        """Every field but the heading, in the order in which they are shown."""
        return [self.text, *(name for name in self.entry.model_fields if name not in {self.heading, self.text})]

    @cached_property
    def needed(self) -> frozenset[str]:
        """The facts that a site has to carry: names that the prompt uses and that have no default."""
        used = {name for part in self.prompt.values() for name in Template(part).get_identifiers()}
        return frozenset(used - GIVEN - self.facts.keys())

    def heading_of(self, entry: Entry) -> str:
        """On one line, whatever the contract allows: it goes into prompts and terminals."""
        return one_line(getattr(entry, self.heading), HEADING_LIMIT)

    def prompt_tokens(self, given: Mapping[str, str]) -> int:
        """More than the input tokens of one call with `given` for the prompt's names: a token is at least two bytes of
        UTF-8 in every language that we measured."""
        given = {**self.facts, **given, "violation": "x" * 2 * VIOLATION_LIMIT}
        sent = [Template(part).safe_substitute(given) for part in self.prompt.values()]
        sent += [json.dumps(self.schema)] if self.structured else []
        return sum(len(text.encode()) for text in sent) // 2


def names() -> list[str]:
    """All questions there are."""
    return sorted(folder.parent.name for folder in QUESTIONS.glob("*/question.py"))


@cache
def load(name: str) -> Question:
    """The question of that name. Raises InvalidInput if there is none, or if its folder is broken."""
    known = names()
    if name not in known:
        near = nearest(name, known)
        meant = f"; the nearest is {near!r}" if near else ""
        raise InvalidInput(f"question: there is no functions/questions/{one_line(name, 60)}{meant}")
    try:
        question: Question = import_module(f"questions.{name}.question").QUESTION
        return replace(
            question, name=name, prompt=_parts((QUESTIONS / name / "prompt.txt").read_text("utf-8-sig") + "\n")
        )
    except Exception as error:  # it is the user's code
        raise InvalidInput(
            f"question: functions/questions/{name}: {one_line(f'{type(error).__name__}: {error}')}"
        ) from None


def shown(name: str, example: Mapping[str, object] | None = None) -> Question:
    """The question as a page or a terminal shows it. If its folder is gone, or `example`, an entry of its results, has
    other fields than it has now, a stand-in with the example's fields."""
    with suppress(InvalidInput):
        question = load(name)
        if not example or question.heading in example:
            return question
    fields = list(example or {"entry": ""})
    model = create_model("Entry", __base__=Entry, **dict.fromkeys(fields, (str, ...)))  # type: ignore[call-overload]
    return Question(entry=model, noun="entry", heading=fields[0], text=fields[-1], name=name)


def _check_schema(
    schema: dict[str, Any], definitions: dict[str, Any], field: str, inside: tuple[str, ...] = ()
) -> None:
    """Raises ValueError for what the API has no schema for: it, or its SDK, would refuse the question of every site."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name in inside:
            raise ValueError(f"structured: {field} holds itself, and such a schema is refused")
        _check_schema(definitions[name], definitions, field, (*inside, name))
    elif not schema.keys() & {"type", "enum", "const", "anyOf", "oneOf"}:
        raise ValueError(f"structured: {field} may be anything, and the schema of an answer needs its type")
    elif schema.get("type") == "object" and "properties" not in schema:
        raise ValueError(f"structured: {field} may have any keys, and the schema of an answer needs their names")
    for name, each in schema.get("properties", {}).items():
        _check_schema(each, definitions, name, inside)
    items = [schema["items"]] if "items" in schema else []
    for each in (*items, *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        _check_schema(each, definitions, field, inside)


def _parts(text: str) -> dict[str, str]:
    before, *names_and_texts = re.split(r"^== (\w+) ==[ \t]*\n", text, flags=re.MULTILINE)
    found, texts = names_and_texts[::2], names_and_texts[1::2]
    if sorted(found) != sorted(PARTS) or before.strip():
        raise ValueError(
            f"prompt.txt needs {', '.join(f'== {part} ==' for part in PARTS)}, each once, and nothing before "
            f"them; it has {', '.join(found) or 'none'}"
        )
    parts = dict(zip(found, texts, strict=True))
    for name, part in parts.items():
        template = Template(part)
        if not template.is_valid():
            raise ValueError(f"prompt.txt, {name}: a $ that begins no name; write $$ for a dollar sign")
        if wrong := [used for used in template.get_identifiers() if not re.fullmatch(NAME, used)]:
            raise ValueError(f"prompt.txt, {name}: {wrong[0]!r} cannot be a name: at most 40 lower-case letters")
        if name in {"system", "user"} and not part.strip():
            raise ValueError(f"prompt.txt, {name}: has no text")
    return parts
