"""The parked misses that `nightfold unpark` and `nightfold drop` take out of the parked queue."""

import json
from collections.abc import Sequence
from pathlib import Path

from infra.cli.terminal import confirmed, visible
from infra.state.parked_misses import ParkedMiss, parked_misses
from infra.state.queued_misses import read_misses
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.misses import Miss

NAMED = 10  # sites that the question names; the rest are counted


def chosen(command: str, sites: Sequence[str], state_dir: Path) -> list[ParkedMiss]:
    """The parked misses of these sites, or all if none is named. Raises InvalidInput for a site without one."""
    found = list(parked_misses(state_dir))
    parked = _sites(found)
    if unknown := [site for site in sites if site not in parked]:
        listed = f"parked: {', '.join(parked)}" if parked else "no miss is parked"
        raise InvalidInput(f"{command}: no parked miss of {', '.join(map(repr, unknown))}; {listed}")
    return [each for each in found if not sites or each.miss.site.site_id in sites]


def agreed(command: str, misses: Sequence[ParkedMiss], question: str) -> bool:
    """Whether the user agrees to `question` about these misses. Raises InvalidInput if stdin is not a terminal."""
    site_ids = _sites(misses)
    named = ", ".join(map(visible, site_ids[:NAMED]))
    more = f" and {len(site_ids) - NAMED:,} more" if len(site_ids) > NAMED else ""
    return confirmed(command, f"{counted(len(misses), 'miss')} of {named}{more}: {question}")


def as_json(misses: Sequence[Miss]) -> str:
    """The misses that were taken out."""
    return json.dumps(
        [{"site_id": miss.site.site_id, "run_id": miss.run_id, "error": miss.error} for miss in misses], indent=2
    )


def as_text(misses: Sequence[Miss], what: str, state_dir: Path) -> str:
    """`3 misses moved back, 1 still parked`."""
    left = sum(miss.queue == "parked" for miss in read_misses(state_dir))
    return f"{counted(len(misses), 'miss')} {what}, {left:,} still parked"


def _sites(misses: Sequence[ParkedMiss]) -> list[str]:
    return sorted({each.miss.site.site_id for each in misses})
