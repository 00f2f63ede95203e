"""What waits and what is parked, by the records of the runs and the notes of `unpark` and `drop`."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from infra.cli.recorded_misses import recorded_misses
from infra.stack.unparked import NOTES, Taken, TakenMiss, new_note_key
from infra.state.folder import Folder
from nightfold.misses import Miss, UnlistedSite, WaitingMessage
from nightfold.storage import misses_key, plan_key, summary_key
from tests.unit.examples import STARTED, miss, plan

DAY = timedelta(days=1)


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def closed(bucket: Path, run_id: str, *missed: Miss, at: datetime = STARTED, **of_redrive: Any) -> None:
    """A run that has closed its census; a redrive, if anything is given of it."""
    planned = plan("harbour", run_id=run_id, mode="redrive" if of_redrive else "collect", of_redrive=of_redrive)
    write(bucket / plan_key(run_id), planned.model_copy(update={"started_at": at}).model_dump_json())
    write(bucket / misses_key(run_id), "".join(f"{json.dumps(each.model_dump(mode='json'))}\n" for each in missed))
    write(bucket / summary_key(run_id), "{}")


def note(
    bucket: Path,
    what: Literal["unparked", "dropped"],
    at: datetime,
    message_id: str | None = None,
    run_id: str = "night",
) -> None:
    taken = TakenMiss(run_id=run_id, site_id="harbour", message_id=message_id)
    write(bucket / new_note_key(at), Taken(what=what, at=at, misses=[taken]).model_dump_json())


def received(message_id: str) -> list[WaitingMessage]:
    return [WaitingMessage(message_id=message_id, receipt_handle="r", run_id="night")]


def listed(bucket: Path, at: datetime = STARTED + 2 * DAY) -> list[tuple[str, str | None, int]]:
    return [(each.queue, each.site_id, each.attempts) for each in recorded_misses(Folder(bucket), now=at).listed(at)]


def test_what_was_unparked_waits_as_new_and_what_was_dropped_is_gone(tmp_path: Path) -> None:
    closed(tmp_path, "night", miss("harbour", attempts=3), miss("orchard", attempts=3))
    assert listed(tmp_path) == [("parked", "harbour", 3), ("parked", "orchard", 3)]
    note(tmp_path, "unparked", STARTED + DAY, "new")
    assert listed(tmp_path) == [("waiting", "harbour", 0), ("parked", "orchard", 3)]
    (tmp_path / NOTES / next((tmp_path / NOTES).iterdir()).name).unlink()
    note(tmp_path, "dropped", STARTED + DAY)
    assert listed(tmp_path) == [("parked", "orchard", 3)]


def test_an_unparked_miss_waits_until_a_closed_redrive_received_that_message(tmp_path: Path) -> None:
    closed(tmp_path, "night", miss("harbour", attempts=3))
    closed(tmp_path, "earlier", messages={"harbour": received("old")}, at=STARTED + DAY)
    note(tmp_path, "unparked", STARTED + DAY, "new")
    assert listed(tmp_path) == [("waiting", "harbour", 0)]
    closed(tmp_path, "later", messages={"harbour": received("new")}, at=STARTED + DAY)
    assert listed(tmp_path) == []


def test_a_miss_that_was_parked_again_is_parked(tmp_path: Path) -> None:
    closed(tmp_path, "night", miss("harbour", attempts=3))
    note(tmp_path, "unparked", STARTED + DAY, "new")
    again = UnlistedSite(miss=miss("harbour", attempts=0), messages=received("new"))
    closed(tmp_path, "morning", unlisted=[again], at=STARTED + 1.5 * DAY)
    [parked] = recorded_misses(Folder(tmp_path), now=STARTED + 2 * DAY).listed()
    assert (parked.queue, parked.message.partition(",")[0]) == ("parked", "no longer in the site list")
    note(tmp_path, "dropped", STARTED + 1.6 * DAY)
    assert listed(tmp_path) == []


def test_a_miss_that_sqs_itself_parked_is_known_from_the_note_alone(tmp_path: Path) -> None:
    closed(tmp_path, "night", miss("harbour", attempts=1))
    note(tmp_path, "unparked", STARTED + DAY, "new")
    assert listed(tmp_path) == [("waiting", "harbour", 0)]


def test_an_unparked_miss_has_fourteen_days_of_its_own(tmp_path: Path) -> None:
    run_id = f"nightly-{STARTED:%Y-%m-%d}"  # by its name, no longer of interest after 17 days
    closed(tmp_path, run_id, *(miss(site_id, attempts=3, run_id=run_id) for site_id in ("harbour", "orchard")))
    note(tmp_path, "unparked", STARTED + 10 * DAY, "new", run_id)
    assert listed(tmp_path, STARTED + 20 * DAY) == [("waiting", "harbour", 0)]
    assert listed(tmp_path, STARTED + 25 * DAY) == []


def test_a_note_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    closed(tmp_path, "night", miss("harbour", attempts=3))
    write(tmp_path / new_note_key(STARTED + DAY), "{")
    assert listed(tmp_path) == [("parked", "harbour", 3)]
