"""What AWS would charge for a counted run, and what the cost formula assumes, by the names of its prices."""

from collections.abc import Mapping
from typing import Any
from unittest import mock

from infra.packaging import costs

PRICES = ("TRANSITION", "GB_SECOND", "INVOCATION", "S3_READ", "S3_WRITE", "SQS_REQUEST", "LOG_GB")
COUNTED = {  # price in the formula → what it applies to, and how many units it covers
    "TRANSITION": ("state transitions", 1),
    "INVOCATION": ("Lambda invocations", 1),
    "S3_READ": ("S3 reads", 1),
    "S3_WRITE": ("S3 writes and lists", 1),
    "SQS_REQUEST": ("SQS requests", 1),
    "LOG_GB": ("bytes of log", 10**9),
}


def quantities(requests: Mapping[str, int], transitions: int, totals: Mapping[str, int]) -> dict[str, int]:
    """The billed quantities, by the formula's name of the price."""

    def asked(service: str, *operations: str) -> int:
        ends = tuple(f" {service}:{operation}" for operation in operations)
        return sum(number for request, number in requests.items() if request.endswith(ends))

    sqs = sum(number for request, number in requests.items() if " sqs:" in request)
    return {
        "TRANSITION": transitions,
        "INVOCATION": asked("lambda", "Invoke"),
        "S3_READ": asked("s3", "GetObject", "HeadObject"),
        "S3_WRITE": asked("s3", "PutObject", "ListObjectsV2"),  # S3 bills a list like a write
        "SQS_REQUEST": sqs - asked("sqs", "SendMessageBatch") + totals.get("SQS chunks", 0),
        "LOG_GB": totals["log"],
    }


def formula(night: costs.Night) -> dict[str, float]:
    """How much of each the cost formula assumes: its result if only that price is not zero."""
    free = dict.fromkeys((*PRICES, "METRIC_MONTH", "ALARM_METRIC_MONTH", "DASHBOARD_MONTH"), 0.0)
    assumed = {}
    for price, (_, each) in COUNTED.items():
        prices: dict[str, Any] = free | {price: 1.0}
        with mock.patch.multiple(costs, **prices):
            assumed[price] = costs.aws_usd(night) * each
    return assumed
