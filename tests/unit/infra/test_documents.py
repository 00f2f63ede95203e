"""Tables in documents are printed by commands, and nobody edits them by hand."""

import re
from pathlib import Path

import pytest

from infra.packaging.costs import Night, alarm_metrics, aws_usd, token_usd
from tests.support import documents

ROOT = Path(__file__).parents[3]


def test_generated_parts_are_what_their_generators_make_now() -> None:
    found: set[str] = set()
    for path in documents.DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        found |= {name for name, _ in documents.parts(text)}
        assert documents.regenerated(text) == text, f"{path.name} is stale: run `make docs` and commit what it writes"
    assert found == set(documents.PARTS)


def test_every_file_that_a_recipe_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:functions|infra|tests|events)/[\w./-]+|template\.yaml)`", text))
    assert len(named) > 20
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_the_formula_counts_the_metrics_that_the_alarms_look_at() -> None:
    alarms = (ROOT / "template.yaml").read_text(encoding="utf-8").count("AWS::CloudWatch::Alarm")
    assert alarm_metrics() >= alarms > 5


def test_more_sites_cost_more_and_the_fixed_part_stays() -> None:
    nights = [Night(sites) for sites in (4, 100, 1_000, 10_000)]
    assert [aws_usd(night) for night in nights] == sorted(aws_usd(night) for night in nights)
    assert token_usd(Night(4)) == pytest.approx(4 * (300 * 2 + 500 * 10) / 1_000_000)
