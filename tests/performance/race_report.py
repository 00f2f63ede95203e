"""The race's figures as a person reads them."""

from collections.abc import Callable, Sequence
from statistics import median

from tests.performance.contestant import HURRY, OURS, SCRIPT
from tests.performance.part import Table
from tests.performance.race_rules import LIMITS, Figures, Run, by_morning, ratio, runs_of
from tests.performance.workloads import ACCOUNT, FAULTS, FOUR, HANGING, MANY, REQUESTS_PER_MINUTE, SITES


def tables(figures: Figures) -> list[Table]:
    return [_wall_clock(figures), _kept(figures), _paid(figures), _account(figures), _beside_a_script(figures)]


def _wall_clock(figures: Figures) -> Table:
    given = figures["workloads"][FOUR]

    def row(runs: Sequence[Run]) -> list[str]:
        walls = [each["wall_s"] for each in runs]
        own = [each["summary"]["duration_s"] for each in runs if each["summary"]]
        return [
            f"{median(walls):.1f}",
            _spread(walls),
            f"{median(walls) / given['bound_s']:.2f}",
            f"{median(own):.1f}" if own else "",
            f"{median(each['cpu_s'] for each in runs):.1f}",
            f"{median(each['peak_mb'] for each in runs):.0f}",
            f"{median(each['calls'] for each in runs):.0f}",
            _tokens(runs[0]),
            str(min(len(each["kept"]) for each in runs)),
        ]

    headers = ["contestant", "wall s", "lowest-highest", "/ lower bound", "execution s", "CPU s", "peak MB", "calls"]
    return Table(
        "Four sites at about 40 s",
        [*headers, "tokens in + out", "kept"],
        _rows(figures, FOUR, row),
        f"{_pace(given['speed'])} The lower bound is {given['bound_s']:.1f} s, the slowest answer. Wall clock from the "
        "process's start to its exit; `execution` is the state machine's own share of it, which is all that AWS would "
        "have. Processor and memory (resident) are the process and its children together, sampled every 50 ms.",
    )


def _kept(figures: Figures) -> Table:
    given = figures["workloads"][HANGING]

    def cell(each: Run) -> str:
        still = ", still waiting" if each["status"] is None else ""
        return f"{len(each['kept'])}{still} → {len(by_morning(each))}"

    return Table(
        f"Sites kept of {len(SITES)}: in the night → by the morning",
        ["contestant", *FAULTS],
        _by_fault(figures, cell),
        "By the morning without a person: Nightfold's schedule starts the redrive, and the site is well again by then. "
        "The others have no morning run, and nothing records what they miss. A request may take "
        f"{given['timeout_s']} s where a contestant sets a timeout; after {given['patience_s']:.0f} s without a call "
        "or an answer it is ended from outside (the SDK would wait for three times 600 s), and what it had stored "
        f"counts. The state machine's waits between two calls pass {HURRY} times as fast here.",
    )


def _paid(figures: Figures) -> Table:
    def cell(each: Run) -> str:
        text = f"{each['calls']}"
        if each.get("morning"):
            text += f" + {each['morning']['calls']}"
        elif each.get("again"):
            text += f" + {each['again']['calls']} by hand"
        elif len(each["kept"]) < each["planned"]:
            text += f" (+ {each['planned']} by hand)"
        return f"{text}; {each['input_tokens'] + each['output_tokens']:,}"

    return Table(
        "Model calls in the night + in the morning; tokens that the night's answers cost",
        ["contestant", *FAULTS],
        _by_fault(figures, cell),
        "By hand: a script that is run again asks for every site again. In brackets if it was not run.",
    )


def _account(figures: Figures) -> Table:
    given = figures["workloads"][ACCOUNT]

    def row(runs: Sequence[Run]) -> list[str]:
        each = runs[0]
        return [
            f"{each['wall_s']:.1f}",
            f"{each['wall_s'] / given['bound_s']:.2f}",
            str(each["limited"]),
            str(each["calls"]),
            f"{len(each['kept'])} of {each['planned']}",
            _tokens(each),
            f"{each['peak_mb']:.0f}",
        ]

    return Table(
        f"{given['sites']} sites on an account that allows {REQUESTS_PER_MINUTE} requests a minute",
        ["contestant", "wall s", "/ lower bound", "429s", "calls", "kept", "tokens in + out", "peak MB"],
        _rows(figures, ACCOUNT, row),
        f"{_pace(given['speed'])} The lower bound of four at once is {given['bound_s']:.1f} s: who gives up on sites "
        "can be below it. Latencies are log-normal, median 10 s, each site's the same for everybody.",
    )


def _beside_a_script(figures: Figures) -> Table:
    def of(workload: str, figure: str) -> str:
        middle = [median(each[figure] for each in runs_of(figures, workload, name)) for name in (SCRIPT, OURS)]
        limit = next((f" (at most {limit:g})" for at, what, limit in LIMITS if (at, what) == (workload, figure)), "")
        return " · ".join([*(f"{each:.1f}" for each in middle), f"{ratio(figures, workload, figure):.2f}{limit}"])

    return Table(
        "What the embedded cloud adds: asyncio.Semaphore · Nightfold · ratio",
        ["calls", "wall s", "CPU s", "peak MB"],
        [[each, *(of(each, figure) for figure in ("wall_s", "cpu_s", "peak_mb"))] for each in (FOUR, MANY)],
        "Medians of whole processes, start-up included: Nightfold's deploys template.yaml, plans, takes the census and "
        "renders the page. At 400 sites the two take turns.",
    )


def _rows(figures: Figures, workload: str, row: Callable[[Sequence[Run]], list[str]]) -> list[list[str]]:
    """A row for each contestant that ran."""
    ran = {name: runs_of(figures, workload, name) for name in figures["contestants"]}
    return [[name, *row(runs)] for name, runs in ran.items() if runs]


def _by_fault(figures: Figures, cell: Callable[[Run], str]) -> list[list[str]]:
    return [
        [name, *(", ".join(map(cell, runs_of(figures, fault, name))) or "not run" for fault in FAULTS)]
        for name in figures["contestants"]
    ]


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.1f}-{max(values):.1f}" if len(values) > 1 else ""


def _tokens(each: Run) -> str:
    return f"{each['input_tokens']:,} + {each['output_tokens']:,}"


def _pace(speed: float) -> str:
    return "In real time." if speed == 1 else f"The simulated API was {speed:g} times as fast as real time."
