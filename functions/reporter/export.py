"""Entries as text that leaves Nightfold: Markdown and CSV.

What a model wrote stays text: it becomes no link, mention or markup, and a spreadsheet computes nothing of it. The page's
script has its patterns from here, so that its exports and the command line's agree.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightfold.amounts import counted
from nightfold.text import LINKS, unlinked

# Python and JavaScript read these alike.
BREAKS = r"[\x00-\x20\x7f-\xa0\u2028\u2029]+"  # they would end a line or a cell
MARKUP = r"[\\`*_{}\[\]<>#|~!&$]"
FORMULAS = r"(?:^|(?<=[;\t]))(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"  # with a semicolon between cells too
PATTERNS = {"links": LINKS, "breaks": BREAKS, "markup": MARKUP, "formulas": FORMULAS}

_BREAKS, _MARKUP, _FORMULAS = map(re.compile, (BREAKS, MARKUP, FORMULAS))

Entry = Mapping[str, Any]


def line(value: Any) -> str:
    """A field on one line, in which nothing becomes a link."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return unlinked(_BREAKS.sub(" ", text))


def inert(value: Any) -> str:
    """A field inside a line of Markdown."""
    return _MARKUP.sub(r"\\\g<0>", line(value))


def cell(value: Any) -> str:
    """A field in a cell of a spreadsheet."""
    return line(value) if isinstance(value, int | float) else _FORMULAS.sub("'", line(value))


@dataclass(frozen=True)
class Section:
    """The entries of one site in a document."""

    title: str
    heading: str  # the field that names an entry
    entries: Sequence[Entry]
    new: Sequence[bool] = ()  # of each entry, if it is to be told


def markdown(noun: str, of: str, sections: Iterable[Section]) -> str:
    """A document, such as `# Candidates, nightly-2026-11-23` and its sections."""
    plural = counted(2, noun).partition(" ")[2]
    return "\n".join([f"# {plural[:1].upper()}{plural[1:]}, {of}", "", *map(_section, sections)])


def _section(section: Section) -> str:
    new = section.new or [True] * len(section.entries)
    items = (_item(section.heading, *each) for each in zip(section.entries, new, strict=True))
    return "\n".join([f"## {section.title}", "", *items, ""])


def _item(heading: str, entry: Entry, new: bool) -> str:
    details = " ".join(inert(value) for name, value in entry.items() if name != heading)
    return f"* **{inert(entry.get(heading, ''))}**: {details}{'' if new else ' (repeated)'}"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with these columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
