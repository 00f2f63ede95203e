"""The output of `nightfold sites`."""

import json
from collections.abc import Iterator, Sequence

from infra.cli.terminal import table, visible
from nightfold.amounts import counted
from nightfold.sites import Site

ROWS = 100  # sites that have a row; the rest are counted
BRIEF = 100  # characters of a brief that are shown


def as_text(sites: Sequence[Site], where: str, width: int | None) -> Iterator[str]:
    """A table of the sites. Only what some site has is a column."""
    columns: dict[str, list[object]] = {
        "SITE": [site.site_id for site in sites],
        "DOMAIN": [site.domain for site in sites],
        "FACTS": [len(site.facts) or "" for site in sites],
        "MAX TOKENS": [f"{site.max_tokens:,}" if site.max_tokens else "" for site in sites],
        "BRIEF": [visible(site.brief or "", BRIEF) for site in sites],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    yield f"{counted(len(sites), 'site')} in {visible(where)}"
    yield ""
    yield from table([tuple(used), *list(zip(*used.values(), strict=True))[:ROWS]], width)
    if len(sites) > ROWS:
        yield f"and {len(sites) - ROWS:,} more; --json prints all of them"


def as_json(sites: Sequence[Site]) -> Iterator[str]:
    """A list that `nightfold sites FILE` takes."""
    yield json.dumps([site.model_dump(mode="json", exclude_defaults=True) for site in sites], indent=2)


def written(sites: Sequence[Site], where: str, former: str | None) -> Iterator[str]:
    yield f"{counted(len(sites), 'site')} written to {visible(where)}"
    if former is not None:
        yield f"the former list is kept in {visible(former)}"
