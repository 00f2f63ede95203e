"""reporter/export.py: what a model wrote stays text, wherever it is exported to."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.export import Section, cell, inert, line, markdown, table
from tests.support.hostile_texts import FORMULAS, TEXTS
from tests.support.questions import CANDIDATES, REFRESH


@pytest.mark.parametrize(("text", "written"), FORMULAS.items())
def test_no_cell_begins_a_formula(text: str, written: str) -> None:
    assert cell(text) == written


def test_a_number_stays_a_number() -> None:
    assert [cell(value) for value in (-1, 2.5, True, None, ["a", "=b"])] == [-1, 2.5, True, "", "a, =b"]


@given(st.lists(st.text(), min_size=2, max_size=5))
def test_a_row_is_read_back_as_its_cells_and_nowhere_begins_a_formula(fields: list[str]) -> None:
    written = table(["id", *map(str, range(len(fields)))], [["id", *fields]])
    rows = list(csv.reader(io.StringIO(written)))
    assert len(rows) == 2
    assert rows[-1] == ["id", *map(cell, fields)]
    assert not [each for each in rows[-1] if re.match(r"\s*[=+@\uff1d\uff0b\uff0d\uff20-]", each)]
    assert not [each for each in rows[-1] if re.search(r"[\r\n\t\x00]", each)]


@pytest.mark.parametrize("text", TEXTS)
def test_markup_is_escaped_and_a_text_stays_on_its_line(text: str) -> None:
    written = inert(text)
    assert re.sub(r"\\(.)", r"\1", written) == line(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>#|~!&$]", written)
    assert len(written.splitlines()) == 1


def test_a_document_has_a_section_for_each_site() -> None:
    entry = {"article": "On *disks*", "outdated": "See https://evil.example.", "effort": "small"}
    text = markdown(REFRESH.noun, "run-1", [Section("harbour", REFRESH, [entry]), Section("meadow", REFRESH, [])])
    assert text == (
        "# Articles, run-1\n\n## harbour\n\n"
        "* **On \\*disks\\***: See https: //evil. example. effort: small\n\n## meadow\n\n"
    )
    older = {"title": "A title from before there were angles"}
    assert markdown("candidate", "x", [Section("a", CANDIDATES, [older])]).endswith(
        "* **A title from before there were angles**: \n"
    )
