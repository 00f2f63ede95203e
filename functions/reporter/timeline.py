"""What happened when: the branches as bars on one axis, and how many ran at once. Numbers only."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from nightfold.amounts import counted, duration
from reporter.branch import Branch
from reporter.records import RunRecords
from reporter.waves import Mark, marks

ROWS = 40  # sites that get a row of bars; the chart of branches at once counts all
COLUMNS = 400  # of the chart of branches at once
WIDTH = 1000.0  # of the axis, in the units of the drawing

Kind = Literal["waited", "untimed", "retried", "called", "rejected", "failed"]


@dataclass(frozen=True)
class Bar:
    """One stretch of a branch, in units of the axis."""

    kind: Kind
    x: float
    width: float


@dataclass(frozen=True)
class Row:
    """One site."""

    site_id: str
    bars: list[Bar]
    words: str
    seconds: float | None  # in its branches, both rounds
    calls: int | None


@dataclass(frozen=True)
class Timeline:
    """The whole picture. `total_s` is the length of the axis, from the start of the run."""

    total_s: float
    rows: list[Row]
    sites: int  # in the run; more than rows if some were left out
    untimed: int  # branches whose record has no times
    at_once: list[int]  # most branches at once in each column; empty if no times are known
    cap: int
    marks: list[Mark]  # x in columns

    @property
    def peak(self) -> int:
        return max(self.at_once, default=0)

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of bars that the legend has to explain."""
        return {bar.kind for row in self.rows for bar in row.bars}

    @property
    def ticks(self) -> list[str]:
        """Five evenly spaced labels."""
        return [duration(self.total_s * part / 4) for part in range(5)]


def draw(records: RunRecords) -> Timeline:
    """The timeline of a run. If there are many sites, those with errors and then the slowest are chosen."""
    timed = [each for each in records.branches if _times(each)]
    origin = min([records.summary.started_at, *(_span(each)[0] for each in timed)])
    end = max((_span(each)[1] for each in timed), default=origin)
    total = max((end - origin).total_seconds(), 0.001)
    starts: dict[int, datetime] = {}  # of the rounds
    for each in timed:
        starts[each.task.round] = min(starts.get(each.task.round, _span(each)[0]), _span(each)[0])
    of_site: dict[str, list[Branch]] = {}
    for each in records.branches:
        of_site.setdefault(each.task.site_id, []).append(each)

    def at(moment: datetime) -> float:
        return round((moment - origin).total_seconds() / total * WIDTH, 2)

    def row(branches: Sequence[Branch]) -> Row:
        bars = [bar for each in branches if _times(each) for bar in _bars(each, at, starts[each.task.round])]
        spans = [(ended - started).total_seconds() for started, ended in map(_span, filter(_times, branches))]
        calls = [each.calls for each in branches]
        return Row(
            site_id=branches[0].task.site_id,
            bars=bars,
            words="; ".join(map(_words, branches)),
            seconds=sum(spans) if spans else None,
            calls=None if None in calls else sum(call or 0 for call in calls),
        )

    return Timeline(
        total_s=total,
        rows=[row(branches) for branches in _chosen(of_site.values())],
        sites=len(of_site),
        untimed=len(records.branches) - len(timed),
        at_once=_at_once([(at(started), at(ended)) for started, ended in map(_span, timed)]),
        cap=max((wave.max_concurrency for wave in records.summary.waves), default=1),
        marks=marks(records.paces, lambda moment: min(at(moment), WIDTH) / WIDTH * COLUMNS),
    )


def _times(branch: Branch) -> bool:
    outcome = branch.outcome
    return outcome is not None and outcome.started_at is not None and outcome.ended_at is not None


def _span(branch: Branch) -> tuple[datetime, datetime]:
    outcome = branch.outcome
    if outcome is None or outcome.started_at is None or outcome.ended_at is None:
        raise ValueError("the branch has no times")
    return outcome.started_at, max(outcome.started_at, outcome.ended_at)


def _bars(branch: Branch, at: Callable[[datetime], float], waiting_since: datetime) -> Iterator[Bar]:
    """Waiting for a free slot, then calls and the pauses between them. What no record shows is `untimed`."""
    started, ended = _span(branch)
    if at(started) > at(waiting_since):
        yield _bar("waited", at(waiting_since), at(started))
    calls = [
        (min(started + timedelta(seconds=began), ended), min(started + timedelta(seconds=until), ended))
        for began, until in branch.call_times
    ]
    answer = branch.outcome.answer if branch.outcome else None
    last: Kind = "failed" if answer is None else "rejected" if branch.rejected else "called"
    if not calls and answer is not None:
        calls = [(max(ended - timedelta(milliseconds=answer.latency_ms), started), ended)]
    if not calls:
        yield _bar(last if branch.calls in {0, 1} else "untimed", at(started), at(ended))
        return
    before: Kind = "waited" if branch.calls == len(calls) else "untimed"
    free = started
    for number, (began, until) in enumerate(calls, 1):
        if at(began) > at(free):
            yield _bar(before, at(free), at(began))
        yield _bar(last if number == len(calls) else "retried", at(began), at(until))
        before, free = "waited", until


def _bar(kind: Kind, x: float, until: float) -> Bar:
    return Bar(kind, x, round(until - x, 2))


def _words(branch: Branch) -> str:
    """One branch as a sentence, for readers who cannot see the bars."""
    when = (
        f"after {duration((_span(branch)[1] - _span(branch)[0]).total_seconds())}" if _times(branch) else "(no times)"
    )
    again = "round 2: " if branch.task.round == 2 else ""
    calls = branch.calls
    how_often = "" if calls is None else f"{counted(calls, 'call')}, "
    earlier = f" (before: {', '.join(branch.earlier_errors)})" if branch.earlier_errors else ""
    if branch.outcome is None:
        return f"{again}no outcome was stored"
    if branch.error is not None:
        return f"{again}{how_often}failed with {branch.error} {when}{earlier}"
    return f"{again}{how_often}{'answer rejected' if branch.rejected else 'answered'} {when}{earlier}"


def _chosen(sites: Iterable[list[Branch]]) -> list[list[Branch]]:
    """All sites if they fit, otherwise those with errors and then the slowest; always in the order of their start."""

    def interest(branches: list[Branch]) -> tuple[bool, float]:
        calm = all(each.calls == 1 and not each.rejected and each.error is None for each in branches)
        return calm, -sum((_span(each)[1] - _span(each)[0]).total_seconds() for each in branches if _times(each))

    chosen = sorted(sites, key=interest)[:ROWS]
    return sorted(
        chosen, key=lambda of: (not _times(of[0]), _span(of[0])[0] if _times(of[0]) else 0, of[0].task.site_id)
    )


def _at_once(spans: list[tuple[float, float]]) -> list[int]:
    """The highest number of branches at once within each column of the axis."""
    if not spans:
        return []
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])  # an end goes before a start
    columns = [0] * COLUMNS
    running, column = 0, 0
    for x, change in changes:
        until = min(int(x / WIDTH * COLUMNS), COLUMNS - 1)
        for passed in range(column + 1, until + 1):
            columns[passed] = max(columns[passed], running)
        column = until
        running += change
        columns[column] = max(columns[column], running)
    return columns
