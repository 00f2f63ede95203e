"""One branch's task, as the state machine hands it on."""

from typing import Any

from nightfold.branch import SiteTask

TASK: dict[str, Any] = {
    "run_id": "run",
    "round": 1,
    "site_id": "harbour",
    "domain": "harbour.example",
    "question": "article_candidates",
    "entries": 5,
    "model": "claude-sonnet-5-5",
    "max_tokens": 1_024,
    "request_timeout_s": 30,
}


def site_task(**changes: object) -> SiteTask:
    return SiteTask.model_validate(TASK | changes)
