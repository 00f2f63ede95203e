import json
from typing import Any

import pytest

from infra.messages_api.messages_request import RejectedError, count_tokens, find_site, parse_request

GOOD = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Site: harbour"}]}
HEADERS = {"authorization": "Bearer sk-any", "anthropic-version": "2026-10-21"}


def parsed(fields: dict[str, Any]) -> Any:
    return parse_request("POST", "/v1/messages", HEADERS, json.dumps(fields).encode())


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def schema(document: dict[str, Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": document}}}


def test_a_request_may_have_a_schema_for_its_answer() -> None:
    assert parsed(GOOD | schema(closed(title={"type": "string"}))).structured
    assert not parsed(GOOD).structured


def test_a_valid_request_is_parsed() -> None:
    request = parsed(GOOD | {"system": [{"type": "text", "text": "Be brief."}]})
    assert (request.model, request.max_tokens) == ("claude-sonnet-5-5", 9)
    assert request.prompt == "Be brief.\n\nSite: harbour"
    assert request.input_tokens == count_tokens("Be brief.") + count_tokens("Site: harbour")


def test_only_the_last_message_is_the_question() -> None:
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    turns[-1]["content"] = "and now: orchard"
    assert parsed(GOOD | {"messages": turns}).question == "and now: orchard"


def test_a_key_may_come_in_either_header() -> None:
    headers = {"x-api-key": "sk-any", "anthropic-version": "2026-10-21"}
    assert parse_request("POST", "/v1/messages?beta=true", headers, json.dumps(GOOD).encode()).max_tokens == 9


@pytest.mark.parametrize(
    ("status", "words", "change"),
    [
        (404, "model: gpt", {"model": "gpt"}),
        (400, "model: ", {"model": 5}),
        (400, "max_tokens: ", {"max_tokens": 0}),
        (400, "max_tokens: ", {"max_tokens": "9"}),
        (400, "max_tokens: ", {"max_tokens": True}),
        (400, "temperature: ", {"temperature": 0.5}),
        (400, "top_p: ", {"top_p": 0.5}),
        (400, "thinking.type: ", {"thinking": {"type": "never"}}),
        (400, "'disabled' is not supported", {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}}),
        (400, "output_config.effort: ", {"output_config": {"effort": "none"}}),
        (400, "output_config.format.type: ", {"output_config": {"format": {"type": "json", "schema": {}}}}),
        (400, "must be an object", schema({"type": "array", "items": {"type": "string"}})),
        (400, "explicitly set to false", schema({"type": "object"})),
        (400, "'maxLength' is not supported", schema(closed(title={"type": "string", "maxLength": 9}))),
        (400, "'minItems' values", schema(closed(titles={"type": "array", "minItems": 2}))),
        (400, "recursive", schema(closed(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": closed(a={"$ref": "#/$defs/A"})}})),
        (400, "stream: ", {"stream": True}),
        (400, "system: ", {"system": 5}),
        (400, "messages: ", {"messages": []}),
        (400, "messages.0.role: ", {"messages": [{}]}),
        (400, "messages.0.content: ", {"messages": [{"role": "user"}]}),
        (400, "messages.0: ", {"messages": [{"role": "user", "content": ""}]}),
        (400, "prefill", {"messages": [{"role": "assistant", "content": "["}]}),
    ],
)
def test_a_bad_field_is_refused_by_name(status: int, words: str, change: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match=words) as caught:
        parsed(GOOD | change)
    assert caught.value.status == status


@pytest.mark.parametrize("field", ["model", "max_tokens", "messages"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(RejectedError, match=f"{field}: Field required"):
        parsed({name: value for name, value in GOOD.items() if name != field})


@pytest.mark.parametrize(
    ("status", "method", "path", "headers", "body"),
    [
        (404, "POST", "/v1/complete", HEADERS, b"{}"),
        (405, "GET", "/v1/messages", HEADERS, b""),
        (401, "POST", "/v1/messages", {}, b"{}"),
        (401, "POST", "/v1/messages", HEADERS | {"authorization": "Bearer "}, b"{}"),
        (401, "POST", "/v1/messages", HEADERS | {"authorization": "Basic eA=="}, b"{}"),
        (400, "POST", "/v1/messages", {"x-api-key": "sk-any"}, b"{}"),
        (400, "POST", "/v1/messages", HEADERS, b"{"),
        (400, "POST", "/v1/messages", HEADERS, b"\xff"),
        (400, "POST", "/v1/messages", HEADERS, b"[" * 100_000),
        (400, "POST", "/v1/messages", HEADERS, b"[]"),
    ],
)
def test_an_invalid_request_is_refused(
    status: int, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_request(method, path, headers, body)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("question", "site"),
    [
        ("Site: harbour (harbour.example)", "harbour"),
        ("Ideas for the Orchard, please", "orchard"),
        ("about orchard. And harbour", "orchard"),
        ("Site: quay (quay.example)", "quay.example"),
        ("Site: quay (quay.example)\nBrief: unlike harbour", "quay.example"),
        ("Brief: unlike harbour\nSite: orchard (orchard.example)", "orchard"),
        ("Site:\nharbour", "harbour"),
        ("e.g. 3.5 ideas for quay.example", "quay.example"),
        ("nothing that we know", ""),
        ("", ""),
    ],
)
def test_a_question_is_about_the_first_site_that_it_names(question: str, site: str) -> None:
    assert find_site(question, {"harbour", "orchard"}) == site


class Asked:
    """Known sites that can be looked up but not iterated, with a record of every look-up."""

    def __init__(self, *sites: str) -> None:
        self._sites = frozenset(sites)
        self.words: list[object] = []

    def __contains__(self, word: object) -> bool:
        self.words.append(word)
        return word in self._sites


def test_finding_a_site_takes_one_look_up_per_word_and_none_per_site() -> None:
    words = " and more words" * 100
    for question, looked_up in (("Site: site-9 (site-9.example)", 1), ("What of site-9?", 3), ("Nothing.", 1 + 300)):
        known = Asked(*(f"site-{number}" for number in range(10)))
        assert find_site(question + words, known) == ("site-9" if "site-9" in question else "")
        assert len(known.words) == looked_up
