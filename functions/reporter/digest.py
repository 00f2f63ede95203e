"""PublishDigest: the page into the bucket, then the message to the topic. May be done twice: the page is the same."""

from pydantic import BaseModel, ConfigDict

from nightfold.observability import log_step
from nightfold.sites import RunId
from nightfold.storage import Bucket, digest_key
from reporter.links import Links
from reporter.message import subject, text
from reporter.page import render
from reporter.records import read_night
from reporter.schedule import Schedule
from reporter.settings import Settings
from reporter.topic import Topic
from reporter.verdict import Surroundings

HTML = "text/html; charset=utf-8"


class DigestTask(BaseModel):
    """The reporter's event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: RunId


class Digest(BaseModel):
    """What was published."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    page_key: str
    page_bytes: int


def publish_digest(
    task: DigestTask, surroundings: Surroundings, *, bucket: Bucket, links: Links, topic: Topic
) -> Digest:
    """Renders, stores and announces. Raises where the run is not closed, and what botocore raises."""
    night = read_night(task.run_id, bucket)
    page = render(night, surroundings)
    key = digest_key(task.run_id)
    bucket.put(key, page, HTML)
    topic.publish(subject(night), text(night, surroundings, links.to(key), links.place(key)))
    log_step("report", run_id=task.run_id, status=night.summary.status, page_bytes=len(page), misses=len(night.misses))
    return Digest(run_id=task.run_id, page_key=key, page_bytes=len(page))


def surroundings_of(settings: Settings) -> Surroundings:
    """What the template tells the reporter about its world."""
    return Surroundings(Schedule(settings.morning_schedule, settings.time_zone, settings.schedule_state == "ENABLED"))
