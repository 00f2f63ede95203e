"""Sorts the messages of the miss queue for a redrive: sites to ask again, and messages to settle, park or leave."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nightfold.contract import Miss, SettledSite, UnlistedSite, UnrecognizedMessage, WaitingMessage
from nightfold.sites import RunId, Site
from nightfold.text import one_line
from planner.miss_queue import Received

KEPT_BYTES = 20_000_000  # of message bodies that one plan holds, to be parked: the planner has 512 MB

Accepted = Mapping[str, tuple[datetime, RunId]]  # by site: when and in which run it was last accepted


@dataclass
class Waiting:
    """The messages of the queue, sorted."""

    sites: list[Site] = field(default_factory=list)  # to ask again, as the site list describes them now
    messages: dict[str, list[WaitingMessage]] = field(default_factory=dict)  # of those sites
    attempts: dict[str, int] = field(default_factory=dict)  # of those sites
    overrides: dict[str, Any] = field(default_factory=dict)  # of the run that missed one of those sites last
    settled: list[SettledSite] = field(default_factory=list)
    unlisted: list[UnlistedSite] = field(default_factory=list)
    unrecognized: list[UnrecognizedMessage] = field(default_factory=list)
    other_kind: list[WaitingMessage] = field(default_factory=list)  # simulated misses of a real redrive, or real ones
    surplus: list[WaitingMessage] = field(default_factory=list)  # for a later redrive to park: no room here


def sort_messages(
    received: Iterable[Received],
    *,
    simulated: bool,
    site_list: Iterable[Site],
    accepted_since: Callable[[datetime, set[str]], Accepted],
) -> Waiting:
    """`accepted_since` returns which of the given sites were accepted after a moment; it is called at most once."""
    waiting = Waiting()
    newest: dict[str, Miss] = {}  # without their raw answers: those of ten thousand are 200 MB
    oldest: dict[str, datetime] = {}
    messages: dict[str, list[WaitingMessage]] = {}
    attempts: dict[str, int] = {}
    room = KEPT_BYTES
    for each in received:
        message = WaitingMessage(message_id=each.message_id, receipt_handle=each.receipt_handle)
        try:
            miss = Miss.model_validate_json(each.body)
        except ValidationError as error:
            room -= (size := len(each.body.encode("utf-8", "surrogatepass")))
            if room < 0:
                room += size
                waiting.surplus.append(message)
            else:
                waiting.unrecognized.append(_unrecognized(each, error))
            continue
        message = message.model_copy(update={"run_id": miss.run_id})
        if miss.simulated != simulated:
            waiting.other_kind.append(message)
            continue
        site_id = miss.site.site_id
        messages.setdefault(site_id, []).append(message)
        attempts[site_id] = max(attempts.get(site_id, 0), miss.attempts)
        oldest[site_id] = min(oldest.get(site_id, miss.missed_at), miss.missed_at)
        if site_id not in newest or newest[site_id].missed_at < miss.missed_at:
            newest[site_id] = miss.model_copy(update={"raw_answer": None})
    accepted = accepted_since(min(oldest.values()), set(newest)) if newest else {}
    listed = {site.site_id: site for site in site_list}
    for site_id, miss in newest.items():
        when, run_id = accepted.get(site_id, (miss.missed_at, ""))
        if when > miss.missed_at:
            waiting.settled.append(SettledSite(site_id=site_id, accepted_in=run_id, messages=messages[site_id]))
        elif site_id not in listed:
            waiting.unlisted.append(UnlistedSite(miss=miss, messages=messages[site_id]))
        else:
            waiting.sites.append(listed[site_id])
    waiting.messages = {site.site_id: messages[site.site_id] for site in waiting.sites}
    waiting.attempts = {site.site_id: attempts[site.site_id] for site in waiting.sites}
    asked = [newest[site.site_id] for site in waiting.sites]
    waiting.overrides = max(asked, key=lambda miss: miss.missed_at).overrides if asked else {}
    return waiting


def _unrecognized(message: Received, error: ValidationError) -> UnrecognizedMessage:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return UnrecognizedMessage(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        body=message.body,
        explanation=one_line(f"not a miss of Nightfold: {where}: {first['msg']}"),
    )
