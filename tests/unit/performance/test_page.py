"""The page of `make bench`."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from tests.performance.charts import draw, is_flat, legend
from tests.performance.page import render
from tests.performance.part import Chart, Table
from tests.performance.results import Results
from tests.performance.shown import Shown, is_numbers
from tests.unit.performance.test_compare import results

MARKUP = '<script>alert("1")</script> & <b>'
BARS = Chart("Bars", "bars", "who", "seconds", {"": [("ours", 1.5, 1, 2), ("theirs", 3)]}, note="Lower is better.")
LINES = Chart("Lines", "lines", "sites", "s", {"a": [(1, 2), (2, 3)], "b": [(1, 9), (2, 1)]}, frozenset({"x", "y"}))


class Page(HTMLParser):
    """Tags with their attributes, and what is text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.tags if each == tag]


def measured(**others: object) -> Results:
    machine = {"processor": "a processor", "cores": 2, "memory_gb": 8.0}
    return results({"race": {}}, **({"machine": machine, "seconds": {"race": 61.0}} | others))


def page(shown: Shown, taken: Results | None = None) -> tuple[str, Page]:
    text = render(taken or measured(), {"race": shown})
    return text, Page(text)


def test_markup_is_shown_as_text() -> None:
    hostile = Chart(MARKUP, "bars", MARKUP, MARKUP, {MARKUP: [(MARKUP, 1)], "b": [(MARKUP, 2)]}, note=MARKUP)
    table = Table(MARKUP, [MARKUP, MARKUP], [[MARKUP, MARKUP]], MARKUP)
    text, seen = page(Shown(MARKUP, [table], [hostile]), measured(complaints={"race": [MARKUP]}))
    assert "<script" not in text
    assert not seen.all("script")
    assert len(seen.all("b")) == 2  # the signs of the legend
    assert seen.text.count(MARKUP) >= 10


def test_each_chart_is_one_drawing_with_its_title() -> None:
    _, seen = page(Shown("Race", [], [BARS, LINES]))
    drawings = [svg for svg in seen.all("svg") if svg.get("role") == "img"]
    assert [svg["aria-labelledby"] for svg in drawings] == ["race-0-title", "race-1-title"]
    assert {each.get("id") for each in seen.all("title")} >= {"race-0-title", "race-1-title"}
    ids = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_chart_that_cannot_be_drawn_costs_only_itself() -> None:
    bad = Chart("Bad", "bars", "", "", {"": 7})  # type: ignore[dict-item]
    text, seen = page(Shown("Race", [], [bad, BARS]))
    assert "could not be drawn" in text
    assert len([svg for svg in seen.all("svg") if svg.get("role") == "img"]) == 1


def test_nothing_is_asked_for_from_outside_and_the_style_sheet_is_allowed_by_its_hash() -> None:
    text, seen = page(Shown("Race", [Table("T", ["a"], [["1"]])], [BARS, LINES]))
    policy = seen.all("meta")[1]["content"] or ""
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(style) == 1
    assert base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'")
    assert not [attributes for _, attributes in seen.tags if "style" in attributes]  # the policy refuses them
    links = [value for _, attributes in seen.tags for key, value in attributes.items() if key in ("href", "src")]
    assert len(links) > 3
    assert all(str(link).startswith(("#", "data:", "results.json")) for link in links)


@pytest.mark.parametrize(
    ("complaints", "says"),
    [({}, "Everything holds"), ({"race": ["slow"]}, "1 thing does not hold"), ({"a": ["x", "y"]}, "2 things do not")],
)
def test_what_does_not_hold_stands_at_the_top(complaints: dict[str, list[str]], says: str) -> None:
    _, seen = page(Shown("The race"), measured(complaints=complaints))
    assert says in seen.text
    assert seen.text.index(says) < seen.text.rindex("The race")
    assert all(each in seen.text for found in complaints.values() for each in found)


def test_a_drawing_is_the_same_twice_and_has_no_colour_of_its_own() -> None:
    for chart in (BARS, LINES):
        drawn = draw(chart, "x")
        assert drawn == draw(chart, "x")
        assert "var(--series-0)" in drawn
        assert not re.findall(r'"#[0-9a-f]{6}"', drawn)
        assert not [each for each in ET.fromstring(drawn).iter() if "style" in each.attrib]  # noqa: S314


@pytest.mark.parametrize(
    "chart",
    [
        Chart("nothing", "bars", "x", "y", {}),
        Chart("no points", "lines", "x", "y", {"": []}, frozenset({"x", "y"})),
        Chart("zero", "bars", "x", "y", {"": [("a", 0), ("b", 0, 0, 0)]}, frozenset({"y"})),
        Chart("alike", "lines", "x", "y", {"": [(1, 5), (1, 5)]}, frozenset({"x"})),
        Chart("not a number", "lines", "x", "y", {"": [(1, None), (2, float("nan")), (3, 4)]}),  # type: ignore[list-item]
        Chart("negative", "bars", "x", "y", {"": [("a", -3), ("b", 2)]}),
        Chart("$signs$ and 日本", "bars", "$x", "y^", {"": [("$", 1), ("_", 2)]}),
        Chart("ten", "lines", "x", "y", {str(each): [(0, each), (1, each)] for each in range(10)}),
    ],
)
def test_odd_charts_are_drawn(chart: Chart) -> None:
    assert ET.fromstring(draw(chart, "x"))[0].text == chart.title  # noqa: S314


def test_many_bars_or_long_names_lie() -> None:
    def chart(*names: str) -> Chart:
        return Chart("", "bars", "", "", {"": [(name, 1) for name in names]})

    assert not is_flat(chart("1", "2", "4"))
    assert is_flat(chart(*"abcdefghijklm"))
    assert is_flat(chart("asyncio with a semaphore", "LangGraph with its Send"))


def test_a_series_takes_no_room_where_it_has_no_bar() -> None:
    names = [str(number) for number in range(6)]
    apart = Chart("", "bars", "", "", {f"of {name}": [(name, 1)] for name in names})
    together = Chart("", "bars", "", "", {"": [(name, 1) for name in names]})
    assert shape(apart) == shape(together)


def shape(chart: Chart) -> str:
    """Everything that is drawn, but for colours."""
    return re.sub(r"series-\d", "", draw(chart, "x"))


def test_only_several_series_have_a_legend() -> None:
    assert legend(BARS) == []
    assert [(number, name) for number, _, name in legend(LINES)] == [(0, "a"), (1, "b")]


def test_columns_of_numbers_are_recognised() -> None:
    table = Table("", ["1", "2", "3", "4"], [["1", "~12 %", "few", "-"], ["2", "-", "3", "-"]])
    assert [is_numbers(table, column) for column in range(4)] == [False, True, False, False]
