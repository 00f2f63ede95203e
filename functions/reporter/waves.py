"""The waves of a run: a row for each decision, and its mark in the chart of branches at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nightfold.amounts import counted
from nightfold.contract import Summary
from nightfold.text import one_line
from nightfold.waves import Pace

FIRST, LAST = 20, 10  # rows of a run with many waves; those between are counted
WHY_LIMIT = 500  # characters; the API's own words may be among them


@dataclass(frozen=True)
class WaveRow:
    """One wave, or the decision that none follows (`sites` 0)."""

    name: str
    sites: int
    max_concurrency: int
    why: str
    spent_usd: float | None  # when it was over, by all answers so far


@dataclass(frozen=True)
class Mark:
    """A decision in the chart."""

    x: float
    max_concurrency: int
    words: str


@dataclass(frozen=True)
class WaveRows:
    """The first and the last waves, and how many are between them."""

    first: list[WaveRow]
    between: int
    last: list[WaveRow]


def rows(paces: Sequence[Pace]) -> WaveRows | None:
    """None for a run that had one wave a round, which is no news."""
    found = [
        WaveRow(_name(pace), pace.sites, pace.max_concurrency, one_line(pace.why, WHY_LIMIT), _spent(paces, number))
        for number, pace in enumerate(paces)
        if pace.listed
    ]
    if all(pace.wave == 1 for pace in paces if pace.listed):
        return None
    if len(found) <= FIRST + LAST + 1:
        return WaveRows(found, 0, [])
    return WaveRows(found[:FIRST], len(found) - FIRST - LAST, found[-LAST:])


def marks(paces: Sequence[Pace], x: Callable[[datetime], float]) -> list[Mark]:
    """Each decision, at the `x` of its moment."""
    return [Mark(round(x(pace.decided_at), 1), pace.max_concurrency, _words(pace)) for pace in paces if pace.listed]


def stopped(summary: Summary) -> str | None:
    """Why not every site had its turn, and what to do; None if each had."""
    if not summary.not_attempted:
        return None
    were = "was" if summary.not_attempted == 1 else "were"
    sites = f"{summary.not_attempted:,} of {counted(summary.planned, 'site')} {were} not attempted"
    why = next((wave.why for wave in reversed(summary.waves) if not wave.sites), None)
    if why is None:
        return f"The run ended before its last wave, and {sites}."
    return f"The run stopped early, and {sites}: {one_line(why, WHY_LIMIT).rstrip('.')}."


def _words(pace: Pace) -> str:
    begun = f"{counted(pace.sites, 'site')}, {pace.max_concurrency:,} at once, " if pace.sites else ""
    return f"{_name(pace)}: {begun}{one_line(pace.why, WHY_LIMIT)}"


def _name(pace: Pace) -> str:
    again = f"round {pace.round}, " if pace.round > 1 else ""
    return f"{again}wave {pace.wave}" if pace.sites else f"{again}no further wave"


def _spent(paces: Sequence[Pace], number: int) -> float | None:
    """The next decision has counted what this wave spent; a decision without a wave has it itself."""
    after = number + 1 if paces[number].sites else number
    return paces[after].spent_usd if after < len(paces) else None
