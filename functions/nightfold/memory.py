"""What a site was offered before: `sites/<site_id>/<question>/memory.json`.

The aggregator writes it before it stores a run's results; the planner puts the newest headings into the prompt.
Simulated runs remember apart from real ones.
"""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from nightfold.question import HEADING_LIMIT
from nightfold.sites import RunId, Shape

type Kind = Literal["real", "simulated"]

KEPT = 200  # headings of each kind; older ones are forgotten
TOLD_BYTES = 3_000  # of headings in one prompt: ten thousand of them have to fit into the items of a run


class Remembered(Shape):
    """The heading of one accepted entry."""

    heading: Annotated[str, Field(max_length=HEADING_LIMIT)]
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
        """What other runs than this one were given, as `known_as` spells it. What this one was given stays its own."""
        own: set[str] = set()
        others: set[str] = set()
        for each in self.of(simulated=simulated):
            (own if each.run_id == run_id else others).add(known_as(each.heading))
        return others - own

    def earlier(self, most: int, *, simulated: bool) -> list[str]:
        """The newest headings for a prompt, newest first: at most so many, and no more than fit into one prompt."""
        return fitting(each.heading for each in reversed(self.of(simulated=simulated)[-most:] if most else []))

    def with_run(self, run_id: str, at: AwareDatetime, headings: Iterable[str], *, simulated: bool) -> "Memory":
        """With the headings of a run in place of those that it had before."""
        others = [each for each in self.of(simulated=simulated) if each.run_id != run_id]
        new = [Remembered(heading=heading, run_id=run_id, at=at) for heading in headings]
        kind: Kind = "simulated" if simulated else "real"
        in_order = sorted([*others, *new], key=lambda each: each.at)  # a dead run is closed after later ones
        return self.model_copy(update={kind: in_order[-KEPT:]})


def fitting(headings: Iterable[str]) -> list[str]:
    """As many of the headings as one prompt has room for, each once."""
    told, room = [], TOLD_BYTES
    for heading in dict.fromkeys(headings):
        size = len(heading.encode()) + 3  # as one line of a list
        if size <= room:
            room -= size
            told.append(heading)
    return told


def known_as(heading: str) -> str:
    """A heading by which repetitions are found: without case, punctuation and spacing."""
    if heading.isascii():  # several times as fast
        folded = heading.lower()
        return folded.translate(_NOT_COUNTED) or folded
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", heading).casefold())
    return "".join(filter(_counts, folded)) or folded


def _counts(character: str) -> bool:
    """Not punctuation, a separator, a control, or an accent without a letter, such as a backtick."""
    kind = unicodedata.category(character)
    return kind[0] not in "PZC" and kind != "Sk"


_NOT_COUNTED = {code: None for code in range(128) if not _counts(chr(code))}


def read_memory(document: bytes | None) -> Memory | None:
    """An empty one if there is none, None if it cannot be read."""
    if document is None:
        return Memory()
    try:
        return Memory.model_validate_json(document)
    except ValidationError:
        return None
