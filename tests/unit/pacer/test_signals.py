"""pacer/signals.py: what a wave saw, and what others leave of a limit."""

import pytest

from infra.messages_api.rate_limits import RateLimits
from infra.messages_api.scenario import Limits
from pacer.signals import FAMILIES, Branch, Remaining, see

FAILED = Branch(error="RateLimited", message="429", earlier_errors=("Overloaded", "RateLimited"), held_s=90)


def test_branches_are_counted_by_how_they_ended_and_what_they_met() -> None:
    healed = Branch(earlier_errors=("RateLimited", "ModelTimeout"), latency_s=20, held_s=190, output_tokens=500)
    saw = see([healed, FAILED, Branch(error="AccessDenied", message="401"), Branch(latency_s=10, input_tokens=300)])
    assert (saw.outcomes, saw.answered, saw.failed) == (4, 2, {"RateLimited": 1, "AccessDenied": 1})
    assert (saw.rate_limited, saw.strained) == (3, 2)
    assert (saw.latency_s, saw.held_s, saw.input_tokens, saw.output_tokens) == (30, 280, 300, 500)
    assert saw.same_message is None
    assert see([FAILED, FAILED]).same_message == "429"
    assert see([]).limits == {}


def steady(others: float, per_minute: int, answers: int = 200, calm: int = 0) -> list[Branch]:
    """Answers of 500 tokens, so many a minute, from an account of 40,000 a minute that others use as well; before them
    some that come so slowly that the limit stays full."""
    clock = [0.0]
    account = RateLimits(Limits(output_tokens_per_minute=40_000), speed=1 - others, clock=lambda: clock[0])
    branches = []
    for number in range(calm + answers):
        clock[0] += 6 if number < calm else 60 / per_minute
        account.admit(300)
        account.spend_output(500)
        sent = account.headers()
        headers = {
            family: Remaining(*(float(sent[f"anthropic-ratelimit-{family}-{what}"]) for what in ("limit", "remaining")))
            for family in FAMILIES
        }
        branches.append(Branch(ended_s=clock[0], latency_s=20, input_tokens=300, output_tokens=500, headers=headers))
    return branches


@pytest.mark.parametrize(
    ("branches", "others"),
    [
        *((steady(others, per_minute=76, answers=80), others) for others in (0.3, 0.5, 0.8)),
        (steady(0, per_minute=100, answers=250), 0),
        # What was refilled while a limit was full does not count as used by others.
        (steady(0.5, per_minute=76, answers=80, calm=40), 0.5),
    ],
)
def test_the_balance_of_a_limit_tells_what_others_leave(branches: list[Branch], others: float) -> None:
    limit = see(branches).limits["output-tokens"]
    assert limit.per_minute == 40_000
    assert limit.lowest < 0.8
    assert limit.free == pytest.approx((1 - others) * 40_000, rel=0.1 if others else 0.05)


def test_a_limit_that_is_never_full_tells_as_much() -> None:
    limit = see(steady(0.5, per_minute=76, answers=80)[30:]).limits["output-tokens"]
    assert limit.free == pytest.approx(20_000, rel=0.1)


def test_the_order_of_the_outcomes_does_not_matter() -> None:
    branches = steady(0.5, per_minute=76, answers=80)
    assert see(branches[::-1]) == see(branches)


def test_a_few_answers_tell_nothing_about_others() -> None:
    assert see(steady(0.8, per_minute=76, answers=6)).limits["output-tokens"].free is None


def test_headers_of_a_gateway_that_make_no_sense_are_bounded() -> None:
    odd = Branch(headers={"requests": Remaining(10, 50)}), Branch(headers={"requests": Remaining(10, -5)})
    limit = see(odd).limits["requests"]
    assert (limit.lowest, limit.free) == (0, None)
    assert see([Branch(headers={"requests": Remaining(0, 0)})]).limits == {}
