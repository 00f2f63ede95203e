"""What is wrong with an input, in the user's words instead of pydantic's."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nightfold.text import one_line

_WRONG_TYPE = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "must be a number"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a JSON array"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a JSON object"),
    "string_type": "must be a text",
    "string_unicode": "must be valid Unicode",
    "greater_than": "must be more than {gt:,}",
    "greater_than_equal": "must be at least {ge:,}",
    "less_than_equal": "must be at most {le:,}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
}


def complaint(detail: ErrorDetails, known: Sequence[str] = ()) -> str:
    """One of a ValidationError's details as the end of a sentence that begins with the field's name. `known` are the
    valid keys."""
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _WRONG_TYPE:
        return f"{_WRONG_TYPE[kind].format(**context)}{but(given)}"
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            key = str(detail["loc"][-1])
            return f"is not a known key{did_you_mean(key, known)}{f'; known are {", ".join(known)}' if known else ''}"
        case "string_too_long":
            return f"must have at most {context['max_length']:,} characters, not {len(given):,}"
        case "too_short":
            return (
                f"must have at least {context['min_length']:,} {'entry' if context['min_length'] == 1 else 'entries'}"
            )
        case "too_long":
            return f"must have at most {context['max_length']:,} entries"
        case _:
            return plain(detail["msg"])


def plain(message: str) -> str:
    """A message of our own validators, without pydantic's prefix."""
    return message.removeprefix("Value error, ")


def complaints(error: ValidationError, where: str = "", known: Sequence[str] = ()) -> str:
    """The first three of `error`, each with the path of its field below `where`, in one line."""
    return listed(
        f"{'.'.join([*([where] if where else []), *map(str, detail['loc'])])}: {complaint(detail, known)}"
        for detail in error.errors(include_url=False)
    )


def listed(each: Iterable[str]) -> str:
    """The first three, and how many more there are, in one line."""
    all_ = list(each)
    more = f" (and {len(all_) - 3:,} more)" if len(all_) > 3 else ""
    return one_line("; ".join(all_[:3]), 600) + more


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'brief'?` if a known word is similar, otherwise nothing."""
    near = nearest(word, known, 0.6)
    return f", did you mean {near!r}?" if near else ""


def nearest(word: str, known: Iterable[str], likeness: float = 0) -> str | None:
    """The known word that is most similar to this one; None if none of them reaches `likeness`, 0 to 1."""
    from difflib import get_close_matches  # every function imports this module and rarely needs it

    return next(iter(get_close_matches(word, list(known), 1, likeness)), None)


def but(given: Any) -> str:
    """`, not "four"`: what was given instead, if it can be shown in a few words."""
    if isinstance(given, str | int | float | None):
        return f", not {one_line(json.dumps(given), 60)}"
    return ""
