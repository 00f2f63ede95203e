"""How the real SDK handles errors and texts of the simulated Messages API.

The table of failures has every behaviour, and what becomes of it in the state machine. Rate limits,
concurrency and closing are in `test_messages_api_as_a_server.py`.
"""

import json
from collections.abc import Iterator

import anthropic
import pytest
from anthropic.types import Message

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Behaviour, Scenario, Status, StepLike

MODEL = "claude-sonnet-5-5"
SYSTEM = "You are a technical blog editor. Answer with a JSON array of five article candidates."

ERRORS: dict[Behaviour | Status, tuple[type[anthropic.APIStatusError], str]] = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    402: (anthropic.PaymentRequiredError, "billing_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    408: (anthropic.RequestTimeoutError, "timeout_error"),
    409: (anthropic.ConflictError, "conflict_error"),
    413: (anthropic.ContentTooLargeError, "request_too_large"),
    422: (anthropic.UnprocessableEntityError, "invalid_request_error"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    502: (anthropic.InternalServerError, "api_error"),
    503: (anthropic.ServiceUnavailableError, "api_error"),
    504: (anthropic.GatewayTimeoutError, "timeout_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
    "spend_limit": (anthropic.EnforcedSpendLimitReachedError, "rate_limit_error"),
    "contract_spend_limit": (anthropic.ContractSpendLimitReachedError, "rate_limit_error"),
    "ramp_limit": (anthropic.RampLimitExceededError, "rate_limit_error"),
    "usage_limit": (anthropic.BadRequestError, "invalid_request_error"),
}
LIFTED_BY_TIME = {429, "ramp_limit"}
TEXTS: dict[Behaviour, tuple[str, str]] = {  # how the text begins and ends
    "ok": ('[{"title": ', '"}]'),
    "fenced": ("```json\n[", "]\n```"),
    "hostile": ('[{"title": "<script>', '"}]'),
    "prose": ("Here are my ideas:", "?"),
    "wrong_shape": ('[{"other_title": ', '"}]'),
    "empty_list": ("[", "]"),
}


@pytest.fixture
def api() -> Iterator[MessagesAPI]:
    with MessagesAPI() as api:
        yield api


@pytest.fixture
def client(sdk: anthropic.Anthropic, api: MessagesAPI) -> anthropic.Anthropic:
    return sdk.with_options(base_url=api.url)


def ask(client: anthropic.Anthropic, site: str = "harbour", max_tokens: int = 1024) -> Message:
    return client.messages.create(
        model=MODEL,
        max_tokens=max_tokens,
        system=SYSTEM,
        messages=[{"role": "user", "content": f"Site: {site} ({site}.example)\nBrief: boats and tides."}],
    )


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("do", ERRORS)
def test_an_error_arrives_as_the_class_that_the_sdk_has_for_it(
    client: anthropic.Anthropic, api: MessagesAPI, do: Behaviour | Status
) -> None:
    error_class, type_ = ERRORS[do]
    api.script("harbour", [do])
    with pytest.raises(error_class) as caught:
        ask(client)
    assert type(caught.value) is error_class
    assert caught.value.type == type_
    assert caught.value.request_id == api.history[0].request_id
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["request_id"] == caught.value.request_id
    assert ("retry-after" in caught.value.response.headers) is (do in LIFTED_BY_TIME)
    assert "anthropic-ratelimit-requests-remaining" in caught.value.response.headers
    assert api.history[0].status == caught.value.status_code


def test_the_owners_own_limit_is_a_400_with_the_real_message(client: anthropic.Anthropic, api: MessagesAPI) -> None:
    api.script("harbour", ["usage_limit"])
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(client)
    assert str(caught.value.api_message).startswith("You have reached your specified API usage limits")


@pytest.mark.parametrize("do", TEXTS)
def test_a_message_has_the_text_of_its_behaviour(client: anthropic.Anthropic, api: MessagesAPI, do: Behaviour) -> None:
    beginning, end = TEXTS[do]
    api.script("harbour", [do])
    message = ask(client)
    assert text_of(message).startswith(beginning)
    assert text_of(message).endswith(end)
    assert (message.type, message.role, message.model) == ("message", "assistant", MODEL)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.output_tokens == api.history[0].output_tokens > 0
    assert message.usage.input_tokens == api.history[0].input_tokens > 0


def test_the_usual_answer_is_five_candidates_that_differ_from_site_to_site(client: anthropic.Anthropic) -> None:
    answers = {site: json.loads(text_of(ask(client, site))) for site in ("harbour", "orchard", "lantern")}
    for candidates in answers.values():
        assert len(candidates) == 5
        assert all(candidate.keys() == {"title", "angle"} for candidate in candidates)
        assert len({candidate["title"] for candidate in candidates}) == 5
    assert len({json.dumps(candidates) for candidates in answers.values()}) == 3


def test_the_same_seed_gives_the_same_run_and_another_seed_another(sdk: anthropic.Anthropic) -> None:
    def run(seed: int) -> list[str]:
        with MessagesAPI(seed=seed) as api:
            return [text_of(ask(sdk.with_options(base_url=api.url))) for _ in range(2)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert len(set(run(1))) == 2


def test_prose_alternates_between_words_around_the_array_and_none_at_all(
    client: anthropic.Anthropic, api: MessagesAPI
) -> None:
    api.script("meadow", ["prose", "prose"])
    assert '[{"title"' in text_of(ask(client, "meadow"))
    assert "[" not in text_of(ask(client, "meadow"))


def test_any_text_can_be_sent(client: anthropic.Anthropic, api: MessagesAPI) -> None:
    api.script("harbour", [{"do": "text", "text": '["\\ud800", NaN] \u202e \u0000'}])
    assert text_of(ask(client)) == '["\\ud800", NaN] \u202e \u0000'


def test_an_answer_over_max_tokens_is_cut(client: anthropic.Anthropic) -> None:
    message = ask(client, max_tokens=20)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 20
    assert len(text_of(message)) == 80


def test_a_cost_that_was_set_is_reported_and_cuts_the_text_where_it_exceeds_max_tokens(
    client: anthropic.Anthropic, api: MessagesAPI
) -> None:
    api.script("harbour", [{"do": "ok", "output_tokens": 600}, {"do": "ok", "output_tokens": 600}])
    whole, cut = ask(client, max_tokens=600), ask(client, max_tokens=300)
    assert (whole.stop_reason, whole.usage.output_tokens) == ("end_turn", 600)
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 300)
    assert json.loads(text_of(whole))
    with pytest.raises(json.JSONDecodeError):
        json.loads(text_of(cut))


def test_after_the_last_step_answers_are_good_and_a_script_can_be_replaced(
    client: anthropic.Anthropic, api: MessagesAPI
) -> None:
    def statuses(scripted: list[StepLike], calls: int) -> list[int | None]:
        api.script("harbour", scripted)
        for _ in range(calls):
            try:
                ask(client)
            except anthropic.OverloadedError:
                continue
        return [call.status for call in api.history[-calls:]]

    assert statuses([529, 529], calls=3) == [529, 529, 200]
    assert statuses([529], calls=2) == [529, 200]
    assert [call.number for call in api.history] == [1, 2, 3, 4, 5]
    assert api.calls("harbour") == 5
    assert api.calls("orchard") == 0


def test_a_site_without_a_script_has_the_default_and_is_known_by_its_domain(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI(Scenario(sites={"harbour": ["ok"]}, default=["refusal", "ok"])) as api:
        client = sdk.with_options(base_url=api.url)
        assert [ask(client, "quay").stop_reason for _ in range(2)] == ["refusal", "end_turn"]
        assert api.calls("quay.example") == 2


def test_a_bad_request_is_refused_before_the_script_is_used(client: anthropic.Anthropic, api: MessagesAPI) -> None:
    api.script("harbour", [529])
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: Input should be greater") as caught:
        ask(client, max_tokens=0)
    assert caught.value.request_id == api.history[0].request_id
    with pytest.raises(anthropic.AuthenticationError, match="x-api-key header is required"):
        ask(client.with_options(default_headers={"authorization": "Basic none"}))
    with pytest.raises(anthropic.OverloadedError):
        ask(client)
    assert [(call.site, call.number, call.behaviour, call.status) for call in api.history] == [
        ("harbour", 1, "rejected", 400),
        ("harbour", 2, "rejected", 401),
        ("harbour", 3, "529", 529),
    ]
