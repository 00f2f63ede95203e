"""The one table of failures: what the API does → calls made, how the site ends, under which reason and error.

It drives the run of the real state machine (tests/integration/test_failure_table.py); `make docs` writes it into the
documents.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One site of the run in which every failure happens."""

    site_id: str
    api: str  # in words
    script: tuple[str | int, ...]  # the simulated API's behaviours, call by call; afterwards "ok"
    calls: int
    rounds: int = 1
    reason: str | None = None  # None: accepted
    error: str | None = None
    in_readme: bool = False  # one of the most important rows


TABLE = (
    Row("fine", "a good answer", ("ok",), calls=1),
    Row("fenced", "a good answer inside one code fence", ("fenced",), calls=1),
    Row("thinks-first", "a thinking block before the answer", ("thinking_first",), calls=1),
    Row("slow", "a good answer, slowly", ("slow",), calls=1),
    Row("limited-once", "429, then a good answer", (429,), calls=2, in_readme=True),
    Row("limited", "429 every time", (429, 429, 429), calls=3, reason="network", error="RateLimited"),
    Row("ramping", "429, usage grew too fast", ("ramp_limit",), calls=2),
    Row("overloaded-twice", "529 twice, then a good answer", (529, 529), calls=3),
    Row("overloaded", "529 every time", (529,) * 3, 3, 1, "network", "Overloaded", in_readme=True),
    Row("unavailable", "503 every time", (503, 503, 503), calls=3, reason="network", error="Overloaded"),
    Row("error-500", "500 every time", (500, 500, 500), calls=3, reason="network", error="NetworkError"),
    Row("error-408", "408 or 409", (408, 409), calls=3),
    Row("reset", "connection reset", ("reset",) * 3, calls=3, reason="network", error="NetworkError"),
    Row("dropped", "connection dropped in the middle of the answer", ("drop",) * 3, 3, 1, "network", "NetworkError"),
    Row("cut-json", "200 with half a JSON body", ("cut_json",) * 3, calls=3, reason="network", error="NetworkError"),
    Row("html", "200 with a web page", ("html",) * 3, calls=3, reason="network", error="NetworkError"),
    Row("empty", "200 with an empty body", ("empty_body",) * 3, 3, reason="network", error="NetworkError"),
    Row("other-json", "200 with JSON that is not a message", ("not_a_message",) * 3, 3, 1, "network", "NetworkError"),
    Row("hangs", "silence", ("hang",) * 3, calls=3, reason="network", error="ModelTimeout", in_readme=True),
    Row("hangs-once", "no response, then a good answer", ("hang",), calls=2),
    Row("drips", "an answer that is sent slowly and never ends", ("drip",) * 3, 3, 1, "network", "ModelTimeout"),
    Row("drips-headers", "headers that are sent slowly", ("drip_headers",) * 3, 3, 1, "network", "ModelTimeout"),
    Row("mixed", "529, a reset, then a good answer", (529, "reset"), calls=3),
    Row("then-rejected", "529, then 400", (529, 400), 2, reason="unknown", error="RequestRejected"),
    Row("prose-once", "an answer that is not a JSON array, then a good one", ("prose",), 2, 2, in_readme=True),
    Row("prose", "an answer that is not a JSON array, twice", ("prose",) * 2, 2, 2, "schema", "SchemaViolation", True),
    Row("wrong-shape", "other keys than title and angle", ("wrong_shape",) * 2, 2, 2, "schema", "SchemaViolation"),
    Row("empty-list", "an empty list, twice", ("empty_list",) * 2, 2, 2, "schema", "SchemaViolation"),
    Row("cut-once", "an answer cut at max_tokens, then a good one", ("max_tokens",), calls=2, rounds=2, in_readme=True),
    Row("cut", "an answer cut at max_tokens, twice", ("max_tokens",) * 2, 2, 2, "schema", "Truncated"),
    Row("window", "the context window is full, twice", ("context_window",) * 2, 2, 2, "schema", "Truncated"),
    Row("prose-529", "not a JSON array, then 529 three times", ("prose", 529, 529, 529), 4, 2, "network", "Overloaded"),
    Row("prose-400", "not a JSON array, then 400", ("prose", 400), 2, 2, "unknown", "RequestRejected"),
    Row("refused", "a refusal", ("refusal",), calls=1, reason="unknown", error="Refused", in_readme=True),
    Row("bad-request", "400", (400,), calls=1, reason="unknown", error="RequestRejected"),
    Row("not-found", "404", (404,), calls=1, reason="unknown", error="RequestRejected"),
    Row("too-large", "413", (413,), calls=1, reason="unknown", error="RequestRejected"),
    Row("unprocessable", "422", (422,), calls=1, reason="unknown", error="RequestRejected"),
    Row("no-key", "401", (401,), calls=1, reason="unknown", error="AccessDenied", in_readme=True),
    Row("forbidden", "403", (403,), calls=1, reason="unknown", error="AccessDenied"),
    Row("unpaid", "402", (402,), calls=1, reason="unknown", error="SpendLimitReached"),
    Row("spent", "429, the spend limit is reached", ("spend_limit",), 1, reason="unknown", error="SpendLimitReached"),
    Row(
        "contract",
        "429, a contract's limit is reached",
        ("contract_spend_limit",),
        1,
        1,
        "unknown",
        "SpendLimitReached",
    ),
    Row("own-limit", "400, your own usage limit", ("usage_limit",), 1, reason="unknown", error="SpendLimitReached"),
    Row("hostile", "markup, escapes and overrides in titles", ("hostile",) * 2, 2, 2, "schema", "SchemaViolation"),
)


def markdown(rows: Iterable[Row] = TABLE) -> str:
    """The table of infra/docs/failures.md."""
    lines = ["| the API answers | calls | the site ends | reason | error |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        ends = "accepted" if row.reason is None else "in the miss queue"
        ends += " after one regeneration" if row.rounds == 2 else ""
        lines.append(
            f"| {row.api} | {row.calls} | {ends} | {row.reason or ''} | {f'`{row.error}`' if row.error else ''} |"
        )
    return "\n".join(lines)


def short_markdown() -> str:
    """The README's table."""
    return markdown(row for row in TABLE if row.in_readme)
