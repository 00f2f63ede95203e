"""The output of `nightfold memory`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from infra.cli.configuration import question_override
from infra.cli.terminal import table
from nightfold.amounts import counted
from nightfold.complaints import nearest, plain
from nightfold.errors import InvalidInput
from nightfold.memory import Kind, Remembered, read_memory
from nightfold.sites import SiteId
from nightfold.storage import Source, memory_key

_SITE_ID: TypeAdapter[str] = TypeAdapter(SiteId)


@dataclass(frozen=True)
class Part:
    """What real, or simulated, runs remember of one site and question."""

    key: str
    question: str
    kind: Kind | None  # None: it cannot be read
    remembered: Sequence[Remembered] | None  # the newest first


def chosen(records: Source, site_id: str, question: str | None, kind: str | None) -> list[Part]:
    """What the site was offered, as far as the options ask for it. Raises InvalidInput."""
    try:
        _SITE_ID.validate_python(site_id)
    except ValidationError as error:
        raise InvalidInput(f"memory: {site_id!r} {plain(error.errors()[0]['msg'])}") from None
    found = list(_parts(records, site_id))
    if question not in {part.question for part in found}:
        question_override(question)
    return [part for part in found if question in (None, part.question) and kind in (None, part.kind)]


def _parts(records: Source, site_id: str) -> Iterator[Part]:
    """By question, without those that are empty."""
    for key in sorted(records.keys(f"sites/{site_id}/")):
        question = key.split("/")[2]
        if key != memory_key(site_id, question) or (document := records.get(key)) is None:
            continue
        if (memory := read_memory(document)) is None:
            yield Part(key, question, None, None)
            continue
        if memory.real:
            yield Part(key, question, "real", memory.real[::-1])
        if memory.simulated:
            yield Part(key, question, "simulated", memory.simulated[::-1])


def as_text(found: Sequence[Part], width: int | None) -> Iterator[str]:
    """A table for each question and kind."""
    for number, part in enumerate(found):
        if number:
            yield ""
        if part.remembered is None:
            yield f"{part.question}: its memory cannot be read; the next run ignores it, and --forget sets it aside"
            continue
        kind = ", simulated" if part.kind == "simulated" else ""
        yield f"{part.question}: {counted(len(part.remembered), 'heading')}{kind}"
        yield ""
        rows = ((f"{each.at.astimezone():%Y-%m-%d %H:%M}", each.run_id, each.heading) for each in part.remembered)
        yield from table([("WHEN", "RUN", "HEADING"), *rows], width)


def as_json(found: Sequence[Part]) -> str:
    return json.dumps(
        [
            {
                "question": part.question,
                "simulated": part.kind == "simulated",
                "headings": [each.model_dump(mode="json") for each in part.remembered or []],
            }
            for part in found
        ],
        indent=2,
    )


def question(found: Sequence[Part], site_id: str) -> str:
    """What is asked before anything is forgotten."""
    return f"Of {site_id}: {_list(found)}. Forget all of it?"


def forgotten(found: Sequence[Part]) -> str:
    return f"Forgotten: {_list(found)}." if found else "Forgotten: nothing."


def _list(found: Sequence[Part]) -> str:
    return ", ".join(
        f"{counted(len(part.remembered), f'{part.kind} heading')} ({part.question})"
        if part.remembered is not None
        else f"a memory that cannot be read ({part.question})"
        for part in found
    )


def nothing(records: Source, site_id: str) -> str:
    """What is said if nothing was found."""
    known = sorted({key.split("/")[1] for key in records.keys("sites/")})
    near = None if site_id in known else nearest(site_id, known, 0.6)
    return f"Nothing is remembered of {site_id}.{f' Did you mean {near}?' if near else ''}"
