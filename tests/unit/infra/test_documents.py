"""Tables in documents are printed by commands, and nobody edits them by hand."""

from pathlib import Path

import pytest

from infra.build.costs import Night, aws_usd, markdown, token_usd
from tests import failure_table

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("document", "table"),
    [("infra/docs/costs.md", markdown()), ("README.md", failure_table.markdown())],
    ids=["costs", "failures"],
)
def test_a_table_is_what_its_command_prints(document: str, table: str) -> None:
    assert table in (ROOT / document).read_text()


def test_more_sites_cost_more_and_the_fixed_part_stays() -> None:
    nights = [Night(sites) for sites in (4, 100, 1_000, 10_000)]
    assert [aws_usd(night) for night in nights] == sorted(aws_usd(night) for night in nights)
    assert token_usd(Night(4)) == pytest.approx(4 * (300 * 2 + 500 * 10) / 1_000_000)
