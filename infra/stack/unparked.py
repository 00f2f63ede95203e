"""What `unpark` and `drop` note in the bucket, so that `misses` knows what they took out and receives no message."""

import secrets
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from nightfold.sites import RunId, Shape, SiteId

NOTES = "config/unparked/"  # template.yaml lets notes expire after the messages that they are about


class TakenMiss(Shape):
    """A miss that is no longer parked: of this run and site."""

    run_id: RunId
    site_id: SiteId
    message_id: str | None = None  # in the miss queue, if it was unparked

    @property
    def about(self) -> tuple[str, str]:
        return self.run_id, self.site_id


class Taken(Shape):
    """The note of one command."""

    schema_version: Literal[1] = 1
    what: Literal["unparked", "dropped"]
    at: AwareDatetime
    misses: list[TakenMiss]


def new_note_key(at: datetime) -> str:
    """Sorts by time, and is no other note's."""
    return f"{_moment(at)}-{secrets.token_hex(4)}.json"


def is_note_since(key: str, since: datetime) -> bool:
    return key >= _moment(since)


def _moment(at: datetime) -> str:
    return f"{NOTES}{at:%Y%m%dT%H%M%SZ}"
