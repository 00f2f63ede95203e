"""Stored outcomes with arbitrary figures and names, as a compromised collector or bucket could write them."""

import json
from typing import Any

from hypothesis import strategies as st

from nightfold.branch import Outcome

VALUES: tuple[Any, ...] = (
    *(int("9" * 400), -(10**9), -1, 0, 10**9 + 1, 1.5, 1e308, float("inf"), float("-inf"), float("nan")),
    *(None, True, "", "many", "9" * 400, "-1", "\x1b[31m", "x" * 20_000, "\ud800"),
    *([], ["RateLimited"] * 10_000, [[0, 1]] * 10_000, [["a", "b"]], [[-1, float("inf")]], {}, {"a": {"b": []}}),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-23T03:15:07Z"),
    {
        f"anthropic-ratelimit-{name}-{part}": "9" * 400
        for name in ("requests", "input-tokens")
        for part in ("limit", "remaining")
    },
    {"anthropic-ratelimit-requests-limit": "0", "anthropic-ratelimit-requests-remaining": "-5"},
)
FIELDS = (
    *("stop_reason", "input_tokens", "output_tokens", "model", "request_id", "latency_ms", "rate_limits"),
    *("attempt", "earlier_errors", "calls"),
)
CAUGHT: tuple[dict[str, Any], ...] = (
    *({}, {"Error": "Overloaded", "Cause": "[" * 100_000}, {"Error": ["x"], "Cause": 5}, {"Error": "x" * 20_000}),
    {"Error": "Overloaded", "Cause": json.dumps({"errorMessage": f"attempt {'9' * 4}: no [999999.99-0.00]"})},
)


def spoilt(outcome: Outcome) -> st.SearchStrategy[bytes]:
    """`outcome` with some of its fields replaced."""
    document = outcome.model_dump(mode="json")

    def stored(changes: dict[str, Any], times: dict[str, Any], caught: Any) -> bytes:
        answer = document["answer"]
        changed = document | times | {"answer": None if answer is None else answer | changes}
        if changed["failure"] is not None:
            changed["failure"] = changed["failure"] | {"caught": caught}
        return json.dumps(changed).encode()

    values = st.sampled_from(VALUES)
    return st.builds(
        stored,
        st.dictionaries(st.sampled_from(FIELDS), values, max_size=len(FIELDS)),
        st.dictionaries(st.sampled_from(("started_at", "ended_at")), values),
        st.sampled_from(CAUGHT),
    )
