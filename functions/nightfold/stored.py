"""Reads back what the state machine has stored. Nothing here raises."""

import json
from typing import Any

from nightfold.branch import Outcome


def read_outcome(document: bytes | None) -> Outcome | None:
    """How a branch ended, as StoreOutcome stored it. None where there is no outcome, or where it cannot be read."""
    try:
        return Outcome.model_validate(body_of(document or b""))
    except (ValueError, RecursionError):
        return None


def body_of(document: bytes) -> Any:
    """The Body of a PutObject: AWS writes a text as a quoted JSON string, the embedded cloud writes it bare. None where
    it is not valid JSON."""
    try:
        stored = json.loads(document)
        return json.loads(stored) if isinstance(stored, str) else stored
    except (ValueError, RecursionError):
        return None
