"""What happened when, as numbers."""

import json
import re
from importlib.resources import files
from typing import get_args

import pytest

from nightfold.storage import outcome_key
from reporter.figures import headroom, usage
from reporter.records import read_records
from reporter.timeline import ROWS, WIDTH, Kind, draw
from tests.support.stored_runs import FOUR, MemoryBucket, large, lost, partial, store_run

RUN = "nightly-2026-11-23"


def test_bars_lie_on_the_axis_and_follow_each_other() -> None:
    timeline = draw(read_records(RUN, partial()))
    assert [row.site_id for row in timeline.rows] == list(FOUR)
    for row in timeline.rows:
        ends = [bar.x + bar.width for bar in row.bars]
        assert all(bar.x >= end - 0.05 for bar, end in zip(row.bars[1:], ends, strict=False))
        assert row.bars[0].x > 0
        assert ends[-1] <= WIDTH + 0.05
    kinds = {row.site_id: [bar.kind for bar in row.bars if bar.kind != "waited"] for row in timeline.rows}
    assert kinds == {
        "harbour": ["called"],
        "orchard": ["retried", "called"],
        "lantern": ["rejected", "called"],
        "meadow": ["rejected", "rejected"],
    }


def test_a_row_describes_what_its_bars_show() -> None:
    words = {row.site_id: row.words for row in draw(read_records(RUN, lost())).rows}
    assert words["lantern"] == "3 calls, failed with Overloaded after 5.2 s (before: Overloaded, Overloaded)"
    assert words["meadow"] == "no outcome was stored"


def test_the_style_of_what_is_hidden_is_that_of_no_bar() -> None:
    style = files("reporter").joinpath("page", "page.css").read_text()
    hidden = set(re.findall(r"^\.(\w+) {[^}]*clip-path", style, re.MULTILINE))
    assert hidden == {"unseen"}
    assert hidden.isdisjoint(get_args(Kind))


@pytest.mark.parametrize("cap", [1, 2, 4])
def test_the_cap_shows_in_the_branches_at_once(cap: int) -> None:
    shelf = MemoryBucket()
    store_run(shelf, {f"site-{number}": ["ok"] for number in range(8)}, at_once=cap)
    timeline = draw(read_records(RUN, shelf))
    assert timeline.peak == timeline.cap == cap


def test_of_many_sites_those_with_trouble_get_a_row() -> None:
    timeline = draw(read_records(RUN, large(1_000)))
    assert len(timeline.rows) == ROWS
    assert timeline.sites == 1_000
    troubled = [row.site_id for row in timeline.rows if not row.words.startswith("1 call, answered after")]
    assert len(troubled) == 11
    assert 0 < timeline.peak <= 200


def test_tokens_of_both_rounds_are_added_and_the_most_expensive_site_comes_first() -> None:
    used = usage(read_records(RUN, partial()))
    assert {used[0].site_id, used[1].site_id} == {"lantern", "meadow"}
    assert used[0].input_tokens > 600
    assert used[0].max_tokens == 2_048
    assert [each.cost_usd for each in used] == sorted((each.cost_usd or 0 for each in used), reverse=True)


def test_the_lowest_headroom_is_reported() -> None:
    lowest = {room.name: (room.remaining, room.limit) for room in headroom(read_records(RUN, large(100)))}
    assert lowest == {"requests": (891, 1_000), "output tokens": (381_000, 400_000)}


def test_a_branch_during_which_the_clock_was_set_back_took_no_negative_time() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["ok"]})
    key = outcome_key(RUN, 1, "harbour")
    ended = json.loads(shelf.objects[key])
    ended["ended_at"] = "2026-11-23T01:00:00Z"
    shelf.objects[key] = json.dumps(ended).encode()
    [row] = draw(read_records(RUN, shelf)).rows
    assert row.seconds == 0
    assert all(bar.width >= 0 and 0 <= bar.x <= WIDTH for bar in row.bars)
