"""What a night costs, by formula: `.venv/bin/python -m infra.packaging.costs` prints the table of infra/docs/costs.md.

List prices of us-east-1 without free tiers, November 2026. Each constant says where it comes from.
"""

from dataclasses import dataclass
from functools import cache

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from infra.packaging.expanded import TEMPLATE
from nightfold.amounts import dollars
from nightfold.budget import PRICES
from nightfold.waves import ONE_WAVE

TRANSITION = 0.025 / 1_000  # aws.amazon.com/step-functions/pricing: Standard, per state transition
GB_SECOND = 0.0000133334  # aws.amazon.com/lambda/pricing: arm64
INVOCATION = 0.20 / 1_000_000
S3_WRITE, S3_READ = 0.005 / 1_000, 0.0004 / 1_000  # aws.amazon.com/s3/pricing: Standard
SQS_REQUEST = 0.40 / 1_000_000  # aws.amazon.com/sqs/pricing: Standard
LOG_GB = 0.50  # aws.amazon.com/cloudwatch/pricing: ingestion
METRIC_MONTH, ALARM_METRIC_MONTH, DASHBOARD_MONTH = 0.30, 0.10, 3.00

METRICS = 12  # names in functions/nightfold/observability.count calls of every night, one dimension
METRIC_HOURS = 2  # hours of a day in which a metric has data, the night's and the morning's: only these are billed
NIGHTS = 30


@dataclass(frozen=True)
class Night:
    """The assumptions about one night."""

    sites: int
    waves: int = 10  # about as many as a first night with `auto` needs (infra/docs/benchmarks.md)
    input_tokens: int = 300  # a site
    output_tokens: int = 500
    seconds: float = 20.0  # a call
    model: str = "claude-sonnet-5-5"
    missed_share: float = 0.02


@cache
def alarm_metrics() -> int:
    """Metrics of the template's alarms: each is billed, even if two alarms share one."""
    resources = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"].values()
    alarms = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    return sum("MetricStat" in each for alarm in alarms for each in alarm.get("Metrics", [{"MetricStat": alarm}]))


def aws_usd(night: Night) -> float:
    """Everything but the tokens. Fixed monthly costs are divided by the month's nights."""
    parent = 9 + 3 * night.waves  # PlanRun … RunFinished, one round
    transitions = parent + 3 * night.sites  # a branch: its start, CollectSite, StoreOutcome
    pacings = night.waves + 1  # the last one begins no wave
    lambda_gb_s = night.sites * night.seconds * 0.5  # the collector
    lambda_gb_s += (2 + night.sites * 0.01 + pacings * 0.5) * 1.0  # the other functions
    # Each site: its outcome, for pacer, aggregator and reporter, its results, its memory, for planner and aggregator.
    # Each decision: plan, items, all decisions so far, the items of the wave before. The run: items of each wave and,
    # for the page, its decision; up to 90 earlier summaries.
    reads = 6 * night.sites + 106 + 6 * night.waves + pacings * (pacings + 1) // 2
    # Each site: outcome, memory and results. Each wave: decision, items. The run: plan, items, misses, summary, page.
    writes = 3 * night.sites + 10 + 2 * night.waves
    queue = night.sites * night.missed_share * 3 + 20
    logs = (night.sites + 5) * 700 / 1e9
    metrics = METRICS * METRIC_MONTH * METRIC_HOURS / 24
    fixed = (metrics + alarm_metrics() * ALARM_METRIC_MONTH + DASHBOARD_MONTH) / NIGHTS
    return (
        transitions * TRANSITION
        + lambda_gb_s * GB_SECOND
        + (night.sites + 3 + pacings) * INVOCATION
        + reads * S3_READ
        + writes * S3_WRITE
        + queue * SQS_REQUEST
        + logs * LOG_GB
        + fixed
    )


def token_usd(night: Night) -> float:
    """What Anthropic charges if every first answer is accepted."""
    per_input, per_output = PRICES[night.model]
    return night.sites * (night.input_tokens * per_input + night.output_tokens * per_output) / 1_000_000


def markdown() -> str:
    """The table of infra/docs/costs.md."""
    lines = ["| sites | AWS a night | tokens a night | together a month |", "| ---: | ---: | ---: | ---: |"]
    for sites in (4, 100, 1_000, 10_000):
        night = Night(sites, waves=1 if sites <= ONE_WAVE else Night.waves)
        aws, tokens = aws_usd(night), token_usd(night)
        lines.append(f"| {sites:,} | {dollars(aws)} | {dollars(tokens)} | {dollars(NIGHTS * (aws + tokens))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())  # noqa: T201
