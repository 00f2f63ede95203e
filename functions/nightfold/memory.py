"""What a site was offered before: `sites/<site_id>/<question>/memory.json`.

The aggregator writes it before it stores a run's results; the planner puts the newest headings into the prompt.
Simulated runs remember apart from real ones.
"""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from nightfold.sites import RunId, Shape

KEPT = 200  # headings of each kind; older ones are forgotten
TOLD_BYTES = 3_000  # of headings in one prompt: ten thousand of them have to fit into the items of a run


class Remembered(Shape):
    """The heading of one accepted entry."""

    heading: Annotated[str, Field(max_length=1_000)]
    run_id: RunId
    at: AwareDatetime  # when its run began


class Memory(Shape):
    """Oldest first."""

    schema_version: Literal[1] = 1
    real: list[Remembered] = Field(default_factory=list)
    simulated: list[Remembered] = Field(default_factory=list)

    def of(self, *, simulated: bool) -> list[Remembered]:
        return self.simulated if simulated else self.real

    def known(self, run_id: str, *, simulated: bool) -> set[str]:
        """What other runs than this one were given, as `known_as` spells it."""
        return {known_as(each.heading) for each in self.of(simulated=simulated) if each.run_id != run_id}

    def earlier(self, most: int, *, simulated: bool) -> list[str]:
        """The newest headings for a prompt, newest first: at most so many, and no more than fit into one prompt."""
        told, room = [], TOLD_BYTES
        for each in reversed(self.of(simulated=simulated)[-most:] if most else []):
            room -= len(each.heading.encode()) + 3
            if room < 0:
                break
            told.append(each.heading)
        return told

    def with_run(self, run_id: str, at: AwareDatetime, headings: Iterable[str], *, simulated: bool) -> "Memory":
        """With the headings of a run in place of those that it had before."""
        others = [each for each in self.of(simulated=simulated) if each.run_id != run_id]
        new = [Remembered(heading=heading, run_id=run_id, at=at) for heading in headings]
        kind = "simulated" if simulated else "real"
        return self.model_copy(update={kind: [*others, *new][-KEPT:]})


def known_as(heading: str) -> str:
    """A heading by which repetitions are found: without case, punctuation and spacing."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(each for each in folded if unicodedata.category(each)[0] not in "PZC") or folded


def read_memory(document: bytes | None) -> Memory | None:
    """An empty one if there is none, None if it cannot be read."""
    if document is None:
        return Memory()
    try:
        return Memory.model_validate_json(document)
    except ValidationError:
        return None
