"""planner/inputs.py: what a run is asked to do, and every way to ask it wrongly."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nightfold.complaints import listed
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from nightfold.sites import RunId
from planner.inputs import ExecutionInput, configure, narrow, read_input, read_sites, run_id_of

NIGHT = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "scheduled"), [({"mode": "collect", "scheduled_time": "2026-11-23T03:15:00Z"}, NIGHT), ({}, None)]
)
def test_the_schedulers_input_is_read_and_an_empty_one_is_a_collection(document: object, scheduled: object) -> None:
    read = read_input(document)
    assert (read.mode, read.scheduled_time, read.model_extra) == ("collect", scheduled, {})


def test_every_further_key_overrides_the_configuration() -> None:
    given_ = read_input({"max_concurrency": 8})
    assert configure('{"max_concurrency": 4, "request_timeout_s": 9}', given_.model_extra or {}) == RunConfiguration(
        max_concurrency=8, request_timeout_s=9
    )


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"mode": "colect"}, "input.mode: must be 'collect' or 'redrive', not \"colect\""),
        ({"mode": None}, "input.mode"),
        ({"scheduled_time": "yesterday"}, "input.scheduled_time"),
        ({"scheduled_time": "2026-11-23T03:15:00"}, "input.scheduled_time"),
        ({"scheduled_time": "<aws.scheduler.scheduled-time>"}, "input.scheduled_time"),
        ({"scheduled_time": "2026-02-30T03:15:00Z"}, "input.scheduled_time"),
        (
            {"scheduled_time": "0001-01-01T00:00:00Z", "time_zone": "America/New_York"},
            "has no date in America/New_York",
        ),
        ({"scheduled_time": "9999-12-31T23:59:59Z", "time_zone": "Asia/Tokyo"}, "has no date in Asia/Tokyo"),
        ([], "input: must be a JSON object"),
        (None, "input: must be a JSON object, not null"),
        ("redrive", "input: must be a JSON object"),
        ({"only": "harbour"}, 'input.only: must be a JSON array, not "harbour"'),
        ({"only": []}, "input.only: must have at least 1 entry"),
        ({"limit": 0}, "input.limit: must be at least 1, not 0"),
        ({"limit": "2"}, 'input.limit: must be a whole number, not "2"'),
        ({"mode": "redrive", "limit": 2}, "input: only and limit narrow a collection"),
        ({"mode": "redrive", "only": ["harbour"]}, "input: only and limit narrow a collection"),
    ],
)
def test_a_bad_execution_input_names_its_field(document: Any, complaint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_input(document)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("parameter", "overrides", "complaint"),
    [
        ("", {}, "configuration: the parameter is not valid JSON"),
        ("{", {}, "configuration: the parameter is not valid JSON"),
        ("[" * 4_000, {}, "configuration: the parameter is not valid JSON"),
        ("[]", {}, "configuration: the parameter is JSON, but not an object"),
        ("null", {}, "configuration: the parameter is JSON, but not an object"),
        ('{"max_concurrency": 0}', {}, 'max_concurrency: must be "auto" or a whole number from 1 to 1,000, not 0'),
        ('{"max_concurrency": -4}', {}, "max_concurrency: "),
        ('{"max_concurrency": "4"}', {}, 'max_concurrency: must be "auto" or a whole number from 1 to 1,000, not "4"'),
        ("{}", {"max_concurrency": 0}, 'max_concurrency: must be "auto" or'),
        (
            "{}",
            {"max_concurrency": "many"},
            'max_concurrency: must be "auto" or a whole number from 1 to 1,000, not "many"',
        ),
        ("{}", {"modle": "x"}, "modle: is not a known key, did you mean 'model'?; known are max_concurrency, concurr"),
        ('{"cost_ceiling_usd": NaN}', {}, "cost_ceiling_usd"),
        ("{}", {"cost_ceiling_usd": 1, "model": "claude-of-tomorrow"}, "cost_ceiling_usd: the price of model"),
    ],
)
def test_a_bad_configuration_names_its_field(parameter: str, overrides: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        configure(parameter, overrides)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_model_of_unknown_price_needs_no_price_without_a_ceiling() -> None:
    assert configure('{"model": "claude-of-tomorrow"}', {}).model == "claude-of-tomorrow"


def with_facts(facts: object) -> bytes:
    return json.dumps([{"site_id": "a", "domain": "a.example", "facts": facts}]).encode()


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (None, "sites: there is no config/sites.json"),
        (b"", "config/sites.json: not valid JSON"),
        (b"- site_id: harbour", "config/sites.json: not valid JSON"),
        (b"\xff\xfe\x00", "config/sites.json: not valid JSON (it is not text in UTF-8)"),
        (b"[" * 200_000, "config/sites.json: not valid JSON (it is nested too deeply)"),
        (b"[" + b"9" * 5_000 + b"]", "config/sites.json: not valid JSON (a number in it has too many digits)"),
        (
            b'[{"site_id": "a", "site_id": "b", "domain": "b.example"}]',
            'config/sites.json: not valid JSON ("site_id" appears twice in {"site_id": "b", "domain": "b.example"})',
        ),
        (b"[]", "config/sites.json: the site list must have at least 1 entry"),
        (b'{"sites": []}', "config/sites.json: the site list must be a JSON array"),
        (b"null", "config/sites.json: the site list must be a JSON array"),
        (b'[{"domain": "a.example"}]', "config/sites.json: site 1, site_id: is missing"),
        (b'[{"site_id": "a"}]', "config/sites.json: site 1 (a), domain: is missing"),
        (b'[{"site_id": "A", "domain": "a.example"}]', "config/sites.json: site 1 (A), site_id: must be lower-case"),
        (b'[{"site_id": "a", "domain": "a"}]', "config/sites.json: site 1 (a), domain: must be a host name"),
        (
            b'[{"site_id": "a", "domain": "a.example", "breif": "x"}]',
            "site 1 (a), breif: is not a known key, did you mean 'brief'?; known are site_id, domain, brief",
        ),
        (
            b'[{"site_id": "a", "domain": "a.example"}, {"site_id": "a", "domain": "b.example"}]',
            "config/sites.json: sites 1 and 2 have the same site_id, 'a'",
        ),
        (b'[{"site_id": "a", "domain": "a.example"}, 7]', "config/sites.json: site 2: must be a JSON object, not 7"),
        (b" " * 30_000_001, "config/sites.json: must have at most 30,000,000 bytes, not 30,000,001"),
        (with_facts(["articles"]), "site 1 (a), facts: must be a JSON object"),
        (with_facts({"articles": ["x"]}), "site 1 (a), facts, articles: must be a text"),
        (with_facts({"Domain": "x"}), "site 1 (a), facts, Domain, [key]: must be lower-case letters"),
        (with_facts({"domain": "x"}), "site 1 (a), facts, domain, [key]: must be lower-case letters"),
        (
            with_facts({"articles": "x" * 2_001}),
            "site 1 (a), facts, articles: must have at most 2,000 characters, not 2,001",
        ),
        (with_facts({f"f{n}": "" for n in range(21)}), "site 1 (a), facts: must have at most 20 entries"),
        (
            with_facts({f"f{n}": "\N{CJK UNIFIED IDEOGRAPH-6E2F}" * 2_000 for n in range(7)}),
            "site 1 (a), facts: must have at most 40,000 bytes together, not 42,000",
        ),
    ],
)
def test_a_bad_site_list_names_entry_and_field(document: bytes | None, complaint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_sites(document)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_many_mistakes_are_reported_three_at_a_time() -> None:
    sites = json.dumps([{"site_id": "A"}] * 5).encode()
    with pytest.raises(InvalidInput, match=r"\(and 7 more\)"):
        read_sites(sites)
    assert listed(["x"] * 2_000) == "x; x; x (and 1,997 more)"


FOUR = read_sites(json.dumps([{"site_id": name, "domain": f"{name}.example"} for name in "abcd"]).encode())


@pytest.mark.parametrize(
    ("only", "limit", "left"),
    [
        (None, None, "abcd"),
        (None, 2, "ab"),
        (None, 9, "abcd"),
        (("d", "b"), None, "bd"),  # in the list's order
        (("b", "b"), None, "b"),
        (("d", "b", "c"), 2, "bc"),
    ],
)
def test_a_run_may_be_for_some_sites_only(only: tuple[str, ...] | None, limit: int | None, left: str) -> None:
    assert [site.site_id for site in narrow(FOUR, only, limit)] == list(left)


def test_an_unknown_site_is_named_with_the_nearest_known_one() -> None:
    sites = read_sites(b'[{"site_id": "harbour", "domain": "h.example"}, {"site_id": "x", "domain": "x.example"}]')
    with pytest.raises(InvalidInput) as raised:
        narrow(sites, ("x", "harbor", "nothing\n"), None)
    assert str(raised.value) == "only: there is no site 'harbor' in the list (and 1 more); the nearest is 'harbour'"


@pytest.mark.parametrize(
    ("mode", "scheduled", "name", "run_id"),
    [
        ("collect", NIGHT, "anything", "nightly-2026-11-23"),
        ("redrive", NIGHT, "anything", "redrive-2026-11-23"),
        ("collect", None, "by-hand", "by-hand"),
        ("redrive", None, "morning_2026.11", "morning_2026.11"),
        ("collect", None, "näcthliche läufe", "n-cthliche-l-ufe"),
        ("collect", None, "-starts-odd", "run-starts-odd"),
        ("collect", None, "..", "run.."),
        ("collect", None, "x" * 80, "x" * 80),
        ("collect", None, "-" + "x" * 79, "run-" + "x" * 76),
    ],
)
def test_a_run_is_named_after_its_day_or_its_execution(mode: Any, scheduled: Any, name: str, run_id: str) -> None:
    assert run_id_of(ExecutionInput(mode=mode, scheduled_time=scheduled), name) == run_id


def test_a_night_has_its_date_in_the_users_time_zone() -> None:
    """In Berlin the clock changed on 2026-03-29: two nights at 01:15 fell into one day of UTC."""
    nights = [datetime(2026, 3, 29, 0, 15, tzinfo=UTC), datetime(2026, 3, 29, 23, 15, tzinfo=UTC)]
    names = [run_id_of(ExecutionInput(scheduled_time=night, time_zone="Europe/Berlin"), "any") for night in nights]
    assert names == ["nightly-2026-03-29", "nightly-2026-03-30"]


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "/"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"input\.time_zone: .* is not an IANA time zone"):
        read_input({"time_zone": name})


@given(st.text(min_size=1, max_size=80))
def test_any_execution_name_makes_a_run_id(name: str) -> None:
    run_id = run_id_of(ExecutionInput(), name)
    assert TypeAdapter(RunId).validate_python(run_id) == run_id
