"""Entries as text that leaves Nightfold: Markdown and CSV.

What a model wrote stays text: it becomes no link, mention or markup, and a spreadsheet computes nothing of it. The
page's script has its patterns from here, so that its exports and the command line's agree.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightfold.amounts import plural
from nightfold.question import Question
from nightfold.results import text_of
from nightfold.text import LINKS, unlinked

# Python and JavaScript read these alike.
BREAKS = r"[\x00-\x20\x7f-\xa0\u2028\u2029]+"  # they would end a line or a cell
MARKUP = r"[\\`*_{}\[\]<>#|~!&$]"
FORMULAS = r"(?:^|(?<=[;\t]))(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"  # where semicolons separate cells, too
PATTERNS = (LINKS, BREAKS, MARKUP, FORMULAS)

_BREAKS, _MARKUP, _FORMULAS = map(re.compile, (BREAKS, MARKUP, FORMULAS))


@dataclass(frozen=True)
class Section:
    """The entries of one site in a document."""

    title: str
    question: Question
    entries: Sequence[Mapping[str, Any]]


def line(value: object) -> str:
    """A field on one line, in which nothing becomes a link."""
    return unlinked(_BREAKS.sub(" ", text_of(value)))


def inert(value: object) -> str:
    """A field inside a line of Markdown."""
    return _MARKUP.sub(r"\\\g<0>", line(value))


def cell(value: object) -> object:
    """A field in a cell of a spreadsheet."""
    return value if isinstance(value, int | float) else _FORMULAS.sub("'", line(value))


def markdown(noun: str, of: str, sections: Iterable[Section]) -> str:
    """A document, such as `# Candidates, nightly-2026-11-23`, and its sections."""
    name = plural(noun)
    return "\n".join([f"# {name[:1].upper()}{name[1:]}, {of}", "", *map(_section, sections)])


def _section(section: Section) -> str:
    items = (_item(section.question, entry) for entry in section.entries)
    return "\n".join([f"## {section.title}", "", *items, ""])


def _item(question: Question, entry: Mapping[str, Any]) -> str:
    details = (
        ("" if name == question.text else f"{inert(name)}: ") + inert(entry[name])
        for name in question.details
        if name in entry
    )
    return f"* **{inert(entry.get(question.heading))}**: {' '.join(details)}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with these columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(map(cell, row) for row in rows)
    return text.getvalue()
