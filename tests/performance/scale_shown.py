"""How the part "scale" is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.performance.part import Table
from tests.performance.payloads import LIMITS, largest


def slope(former: Mapping[str, Any], later: Mapping[str, Any], figure: str) -> float:
    """How much one more site adds, between two nights."""
    return float(later[figure] - former[figure]) / (later["sites"] - former["sites"])


def tables(figures: dict[str, Any]) -> list[Table]:
    nights = figures["nights"]
    return [
        _overhead(nights),
        _requests(nights),
        _payloads(nights),
        *([_aggregator(figures["aggregator"])] if figures["aggregator"] else []),
        _costs(nights),
    ]


def _sites(nights: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{night['sites']:,} sites" for night in nights]


def _overhead(nights: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for number, night in enumerate(nights):
        more = f"{slope(nights[number - 1], night, 'cpu_s') * 1_000:.2f}" if number else ""
        alone = [f"{night['alone_s'].get(function, 0.0):.2f}" for function in ("Planner", "Aggregator", "Reporter")]
        rows.append(
            [
                f"{night['sites']:,}",
                f"{night['seconds']:.1f}",
                f"{night['bound_s']:.1f}",
                f"{night['overhead_ms']:.1f}",
                f"{night['cpu_ms']:.2f}",
                more,
                f"{night['peak_mb']:.0f}",
                *alone,
            ]
        )
    return Table(
        "Overhead of a night",
        (
            *("sites", "seconds", "calls alone", "over them, ms a site", "CPU ms a site", "CPU ms of one more"),
            *("peak MB", "planner s", "aggregator s", "reporter s"),
        ),
        rows,
        f"{nights[-1]['latency_s']} s a call, at most {nights[-1]['concurrency']} at once; the simulated API is "
        "another process. “Calls alone”: what the calls would take without any overhead. “One more”: against the night "
        f"above, so without the fixed part. {nights[0]['deployed_mb']:.0f} MB are there before a night begins.",
    )


def _requests(nights: Sequence[Mapping[str, Any]]) -> Table:
    asked = sorted({request for night in nights for request in night["requests"]})
    rows = [[request, *(f"{night['requests'].get(request, 0):,}" for night in nights)] for request in asked]
    rows.append(["states entered", *(f"{sum(night['states'].values()):,}" for night in nights)])
    rows.append(["state transitions, as billed", *(f"{night['transitions']:,}" for night in nights)])
    return Table(
        "Requests to AWS",
        ("who and what", *_sites(nights)),
        rows,
        "Billed are states entered, retries, and the start of each branch. "
        "Two of a hundred sites are refused by the model and go to the miss queue.",
    )


def _payloads(nights: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for what, limit, whose in LIMITS:
        found = [largest(night, what) for night in nights]
        if not any(found):
            continue
        last = next(each for each in reversed(found) if each)
        name = what if what == last[0] else f"{what[:-1]}…, largest: {last[0].removeprefix(what[:-1])}"
        sizes = [f"{each[1]:,}" if each else "" for each in found]
        rows.append([name, *sizes, f"{limit:,}", f"{last[1] / limit:.2%}", whose])
    return Table(
        "Largest payloads, in bytes, against the limits of AWS",
        ("payload", *_sites(nights), "limit", "used", "of"),
        rows,
    )


def _aggregator(measured: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{ends} night, round {each['round']}",
            each["error"] or "done",
            f"{each['seconds']:.1f}",
            f"{each['cpu_s']:.1f}",
            f"{each['seconds'] / night['timeout_s']:.1%} of {night['timeout_s']} s",
            f"{each['peak_mb']:.0f}",
            f"{each['peak_mb'] / night['memory_mb']:.1%} of {night['memory_mb']} MB",
        ]
        for ends, night in measured.items()
        for each in night["rounds"]
    ]
    usual = measured["usual"]
    return Table(
        f"The aggregator over {usual['sites']:,} outcomes, under the runtime emulator",
        ("", "", "seconds", "CPU s", "of its timeout", "peak MB", "of its memory"),
        rows,
        "The built package, held to the template's memory. The simulated S3's answers are in the seconds. Its CPU time "
        f"alone would take Lambda {usual['lambda_cpu_s']:.0f} s in the usual night, with the share of a processor that "
        "it gets. In the worst night every answer of both rounds breaks the contract, at the length that a miss keeps.",
    )


def _costs(nights: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{night['sites']:,}",
            *(f"{night['quantities'][price]:,} / {night['formula'][price]:,.0f}" for price in night["counted"]),
            f"${night['aws_usd']:,.2f}",
            f"${night['token_usd']:,.3f}",
        ]
        for night in nights
    ]
    return Table(
        "Cost of a night by formula, and what it is made of: counted / assumed",
        ("sites", *nights[0]["counted"].values(), "AWS", "tokens"),
        rows,
        "infra/packaging/costs.py; dollars for 20 s a call. The log is what the functions write; Lambda adds its own.",
    )
