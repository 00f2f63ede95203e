"""The output of `nightfold results`: a table for the terminal, JSON lines, CSV and Markdown."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from infra.cli.accepted_answers import AcceptedAnswer, AcceptingRun
from infra.cli.configuration import question_override
from infra.cli.terminal import fitted, visible
from nightfold.amounts import counted
from nightfold.complaints import did_you_mean
from nightfold.errors import InvalidInput
from nightfold.question import Question, shown
from nightfold.results import text_of
from reporter import export

COLUMNS = ("site", "question", "run", "when", "kind", "status")  # of the CSV, before the question's fields


def check(runs: Sequence[AcceptingRun], site_ids: Sequence[str], question: str | None) -> None:
    """Raises InvalidInput for a site that no run has accepted anything of, and for a question that is not there."""
    sites = set[str]().union(*(run.site_ids for run in runs))
    for site_id in site_ids:
        if site_id not in sites:
            raise InvalidInput(
                f"--site: nothing was accepted of {visible(site_id, 63)!r}{did_you_mean(site_id, sites)}"
            )
    if question not in {name for run in runs for name in (run.question, *run.other_questions.values())}:
        question_override(question)


def _table(answers: Sequence[AcceptedAnswer], width: int | None) -> Iterator[str]:
    """A line for each answer, and below it one for each entry: its heading, and the other fields as far as they fit."""
    between = False
    for question, its in _by_question(answers):
        if between:
            yield ""
        between = True
        entries = sum(len(answer.entries) for answer in its)
        sites = counted(len({answer.site_id for answer in its}), "site")
        simulated = ", simulated" if its[0].run.simulated else ""
        yield f"{question.name}: {counted(entries, question.noun)} of {sites}{simulated}"
        longest = max(len(answer.site_id) for answer in its)
        for answer in its:
            yield ""
            yield f"{answer.site_id:{longest}}  {_when(answer.run.started_at)}  {answer.run.run_id}"
            for entry, new in zip(answer.entries, answer.new, strict=True):
                yield fitted(f"  {'new' if new else 'repeated':8}  {' · '.join(_fields(question, entry))}", width)


def _fields(question: Question, entry: Mapping[str, Any]) -> list[str]:
    """The heading, short fields, and the text."""
    names = [question.heading, *(name for name in question.details if name != question.text), question.text]
    return [visible(text_of(entry[name])) for name in dict.fromkeys(names) if name in entry]


def _json_lines(answers: Sequence[AcceptedAnswer], _: int | None) -> Iterator[str]:
    for answer in answers:
        run = answer.run
        for entry, new in zip(answer.entries, answer.new, strict=True):
            document = {
                "site_id": answer.site_id,
                "question": answer.question,
                "run_id": run.run_id,
                "started_at": run.started_at.isoformat(),
                "simulated": run.simulated,
                "new": new,
                "entry": entry,
            }
            yield json.dumps(document)


def _csv(answers: Sequence[AcceptedAnswer], _: int | None) -> Iterator[str]:
    """With the fields of every question that has answers."""
    fields = list(dict.fromkeys(name for answer in answers for entry in answer.entries for name in entry))
    rows = (
        [
            answer.site_id,
            answer.question,
            answer.run.run_id,
            _when(answer.run.started_at),
            "simulated" if answer.run.simulated else "real",
            "new" if new else "repeated",
            *(entry.get(name, "") for name in fields),
        ]
        for answer in answers
        for entry, new in zip(answer.entries, answer.new, strict=True)
    )
    yield from export.table([*COLUMNS, *fields], rows).splitlines()


def _markdown(answers: Sequence[AcceptedAnswer], _: int | None) -> Iterator[str]:
    for question, its in _by_question(answers):
        sections = (
            export.Section(
                f"{answer.site_id} ({answer.run.run_id}, {_when(answer.run.started_at)})", question, answer.entries
            )
            for answer in its
        )
        of = f"{question.name}{', simulated' if its[0].run.simulated else ''}"
        yield from export.markdown(question.noun, of, sections).splitlines()


FORMATS: dict[str, Callable[[Sequence[AcceptedAnswer], int | None], Iterator[str]]] = {
    "table": _table,
    "json": _json_lines,
    "csv": _csv,
    "markdown": _markdown,
}


def _by_question(answers: Sequence[AcceptedAnswer]) -> Iterator[tuple[Question, list[AcceptedAnswer]]]:
    for name, each in groupby(answers, key=lambda answer: answer.question):
        its = list(each)
        newest = max(its, key=lambda answer: answer.run.started_at)
        yield shown(name, newest.entries[0]), its


def _when(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
