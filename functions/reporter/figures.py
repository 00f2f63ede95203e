"""What a run used: tokens and cost of each site, and how close it came to the account's limits."""

import re
from collections import defaultdict
from dataclasses import dataclass

from nightfold.budget import cost_usd
from reporter.records import RunRecords

HEADER = re.compile(r"[0-9]{1,10}")  # a plausible limit in a header
LIMITS = {"requests": "requests", "input-tokens": "input tokens", "output-tokens": "output tokens"}


@dataclass(frozen=True)
class Usage:
    """One site, both rounds. Failed calls are not included: the API does not report what they used."""

    site_id: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    max_tokens: int  # of its last branch


@dataclass(frozen=True)
class Headroom:
    """The lowest remaining value of one limit in the answers' headers."""

    name: str
    limit: int
    remaining: int

    @property
    def share(self) -> float:
        return max(0.0, min(self.remaining / self.limit, 1.0))


def usage(records: RunRecords) -> list[Usage]:
    """The most expensive site first."""
    tokens: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for branch in records.branches:
        of_site = tokens[branch.task.site_id]
        of_site[2] = branch.task.max_tokens
        if branch.outcome is not None and (answer := branch.outcome.answer) is not None:
            of_site[0] += answer.input_tokens
            of_site[1] += answer.output_tokens
    model = records.plan.configuration.model
    used = [
        Usage(site_id, input_, output, cost_usd(model, input_, output), most)
        for site_id, (input_, output, most) in tokens.items()
    ]
    return sorted(used, key=lambda each: (-(each.cost_usd or 0), -each.output_tokens, each.site_id))


def headroom(records: RunRecords) -> list[Headroom]:
    """One entry for each limit that at least one answer's headers show."""
    return [lowest for name in LIMITS if (lowest := _lowest(records, name)) is not None]


def _lowest(records: RunRecords, name: str) -> Headroom | None:
    seen = [
        found
        for branch in records.branches
        if branch.outcome is not None
        and branch.outcome.answer is not None
        and (found := _from_headers(branch.outcome.answer.rate_limits, name)) is not None
    ]
    return min(seen, key=lambda each: each.share, default=None)


def _from_headers(headers: dict[str, str], name: str) -> Headroom | None:
    try:
        limit, remaining = (headers[f"anthropic-ratelimit-{name}-{part}"] for part in ("limit", "remaining"))
    except KeyError:
        return None
    if not (HEADER.fullmatch(limit) and HEADER.fullmatch(remaining)):
        return None
    return Headroom(LIMITS[name], int(limit), int(remaining)) if int(limit) > 0 else None
