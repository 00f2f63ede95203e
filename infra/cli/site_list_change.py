"""A new site list: reading it, checking it with the planner's own code, and its difference to the stored one."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

from infra.cli.configuration import stored as read_configuration
from infra.cli.run_request import task
from infra.cli.site_list import read_file
from infra.cli.terminal import table, visible
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.sites import Site
from nightfold.waves import Profile
from planner.draft import draft
from planner.inputs import LIST_LIMIT, read_sites

ROWS = 20  # sites that have a row; the rest are counted
SHORT = ("domain", "max_tokens")


@dataclass(frozen=True)
class Change:
    """A new list that is valid. Nothing is written yet."""

    content: bytes
    named: str  # as an error calls it
    after: list[Site]
    lines: list[str]  # what changes, for the terminal


def change_to(file: Path, stored: bytes | None, where: str) -> Change:
    """The list in this file, which may replace an invalid one. Raises InvalidInput."""
    if str(file) == "-":
        content, named = sys.stdin.buffer.read(LIST_LIMIT + 1), "standard input"
    else:
        content, named = read_file(file, str(file)), str(file)
    after = read_sites(content, named)
    if stored is None:
        return Change(content, named, after, [f"There is no list yet: {counted(len(after), 'site')} added."])
    try:
        before = read_sites(stored, where)
    except InvalidInput as error:
        return Change(content, named, after, [visible(error), f"It is replaced by {counted(len(after), 'site')}."])
    return Change(content, named, after, list(_difference(before, after)))


def check_as_planned(sites: Sequence[Site], named: str, configuration: str, where: str) -> None:
    """Raises InvalidInput for what PlanRun would refuse: such as a fact that the question's prompt needs, or an answer
    above the cost ceiling. `named` is the site list; `configuration` is what is stored at `where`."""
    valid, preview = read_configuration(where, configuration), "preview"
    about: dict[str, Any] = {"simulated": False, "overrides": {}, "profile": Profile(), "where": named}
    draft(preview, "collect", sites, valid, task(preview), **about)


def _difference(before: Sequence[Site], after: Sequence[Site]) -> Iterator[str]:
    """A line for each of the first sites that differ, and how many do; nothing if the lists are equal."""
    was, now = ({site.site_id: site for site in sites} for sites in (before, after))
    rows = [
        *(("removed", name, site.domain) for name, site in was.items() if name not in now),
        *(("changed", name, _fields(was[name], site)) for name, site in now.items() if was.get(name, site) != site),
        *(("added", name, site.domain) for name, site in now.items() if name not in was),
    ]
    if not rows:
        if list(before) != list(after):
            yield f"The same {counted(len(after), 'site')} in another order."
        return
    yield from table(rows[:ROWS])
    if len(rows) > ROWS:
        yield f"and {len(rows) - ROWS:,} more"
    count = Counter(kind for kind, *_ in rows)
    kinds = ", ".join(f"{count[kind]:,} {kind}" for kind in ("removed", "changed", "added") if count[kind])
    instead = f"instead of {len(before):,}" if len(before) != len(after) else "as before"
    yield f"{kinds}; {counted(len(after), 'site')} {instead}."
    if count["removed"]:
        yield "The next redrive parks the misses of removed sites: they can no longer be asked. Their results stay."


def _fields(before: Site, after: Site) -> str:
    """`domain "a.example" → "b.example", brief, facts.articles`: long texts are only named."""
    was, now = (site.model_dump() for site in (before, after))
    facts = sorted(before.facts.items() ^ after.facts.items())
    return ", ".join(
        [
            *(f"{name} {dumps(was[name])} → {dumps(now[name])}" for name in SHORT if was[name] != now[name]),
            *(["brief"] if was["brief"] != now["brief"] else []),
            *dict.fromkeys(f"facts.{name}" for name, _ in facts),
        ]
    )
