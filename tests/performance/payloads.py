"""The payloads of a counted run, and what AWS takes of each."""

from collections.abc import Mapping
from typing import Any

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
