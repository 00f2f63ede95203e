"""How the part "scale" is shown: its figures, and the payloads of a counted run beside what AWS takes of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.performance.part import Table

STATE, SQS, OBJECT = 262_144, 1_048_576, 5 * 1_024**3  # bytes: Step Functions, SQS, one PutObject
LIMITS: tuple[tuple[str, int, str], ...] = (
    # what counted_run calls it (the largest of several that match), its limit, whose limit it is
    ("input of the execution", STATE, "Step Functions"),
    ("input of *", STATE, "Step Functions"),
    ("output of *", STATE, "Step Functions"),
    ("result of the Map", STATE, "Step Functions"),
    ("one item", STATE, "Step Functions"),
    ("StoreOutcome's request, quoted twice", STATE, "Step Functions"),
    ("event of *", STATE, "Step Functions, before Lambda's 6 MiB"),
    ("result of *", STATE, "Step Functions, before Lambda's 6 MiB"),
    ("items.json", 10 * 1_024**3, "ItemReader"),
    ("plan.json", OBJECT, "S3 PutObject"),
    ("outcome", OBJECT, "S3 PutObject"),
    ("results", OBJECT, "S3 PutObject"),
    ("misses.jsonl", OBJECT, "S3 PutObject"),
    ("summary.json", OBJECT, "S3 PutObject"),
    ("digest.html", OBJECT, "S3 PutObject"),
    ("a message of the miss queue", SQS, "SQS"),
    ("a batch of misses", SQS, "SQS"),
    ("the morning's message", STATE, "SNS"),
    ("its subject", 100, "SNS, characters"),
    ("history events of the run", 25_000, "Step Functions"),
)


def largest(run: Mapping[str, Any], what: str) -> tuple[str, int] | None:
    """The largest payload of that name, and of which state or function it is where the name is a pattern."""
    if what == "history events of the run":
        return what, run["history_events"]
    sizes: Mapping[str, int] = run["largest"]
    if not what.endswith("*"):
        return (what, sizes[what]) if what in sizes else None
    named = {name for name, _, _ in LIMITS}
    matching = [(size, name) for name, size in sizes.items() if name.startswith(what[:-1]) and name not in named]
    return (max(matching)[1], max(matching)[0]) if matching else None


def slope(former: Mapping[str, Any], later: Mapping[str, Any], figure: str) -> float:
    """How much one more site adds, between two runs."""
    return float(later[figure] - former[figure]) / (later["sites"] - former["sites"])


def tables(figures: dict[str, Any]) -> list[Table]:
    runs = figures["runs"]
    return [
        _overhead(runs),
        _requests(runs),
        _payloads(runs),
        *([_packaged(figures["packaged"])] if figures["packaged"] else []),
        _costs(runs),
    ]


def _sites(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{run['sites']:,} sites" for run in runs]


def _overhead(runs: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for number, run in enumerate(runs):
        more = f"{slope(runs[number - 1], run, 'cpu_s') * 1_000:.2f}" if number else ""
        alone = [f"{run['alone_s'].get(function, 0.0):.2f}" for function in ("Planner", "Aggregator", "Reporter")]
        rows.append(
            [
                f"{run['sites']:,}",
                f"{run['seconds']:.1f}",
                f"{run['bound_s']:.1f}",
                f"{run['overhead_ms']:.1f}",
                f"{run['cpu_ms']:.2f}",
                more,
                f"{run['peak_mb']:.0f}",
                *alone,
            ]
        )
    return Table(
        "Overhead of a run",
        (
            *("sites", "seconds", "calls alone", "over them, ms a site", "CPU ms a site", "CPU ms of one more"),
            *("peak MB", "planner s", "aggregator s", "reporter s"),
        ),
        rows,
        f"{runs[-1]['latency_s']} s a call, at most {runs[-1]['concurrency']} at once; the simulated API is "
        "another process. “Calls alone”: what the calls would take without any overhead. “One more”: against the run "
        f"above, so without the fixed part. {runs[0]['deployed_mb']:.0f} MB are there before a run begins.",
    )


def _requests(runs: Sequence[Mapping[str, Any]]) -> Table:
    asked = sorted({request for run in runs for request in run["requests"]})
    rows = [[request, *(f"{run['requests'].get(request, 0):,}" for run in runs)] for request in asked]
    rows.append(["states entered", *(f"{sum(run['states'].values()):,}" for run in runs)])
    rows.append(["state transitions, as billed", *(f"{run['transitions']:,}" for run in runs)])
    return Table(
        "Requests to AWS",
        ("who and what", *_sites(runs)),
        rows,
        "Billed are states entered, retries, and the start of each branch. "
        "Two of a hundred sites are refused by the model and go to the miss queue.",
    )


def _payloads(runs: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for what, limit, whose in LIMITS:
        found = [largest(run, what) for run in runs]
        if not any(found):
            continue
        last = next(each for each in reversed(found) if each)
        name = what if what == last[0] else f"{what[:-1]}…, largest: {last[0].removeprefix(what[:-1])}"
        sizes = [f"{each[1]:,}" if each else "" for each in found]
        rows.append([name, *sizes, f"{limit:,}", f"{last[1] / limit:.2%}", whose])
    return Table(
        "Largest payloads, in bytes, against the limits of AWS",
        ("payload", *_sites(runs), "limit", "used", "of"),
        rows,
    )


def _packaged(packaged: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{name}, call {number}",
            call["error"] or "done",
            f"{call['seconds']:.1f}",
            f"{call['cpu_s']:.1f}",
            f"{call['seconds'] / measured['timeout_s']:.1%} of {measured['timeout_s']} s",
            f"{call['peak_mb']:.0f}",
            f"{call['peak_mb'] / measured['memory_mb']:.1%} of {measured['memory_mb']} MB",
        ]
        for name, measured in packaged.items()
        for number, call in enumerate(measured["calls"], 1)
    ]
    [sites] = {measured["sites"] for measured in packaged.values()}
    cpu_s = packaged["aggregator, usual run"]["lambda_cpu_s"]
    return Table(
        f"Planner and aggregator over {sites:,} sites, under the runtime emulator",
        ("", "", "seconds", "CPU s", "of its timeout", "peak MB", "of its memory"),
        rows,
        "The built packages, held to the template's memory. The simulated S3's answers are in the seconds. Its CPU "
        f"time alone would take the aggregator {cpu_s:.0f} s on Lambda in the usual run, with the share of a processor "
        "that it gets. In the worst run every answer of both rounds breaks the contract, at the length that a miss "
        "keeps.",
    )


def _costs(runs: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{run['sites']:,}",
            *(f"{run['quantities'][price]:,} / {run['formula'][price]:,.0f}" for price in run["counted"]),
            f"${run['aws_usd']:,.2f}",
            f"${run['token_usd']:,.3f}",
        ]
        for run in runs
    ]
    return Table(
        "Cost of a run by formula, and what it is made of: counted / assumed",
        ("sites", *runs[0]["counted"].values(), "AWS", "tokens"),
        rows,
        "infra/packaging/costs.py; dollars for 20 s a call. The log is what the functions write; Lambda adds its own.",
    )
