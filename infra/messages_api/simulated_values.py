"""Values that a JSON schema accepts, such as the one of a question's entry."""

from collections.abc import Mapping
from math import ceil
from typing import Any

Schema = Mapping[str, Any]

TEXTS = (
    "One case from start to end, with the numbers before and after.",
    "The three decisions that mattered, and the one that was wrong.",
    "For a team of five: what to do first, what to leave for later.",
    "A small experiment that any reader can repeat in an hour.",
    "What the usual advice leaves out, shown on a real outage.",
)
FORMATS = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T03:15:00Z",
    "time": "03:15:00",
    "uri": "https://example.com/",
    "uuid": "9b2f31a0-7d1c-4c5e-8f3a-0c4d5e6f7a8b",
}
DEEPEST = 4  # a model may hold itself


def value(field: Schema, whole: Schema, number: int, depth: int = 0) -> Any:
    """A value of `field`, which is part of the schema `whole`; `number` varies it."""
    if "$ref" in field:
        return value(whole["$defs"][field["$ref"].rpartition("/")[2]], whole, number, depth + 1)
    if choices := field.get("anyOf") or field.get("oneOf"):
        some = next((each for each in choices if each.get("type") != "null"), None)
        return None if some is None or depth > DEEPEST else value(some, whole, number, depth)
    if "const" in field:
        return field["const"]
    if "enum" in field:
        return field["enum"][number % len(field["enum"])]
    match field.get("type"):
        case "string":
            return FORMATS.get(field.get("format", "")) or _text(field, number)
        case "integer":
            return _whole_number(field, number)
        case "number":
            return _number(field, number)
        case "boolean":
            return number % 2 == 0
        case "array":
            return _array(field, whole, number, depth)
        case "object":
            properties = field.get("properties", {}).items()
            return {name: value(each, whole, number + nth, depth) for nth, (name, each) in enumerate(properties)}
    return None


def _text(field: Schema, number: int) -> str:
    text = TEXTS[number % len(TEXTS)]
    while len(text) < field.get("minLength", 0):
        text += f" {text}"
    return text[: field.get("maxLength", len(text))].rstrip(" ,:").ljust(field.get("minLength", 0), ".")


def _whole_number(field: Schema, number: int) -> int:
    step = field.get("multipleOf", 1)
    low = field.get("minimum", field["exclusiveMinimum"] + 1 if "exclusiveMinimum" in field else None)
    high = field.get("maximum", field["exclusiveMaximum"] - 1 if "exclusiveMaximum" in field else None)
    if low is None:
        low = 1 if high is None else min(1, high)
    first = ceil(low / step) * step
    many = 5 if high is None else max(min((high - first) // step + 1, 5), 1)
    return int(first + number % many * step)


def _number(field: Schema, number: int) -> float:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is None:
        return float((6 if high is None else high) - 1 - number % 5)
    return float(low + 1 + number % 5) if high is None else float(low + (high - low) * (1 + number % 5) / 6)


def _array(field: Schema, whole: Schema, number: int, depth: int) -> list[Any]:
    if "prefixItems" in field:
        return [value(each, whole, number, depth) for each in field["prefixItems"]]
    fewest = field.get("minItems", 0)
    many = fewest if depth > DEEPEST else max(fewest, min(2, field.get("maxItems", 2)))
    return [value(field.get("items", {}), whole, number + nth, depth) for nth in range(many)]
