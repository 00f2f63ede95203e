"""The parked misses that `nightfold unpark` and `nightfold drop` take out of the parked queue."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from infra.cli.terminal import confirmed, to_stderr, visible
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.misses import Miss

NAMED = 10  # sites that the question names; the rest are counted


class ParkedQueue(Protocol):
    """The parked messages, while a command takes misses out of them. Misses are chosen by the ids of their messages."""

    def misses(self) -> dict[str, Miss]:
        """Oldest first. Messages that are not misses of Nightfold stay parked and are not included."""

    def about(self) -> Iterator[str]:
        """What else the user should know, beside the misses that were found."""

    def unpark(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        """Sends them to the miss queue with 0 attempts, then deletes the parked ones. A process that ends in between
        leaves a miss in both queues, which a redrive still collects in one branch. Returns those that were moved."""

    def drop(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        """Deletes them. Returns those that were there."""

    def left(self) -> int:
        """How many messages are still parked."""


def chosen(command: str, sites: Sequence[str], queue: ParkedQueue) -> dict[str, Miss]:
    """The parked misses of these sites, or all if none is named. Raises InvalidInput for a site without one."""
    found = queue.misses()
    for line in queue.about():
        to_stderr(line)
    parked = _sites(found.values())
    if unknown := [site for site in sites if site not in parked]:
        listed = f"parked: {', '.join(parked)}" if parked else "no miss is parked"
        raise InvalidInput(f"{command}: no parked miss of {', '.join(map(repr, unknown))}; {listed}")
    return {message_id: miss for message_id, miss in found.items() if not sites or miss.site.site_id in sites}


def agreed(command: str, misses: Mapping[str, Miss], question: str) -> bool:
    """Whether the user agrees to `question` about these misses. Raises InvalidInput if stdin is not a terminal."""
    site_ids = _sites(misses.values())
    named = ", ".join(map(visible, site_ids[:NAMED]))
    more = f" and {len(site_ids) - NAMED:,} more" if len(site_ids) > NAMED else ""
    return confirmed(command, f"{counted(len(misses), 'miss')} of {named}{more}: {question}")


def as_json(misses: Sequence[Miss]) -> str:
    """The misses that were taken out."""
    return json.dumps(
        [{"site_id": miss.site.site_id, "run_id": miss.run_id, "error": miss.error} for miss in misses], indent=2
    )


def as_text(misses: Sequence[Miss], what: str, left: int) -> str:
    """`3 misses moved back, 1 still parked`."""
    return f"{counted(len(misses), 'miss')} {what}, {left:,} still parked"


def _sites(misses: Iterable[Miss]) -> list[str]:
    return sorted({miss.site.site_id for miss in misses})
