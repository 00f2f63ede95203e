"""nightfold/contract.py: the site list, and the contract of an answer under generated input."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightfold.answers import ANSWER_LIMIT, Violation, read_entries
from nightfold.branch import SiteTask
from nightfold.contract import MissedByReason, RunState
from nightfold.settings import RunConfiguration
from nightfold.sites import MAX_SITES, Site, SiteList
from tests.support.questions import CANDIDATES

FINE = {"site_id": "harbour", "domain": "harbour.example"}

words = st.from_regex(r"[A-Za-z0-9ä港][A-Za-z0-9ß港'\"\\<>&-]{0,12}( [A-Za-z0-9?!]{1,12}){0,5}", fullmatch=True)
candidates = st.lists(st.fixed_dictionaries({"title": words, "angle": words}), min_size=1, max_size=3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["title", "angle"]), inner, max_size=4)
    ),
    max_leaves=12,
)
any_text = st.text(st.characters())  # lone surrogates included


BAD: dict[str, list[Any]] = {
    "site_id": ["", "Harbour", "-harbour", "har bour", "har/bour", "../up", "harbour\n", "x" * 64, 7, None],
    "domain": [
        *("", "localhost", "192.168.0.1", "https://harbour.example/blog", "ftp://harbour.example", 7),
        *("harbour.example/blog", "harbour.example:443", "harbour .example", "-harbour.example", "harbour..example"),
        *("harbour.example.", "harbour.example\n", "häfen.example", f"{'x' * 64}.example", "a." * 124 + "example"),
    ],
    "brief": ["x" * 2_001, 7, "\ud800"],
    "max_tokens": [255, 8_193, "many"],
    "max_token": [512],
    "url": ["https://harbour.example"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_a_bad_site_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        SiteList.validate_python([FINE | {"site_id": "fine"}, FINE | {field: value}])
    assert [error["loc"] for error in raised.value.errors()] == [(1, field)]


@pytest.mark.parametrize(
    ("copied", "domain"),
    [
        *(
            (form, "harbour.example")
            for form in ("https://Harbour.example/", "http://harbour.example", "HARBOUR.example")
        ),
        ("xn--hfen-loa.example", "xn--hfen-loa.example"),
    ],
)
def test_an_address_copied_from_a_browser_is_its_host_name_in_small_letters(copied: str, domain: str) -> None:
    assert Site.model_validate(FINE | {"domain": copied}).domain == domain


def test_a_list_of_ten_thousand_is_fine_and_one_more_is_not() -> None:
    many = [FINE | {"site_id": f"site-{number}"} for number in range(MAX_SITES + 1)]
    assert len(SiteList.validate_python(many[:-1])) == MAX_SITES
    with pytest.raises(ValidationError, match="at most 10000 items"):
        SiteList.validate_python(many)


@pytest.mark.parametrize(("own", "tokens"), [(None, 1_024), (512, 512), (1_024, 1_024), (8_192, 1_024)])
def test_a_sites_own_max_tokens_may_only_lower_its_share(own: int | None, tokens: int) -> None:
    site = Site.model_validate(FINE | {"max_tokens": own})
    assert SiteTask.for_site(site, "night", 1, RunConfiguration(), 1_024, CANDIDATES).max_tokens == tokens


@given(any_text)
@example("[" * 100_000)
@example('[{"title": "\ud800", "angle": "a"}]')
@example('[{"\ud800": 1, "title": "t", "angle": "a"}]')
def test_any_text_is_read_or_is_a_violation(text: str) -> None:
    try:
        assert read_entries(text, CANDIDATES)
    except Violation as violation:
        message = str(violation)
        assert message


@given(json_values)
def test_any_json_is_read_or_is_a_violation(document: object) -> None:
    try:
        read = read_entries(json.dumps(document), CANDIDATES)
    except Violation as violation:
        message = str(violation)
        assert len(message) < 500  # whatever the answer holds, it is not quoted
    else:
        assert isinstance(document, list)
        assert len(read) == len(document)


@given(candidates, st.sampled_from([None, 0, 1, 4]), st.booleans(), st.sampled_from(["", "```", "```json", "```JSON "]))
def test_valid_candidates_are_read_in_any_formatting(
    offered: list[dict[str, str]], indent: int | None, ascii_only: bool, fence: str
) -> None:
    text = json.dumps(offered, indent=indent, ensure_ascii=ascii_only)
    if fence:
        text = f"{fence}\n{text}\n```"
    accepted = [candidate.model_dump() for candidate in read_entries(f" \n{text}\n", CANDIDATES)]
    assert accepted == [{key: " ".join(value.split()) for key, value in each.items()} for each in offered]


@given(candidates, st.dictionaries(st.text(max_size=8), json_values, max_size=1))
def test_unknown_keys_are_dropped(offered: list[dict[str, str]], more: dict[str, Any]) -> None:
    # NaN and the like are not JSON, wherever they appear.
    more = {
        key: value
        for key, value in more.items()
        if "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value)
    }
    read = read_entries(json.dumps([more | each for each in offered]), CANDIDATES)
    assert [candidate.model_dump().keys() for candidate in read] == [{"title", "angle"}] * len(offered)


@given(st.text(st.characters(categories=["L", "N", "Cc", "Cf", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=30))
def test_what_is_accepted_is_one_line_that_can_be_sent_and_printed(title: str) -> None:
    try:
        (entry,) = read_entries(json.dumps([{"title": title, "angle": "a"}]), CANDIDATES)
    except Violation:
        return
    heading = CANDIDATES.heading_of(entry)
    heading.encode()
    assert len(heading.splitlines()) == 1
    assert not set(heading) & set(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F)]))


def test_a_violation_quotes_nothing_of_the_answer() -> None:
    marker = "MARKER-c0ffee"
    for text in (
        marker,
        f'{{"{marker}": 1}}',
        f'["{marker}"]',
        f'[{{"title": "{marker}{"x" * 300}", "angle": 7, "{marker}": 1}}]',
        f'[{{"title": "{marker}\\u202e", "angle": "a"}}]',
        f'[{{"{marker}": 1, "{marker}": 2}}]',
    ):
        with pytest.raises(Violation) as raised:
            read_entries(text, CANDIDATES)
        assert marker not in str(raised.value)
        assert raised.value.__cause__ is None


def test_a_valid_answer_of_any_script_fits_below_the_limit() -> None:
    ten = [{"title": "港" * 100, "angle": "角" * 500}] * 10
    assert len(json.dumps(ten)) < ANSWER_LIMIT
    assert len(read_entries(json.dumps(ten), CANDIDATES)) == 10


def test_the_bucket_schema_is_spelt_as_the_readers_of_the_summary_expect() -> None:
    assert MissedByReason(schema_=2).model_dump() == {"network": 0, "schema": 2, "unknown": 0}
    assert MissedByReason.model_validate_json('{"schema": 2}').schema_ == 2


@pytest.mark.parametrize("run_id", ["", "../up", "a/b", "a b", "-a", "x" * 81, "a\n"])
def test_a_run_id_is_safe_in_a_key(run_id: str) -> None:
    with pytest.raises(ValidationError, match="run_id"):
        RunState(run_id=run_id, status="planned")
