"""How Claude's raw answer is read: a JSON array of the question's entries, and nothing else."""

import json
import re
from functools import cache
from typing import Annotated, Any, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from nightfold.complaints import plain
from nightfold.question import Entry, Question

MAX_ENTRIES = 50
ANSWER_LIMIT = 100_000  # characters of ASCII JSON; an outcome passes through Step Functions (256 KiB) quoted twice
RAW_ANSWER_LIMIT = 20_000  # bytes of JSON in a miss; a SendMessageBatch carries ten of them
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL)


class Violation(ValueError):  # noqa: N818
    """What is wrong with an answer. The message may go to the model: it quotes no part of the answer."""


def _no_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise Violation("an object holds the same key twice")
    return keys


def _no_constant(name: str) -> NoReturn:
    raise Violation(f"{name} is not JSON")


@cache
def _contract(entry: type[Entry]) -> TypeAdapter[list[Entry]]:
    # The class is known only when a question is loaded.
    return TypeAdapter(Annotated[list[entry], Field(min_length=1, max_length=MAX_ENTRIES)])  # type: ignore[valid-type]


def read_entries(text: str, question: Question) -> list[Entry]:
    """The entries in Claude's raw answer. Raises only `Violation`, whatever the text is."""
    text = text.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1]
    if len(text) > ANSWER_LIMIT:
        raise Violation(f"the answer is longer than {ANSWER_LIMIT:,} characters")
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicate_keys, parse_constant=_no_constant)
    except Violation:
        raise
    except json.JSONDecodeError as error:
        raise Violation(f"the answer is not one JSON array: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise Violation("the answer is not JSON that can be read: too deep, or a number too long") from None
    if question.structured and isinstance(document, dict) and document.keys() == {"entries"}:
        document = document["entries"]
    if not isinstance(document, list):
        raise Violation("the answer is JSON, but not an array")
    try:
        return _validated(document, _contract(question.entry))
    except ValidationError as error:
        # include_input=False: the message goes to the model and into logs.
        complaints = [
            f"{_path(question.noun, detail['loc'])}{plain(detail['msg'])}"
            for detail in error.errors(include_input=False)[:3]
        ]
        raise Violation("; ".join(complaints)) from None
    except Exception as error:  # of a check that is the user's code, or of a value that nothing can store
        raise Violation(f"an entry cannot be checked or stored: {type(error).__name__}") from None


def _validated(document: list[Any], contract: TypeAdapter[list[Entry]]) -> list[Entry]:
    try:
        # As JSON: a strict contract then still takes a text for a date or for a member of an enumeration.
        return contract.validate_json(json.dumps(document))
    except ValidationError as error:
        if error.errors()[0]["type"] != "json_invalid":
            raise
    entries = contract.validate_python(document)  # too deep for that parser, or half a character
    contract.dump_json(entries)  # whatever it is, no entry may hold it
    return entries


def _path(noun: str, location: tuple[int | str, ...]) -> str:
    return f"{noun} {int(location[0]) + 1}{''.join(f', {part}' for part in location[1:])}: " if location else ""
