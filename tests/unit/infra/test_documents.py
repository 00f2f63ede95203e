"""Tables in documents are printed by commands, and nobody edits them by hand."""

from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from infra.packaging.costs import ALARM_METRICS, Night, aws_usd, markdown, token_usd
from tests.support import failure_table

ROOT = Path(__file__).parents[3]
RESOURCES = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]


@pytest.mark.parametrize(
    ("document", "table"),
    [("infra/docs/costs.md", markdown()), ("README.md", failure_table.markdown())],
    ids=["costs", "failures"],
)
def test_a_table_is_what_its_command_prints(document: str, table: str) -> None:
    assert table in (ROOT / document).read_text()


def test_the_formula_counts_the_metrics_that_the_alarms_look_at() -> None:
    alarms = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = [
        each for alarm in alarms for each in alarm.get("Metrics", [{"MetricStat": alarm}]) if "MetricStat" in each
    ]
    assert len(watched) == ALARM_METRICS


def test_more_sites_cost_more_and_the_fixed_part_stays() -> None:
    nights = [Night(sites) for sites in (4, 100, 1_000, 10_000)]
    assert [aws_usd(night) for night in nights] == sorted(aws_usd(night) for night in nights)
    assert token_usd(Night(4)) == pytest.approx(4 * (300 * 2 + 500 * 10) / 1_000_000)
