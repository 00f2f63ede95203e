"""What a run accepted for one site: `runs/<run_id>/results/<site_id>.json`."""

import json
from typing import Any, Literal

from pydantic import Field, ValidationError

from nightfold.sites import Round, RunId, Shape, SiteId


class SiteResults(Shape):
    """The accepted entries of one site, as the question's fields."""

    schema_version: Literal[1] = 1
    run_id: RunId
    simulated: bool = False
    site_id: SiteId
    question: str
    round: Round
    entries: list[dict[str, Any]]
    repeated: list[str] = Field(default_factory=list)  # headings that were offered before; only without a memory
    memory_readable: bool = True  # or they may be what the site was offered before


def read_results(document: bytes | None) -> SiteResults | None:
    """None where there are none, or where they cannot be read."""
    try:
        return SiteResults.model_validate_json(document or b"")
    except ValidationError:
        return None


def text_of(value: object) -> str:
    """A field's value as page, message and exports show it."""
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
