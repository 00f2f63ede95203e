"""What each error means, what Nightfold does next and what you can do: for the page, the message and the runbook.

`.venv/bin/python -m reporter.words` prints the table in infra/docs/runbook.md.
"""

from typing import NamedTuple

from nightfold.errors import BRANCH_ERRORS


class Words(NamedTuple):
    """The explanation of the misses of one error."""

    title: str  # five words at most, for a card
    meaning: str
    afterwards: str  # what Nightfold does next
    you: str  # what the reader can do


_AGAIN = "The next redrive asks again."
_IN_VAIN = (
    "The next redrive tries again, with the same result until the cause is fixed. After three failed runs it is parked."
)
ERRORS = {
    "RateLimited": Words(
        "Too many requests at once",
        "Claude answered 429 three times: the account's rate limit was used up.",
        _AGAIN,
        "Nothing. With auto, runs slow down by themselves. A number that is too high: lower max_concurrency, or ask "
        "Anthropic for a higher limit.",
    ),
    "Overloaded": Words(
        "Claude had no capacity",
        "Claude answered 529 or 503 three times: it was overloaded, and not only for you.",
        _AGAIN,
        "Nothing. If it happens again, move the schedule away from the full hour.",
    ),
    "NetworkError": Words(
        "The connection failed",
        "The connection was refused, reset or cut, or the server answered with an internal error, three times.",
        _AGAIN,
        "Nothing, unless it affects every site: then check status.anthropic.com and AnthropicBaseUrl.",
    ),
    "ModelTimeout": Words(
        "No answer in time",
        "No complete answer arrived within request_timeout_s, three times.",
        _AGAIN,
        "Nothing. If it happens again, raise request_timeout_s or ask for fewer entries. "
        "A call that timed out may have been billed.",
    ),
    "Sandbox.Timedout": Words(
        "The function ran out of time",
        "Lambda ended the collector before Claude had answered, three times.",
        _AGAIN,
        "Nothing. If it happens again, lower request_timeout_s: it must be the shorter one.",
    ),
    "States.Timeout": Words(
        "The step ran out of time",
        "The state machine abandoned the call, three times.",
        _AGAIN,
        "Nothing. If it happens again, check the collector's log for what it waited for.",
    ),
    "Runtime.ExitError": Words(
        "The function ended early",
        "The collector's process ended before it had a result, three times. The call may have been billed.",
        _AGAIN,
        "Nothing. If it happens again, check the collector's log for what ended it.",
    ),
    "Runtime.OutOfMemory": Words(
        "The function ran out of memory",
        "Lambda ended the collector because it used too much memory, three times. The call may have been billed.",
        _AGAIN,
        "Nothing. If it happens again, raise the collector's MemorySize in template.yaml and deploy it.",
    ),
    "Lambda.Unknown": Words(
        "The function stopped",
        "Lambda reported no result, three times. The function ran, so the call may have been billed.",
        _AGAIN,
        "Nothing. If it happens again, check the collector's log for what ended it, such as too little memory.",
    ),
    "Lambda.*": Words(
        "Lambda itself failed",
        "AWS Lambda could not run the collector, seven times. Claude was usually not asked.",
        _AGAIN,
        "Nothing. For Lambda.TooManyRequestsException, lower concurrency_limit or ask AWS for more Lambda concurrency.",
    ),
    "KeyUnavailable": Words(
        "The API key could not be read",
        "SSM did not return the API key, seven times, usually because of throttling. Claude was not asked.",
        _AGAIN,
        "Nothing. If it happens again, lower concurrency_limit: every cold start reads the key once.",
    ),
    "SchemaViolation": Words(
        "The answer broke the contract",
        "Twice, Claude's answer was not the JSON array of entries that the question asks for.",
        "The next redrive asks again, from the beginning.",
        "Read the raw answer below. If it happens again, a clearer brief for this site or another model helps.",
    ),
    "Truncated": Words(
        "The answer was cut",
        "The answer was cut at its token limit, and so was the second one, which had more tokens.",
        "The next redrive asks again, with a larger share of tokens if fewer sites run.",
        "Raise answer_tokens (output_token_budget if max_concurrency is a number) or the site's own max_tokens, or ask "
        "for fewer entries.",
    ),
    "NothingNew": Words(
        "Nothing new",
        "Twice, every entry of Claude's answer was suggested on an earlier night.",
        "The next redrive asks again.",
        "Ask for more entries, reword the brief, or empty the site's memory with the memory command's option --forget.",
    ),
    "Refused": Words(
        "Claude refused",
        "Claude declined to answer for this site. It would decline the same question again.",
        _IN_VAIN,
        "Read the site's domain and brief as Claude would, and reword the brief.",
    ),
    "RequestRejected": Words(
        "The request was rejected",
        "The API answered 400, 404, 413 or 422: the request itself is wrong, such as the model's name.",
        _IN_VAIN,
        "Read the message. Fix the configuration (model) or the site (brief), then redrive.",
    ),
    "AccessDenied": Words(
        "The API key was not accepted",
        "The API answered 401 or 403, or there is no key. No call was billed.",
        _IN_VAIN,
        "Store a valid key with `nightfold key --stack NAME` (locally it is ANTHROPIC_API_KEY), then redrive.",
    ),
    "SpendLimitReached": Words(
        "The spend limit is reached",
        "The Anthropic account may not spend more this month.",
        _IN_VAIN,
        "Raise the limit or add credit at platform.claude.com, then redrive.",
    ),
    "UnexpectedError": Words(
        "An unexpected error",
        "The collector failed with an error that it does not know; its log has the traceback.",
        _IN_VAIN,
        "Find the site in the collector's log and report it as an issue.",
    ),
    "Unaccounted": Words(
        "No trace of the branch",
        "The branch left no outcome that can be read, so nothing is known about it. Its call may be billed.",
        _AGAIN,
        "If it affects many sites, look at the execution in the Step Functions console: the Map itself failed.",
    ),
    "NotAttempted": Words(
        "Not attempted",
        "The run stopped before this site's turn came; the message gives the reason. Claude was not asked.",
        "The next redrive asks. It does not count as an attempt, so it never parks the site.",
        "What the message says: fix the key, raise the spend limit or cost_ceiling_usd, or give the run more time.",
    ),
}
OTHER = Words(
    "An error without a name",
    "The step failed with an error that Nightfold does not know.",
    _IN_VAIN,
    "Read the message, then find the site in the collector's log.",
)
REASONS = {
    "network": "The API was rate-limited, overloaded, unreachable or too slow.",
    "schema": "Two answers in a row broke the contract.",
    "unknown": "Trying again at once would not have helped.",
}


def words_for(error: str) -> Words:
    """The explanation of `error`, whatever it is."""
    return ERRORS.get(error) or ERRORS.get(f"{error.partition('.')[0]}.*", OTHER)


def _reason(error: str) -> str:
    """The bucket of `error`, or of what `Lambda.*` covers."""
    of_error = next(handling for name, handling in BRANCH_ERRORS.items() if words_for(name) is ERRORS[error])
    return of_error.reason or "that of the cause"


def markdown() -> str:
    """The runbook's table."""
    lines = [
        "| error | reason | what it means | what Nightfold does next | what you can do |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{error}` | {_reason(error)} | {words.meaning} | {words.afterwards} | {words.you} |"
        for error, words in ERRORS.items()
    ]
    lines.append(f"| any other | unknown | {OTHER.meaning} | {OTHER.afterwards} | {OTHER.you} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())  # noqa: T201
