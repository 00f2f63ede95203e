"""PublishDigest: the page into the bucket, then the message to the topic, then the pages of the runs whose misses a
redrive asked again. May be done twice: the pages are the same."""

import traceback
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict

from nightfold.contract import Summary
from nightfold.errors import UnexpectedError
from nightfold.observability import log_step, log_traceback
from nightfold.sites import RunId
from nightfold.storage import Bucket, digest_key, summary_key
from reporter.links import Links
from reporter.message import plain_text, subject, text
from reporter.page import render
from reporter.records import read_records
from reporter.redriven import note
from reporter.schedule import Schedule
from reporter.settings import Settings
from reporter.topic import Topic
from reporter.verdict import ReportContext

HTML = "text/html; charset=utf-8"


class DigestTask(BaseModel):
    """The reporter's event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: RunId


class Digest(BaseModel):
    """What was published."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    page_key: str | None  # None: it could not be rendered, as the message explains
    page_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What reporting touches outside this process."""

    bucket: Bucket
    links: Links
    topic: Topic


def publish_digest(task: DigestTask, context: ReportContext, adapters: Adapters) -> Digest:
    """Renders, stores and announces the digest. Raises if the run is not closed, and what botocore raises."""
    bucket, links, topic = adapters.bucket, adapters.links, adapters.topic
    key = digest_key(task.run_id)
    try:
        records = read_records(task.run_id, bucket)
        page = render(records, context)
        message = text(records, context, links.to(key), links.s3_uri(key))
    except (UnexpectedError, BotoCoreError, ClientError):
        raise
    except Exception as error:  # whatever is in the records: the census is closed and has to be announced
        _log("PageFailed", task.run_id, error)
        summary = Summary.model_validate_json(bucket.get(summary_key(task.run_id)) or b"")
        topic.publish(subject(summary), plain_text(summary, links.s3_uri(f"runs/{task.run_id}/")))
        return Digest(run_id=task.run_id, page_key=None)
    bucket.put(key, page, HTML)
    topic.publish(subject(records.summary), message)
    summary, misses = records.summary, len(records.misses)
    log_step("report", run_id=task.run_id, status=summary.status, page_bytes=len(page), misses=misses)
    note(summary, set(records.parked), records.origins, bucket)
    for run_id in records.origins:
        _render_again(run_id, context, bucket)
    return Digest(run_id=task.run_id, page_key=key, page_bytes=len(page))


def _render_again(run_id: str, context: ReportContext, bucket: Bucket) -> None:
    """Renders the page of an earlier run again, with what happened to its misses. If that fails, the old page stays."""
    try:
        bucket.put(digest_key(run_id), render(read_records(run_id, bucket), context), HTML)
    except (BotoCoreError, ClientError):
        raise
    except Exception as error:
        _log("OldPageFailed", run_id, error)


def _log(what: str, run_id: str, error: Exception) -> None:
    """Logs the error's class and where it was raised, not its text, which may quote what a model wrote."""
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log_traceback("report", frames, run_id=run_id, error=what, exception=type(error).__name__)


def context_of(settings: Settings) -> ReportContext:
    """The context that the template gives the reporter."""
    schedule = Schedule(settings.morning_schedule, settings.time_zone, settings.schedule_state == "ENABLED")
    return ReportContext(schedule, settings.redrive_command)
