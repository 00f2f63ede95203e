"""The live view of a run, on stderr: a row for each site on a terminal, otherwise one plain line for each change."""

import os
import threading
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import IO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from infra.cli.progress import Progress
from infra.cli.site_states import DONE, SiteProgress, State
from infra.cli.terminal import visible
from nightfold.amounts import counted, dollars, duration

FRAMES_PER_SECOND = 5
SIGNS: dict[State, str] = {"accepted": "✓", "missed": "✗"}
OTHER_LINES = 4  # phase, wave, count of the sites without a row, bar

# If the terminal has too few rows, sites in progress come first, then misses and failures, then the rest.
PRIORITY: dict[State, int] = {
    "retrying": 0,
    "collecting": 1,
    "answered": 1,
    "missed": 2,
    "failed": 2,
    "rejected": 3,
    "stored": 4,
    "accepted": 5,
    "waiting": 6,
}
STYLE: dict[State, str] = {
    "waiting": "dim",
    "collecting": "cyan",
    "answered": "cyan",
    "retrying": "yellow",
    "rejected": "yellow",
    "failed": "red",
    "stored": "blue",
    "accepted": "green",
    "missed": "red",
}


def view(progress: Progress, stream: IO[str], *, keep: bool) -> AbstractContextManager[object]:
    """Rows on a terminal while the context is open; `keep` leaves the last ones on the screen. Without a terminal it
    shows nothing: there `PlainLines` is the view."""
    if not is_terminal(stream):
        return nullcontext()
    console = Console(file=stream, highlight=False)
    return Live(
        Rows(progress),
        console=console,
        refresh_per_second=FRAMES_PER_SECOND,
        transient=not keep,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def is_terminal(stream: IO[str]) -> bool:
    return stream.isatty() and os.environ.get("TERM", "") not in {"dumb", "unknown"}


class PlainLines:
    """`12.3s harbour stored`: for a log, and for grep."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, at: float, site: str, what: str) -> None:
        with self._lock, suppress(OSError):  # the reader has gone; the run continues
            self._stream.write(f"{at:.1f}s {site} {what}\n")
            self._stream.flush()


class Rows:
    """What the terminal shows: the phase, the wave, a row for each site, and the progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spinner = Spinner("dots")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        progress, now = self._progress, time.monotonic()
        room = max(console.height - OTHER_LINES - 1, 1)
        with progress.lock:
            sites = list(progress.sites.values())
            shown = sites if len(sites) <= room else sorted(sites, key=_priority)[:room]
            others = progress.counts.copy()
            width = min(max((len(site.site_id) for site in shown), default=0), options.max_width // 3)
            rows = [self._row(site, now, width) for site in shown]
            for site in shown:
                others[site.state] -= 1
            rest = [f"{count:,} {state}" for state in PRIORITY if (count := others[state]) > 0]
            last = self._last_line(now, options.max_width)
            above = [Text(line, "dim") for line in (_phase(progress), visible(progress.wave.line, 200)) if line]
        if len(shown) < len(sites):
            rows.append(Text(f"  … and {counted(len(sites) - len(shown), 'other')}: {', '.join(rest)}", "dim"))
        for line in (*above, *rows):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line
        yield last

    def _row(self, site: SiteProgress, now: float, width: int) -> Text:
        moving = site.state in {"collecting", "answered", "retrying"}
        sign = self._spinner.render(now) if moving else Text(SIGNS.get(site.state, " "))
        name = site.site_id if len(site.site_id) <= width else f"{site.site_id[: width - 1]}…"
        return Text.assemble(
            (str(sign), STYLE[site.state]), f" {name:{width}}  ", (_status(site, now), STYLE[site.state]), end="\n"
        )

    def _last_line(self, now: float, width: int) -> Table:
        """The progress bar and the counts. The counts are never cut: the bar takes the remaining width."""
        progress = self._progress
        total, done = len(progress.sites), progress.stored
        count = f"{min(done, total):,} of {total:,} stored"
        if progress.regenerating:
            count += f", {min(progress.stored_again, progress.regenerating):,} of {progress.regenerating:,} again"
        if (left := progress.left_s(now)) is not None:
            count += f" · about {duration(round(left))} left"
        count += f" · 429s: {progress.rate_limited:,} · {duration(now - progress.started)}"
        total, done = total + progress.regenerating, done + progress.stored_again
        bar = ProgressBar(max(total, 1), done, width=max(min(width - len(count) - 2, 40), 4), complete_style="green")
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_row(bar, Text(count, no_wrap=True, overflow="ellipsis"))
        return line


def _phase(progress: Progress) -> str:
    """What the run is doing, and the cost of its answers so far at list prices. The tokens come last: a narrow terminal
    cuts them off."""
    words = [progress.phase]
    if progress.output_tokens:
        cost = progress.cost_usd()
        if cost is not None and progress.wave.ceiling_usd is not None:
            words.append(f"{dollars(cost)} of {dollars(progress.wave.ceiling_usd)}")
        elif cost is not None and not progress.simulated:
            words.append(dollars(cost))
        if progress.simulated:
            words.append("simulated")
        words.append(counted(progress.input_tokens + progress.output_tokens, "token"))
    return " · ".join(words)


def _priority(site: SiteProgress) -> tuple[int, float]:
    """Within a group, sites in progress by age, the longest first; finished ones by time, the latest first."""
    return PRIORITY[site.state], -site.since if site.state in DONE else site.since


def _status(site: SiteProgress, now: float) -> str:
    seconds = f"{duration(now - site.since):>6}"
    match site.state:
        case "collecting":
            what = "regenerating" if site.round > 1 else "collecting"
            why = f", after {site.why}" if site.why and site.attempt > 1 else ""
            return f"{what} {seconds}" + (f"  attempt {site.attempt}{why}" if site.attempt > 1 else "")
        case "retrying":
            left = site.retried_at - now
            return f"retrying in {left:.0f} s, after {site.why}" if left >= 0.5 else f"retrying after {site.why}"
        case "rejected":
            return f"to be regenerated: {site.why}"
        case "failed":
            return f"failed: {site.why}"
        case "stored":
            if site.why:
                return f"stored as failed: {site.why}"
            return f"stored, {counted(site.tokens, 'token')}" if site.tokens else "stored"
        case "accepted":
            return f"accepted, {site.entries}{f', {counted(site.tokens, "token")}' if site.tokens else ''}"
        case "missed":
            return f"missed: {site.why}"
        case state:
            return state
