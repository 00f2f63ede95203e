"""The errors of the simulated Messages API: body, headers, and how to distinguish them.

Types as in Anthropic's error reference. The spend limits share status and type with a plain 429; the SDK
(2.12.0, `_error_classes.py`) distinguishes them by `error.details.error_code`, and only a temporary limit
has a `retry-after`.
"""

from math import ceil
from typing import Any

from infra.messages_api.scenario import Step

_BY_STATUS = {
    400: ("invalid_request_error", "messages: the request is not valid"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    408: ("timeout_error", "The request took too long to arrive."),
    409: ("conflict_error", "The request conflicts with the current state of the resource."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    422: ("invalid_request_error", "The request could not be processed."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "The request timed out while processing."),
    529: ("overloaded_error", "Overloaded"),
}
_BY_CODE = {
    "spend_limit": (
        "enforced_spend_limit_reached",
        "Your organization has crossed the monthly API usage threshold of its tier.",
    ),
    "contract_spend_limit": (
        "contract_spend_limit_reached",
        "Your organization has reached the spend limit of its contract.",
    ),
    "ramp_limit": (
        "ramp_limit_exceeded",
        "This request would exceed the rate at which your organization's usage may grow.",
    ),
}
_USAGE_LIMIT = "You have reached your specified API usage limits. You will regain access on 2027-01-01 at 00:00 UTC."
_RETRIED_BY_THE_SDK = frozenset({408, 409, 429})
_RETRY_AFTER_S = 5.0


def error_body(type_: str, message: str, request_id: str, code: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"type": type_, "message": message}
    if code:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": request_id}


def scripted_error(step: Step, request_id: str, *, speed: float) -> tuple[int, dict[str, str], dict[str, Any]] | None:
    """Status, headers and body of the error that a step asks for; None if it asks for none."""
    retry_after_s = step.retry_after_s
    if step.do == "usage_limit":
        return 400, retry_headers(400), error_body("invalid_request_error", _USAGE_LIMIT, request_id)
    if isinstance(step.do, int):
        status, (type_, message), code = step.do, _BY_STATUS[step.do], None
    elif step.do in _BY_CODE:
        code, message = _BY_CODE[step.do]
        status, type_ = 429, "rate_limit_error"
    else:
        return None
    if retry_after_s is None and step.do in (429, "ramp_limit"):
        retry_after_s = _RETRY_AFTER_S
    lifted_by_time = code is None or step.do == "ramp_limit"
    after_s = None if retry_after_s is None else retry_after_s / speed
    headers = retry_headers(status, after_s, final=not lifted_by_time)
    if step.do == 429:
        headers["anthropic-ratelimit-requests-remaining"] = "0"
    return status, headers, error_body(type_, message, request_id, code)


def retry_headers(status: int, after_s: float | None = None, *, final: bool = False) -> dict[str, str]:
    """`x-should-retry`, and `retry-after` where it is known.

    Whole seconds as in the real API, unless a higher speed makes them a fraction.
    """
    again = not final and (status in _RETRIED_BY_THE_SDK or status >= 500)
    headers = {"x-should-retry": "true" if again else "false"}
    if after_s is not None:
        headers["retry-after"] = str(ceil(after_s)) if after_s >= 1 or after_s == 0 else f"{after_s:.3f}"
    return headers
