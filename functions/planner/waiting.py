"""Sorts the messages of the miss queue for a redrive: sites to ask again, and messages to settle, park or leave."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nightfold.misses import Miss, SettledSite, UnlistedSite, UnrecognizedMessage, WaitingMessage
from nightfold.question import load, names
from nightfold.sites import RunId, Site
from nightfold.text import one_line
from planner.miss_queue import Received

KEPT_BYTES = 20_000_000  # of message bodies that one plan holds, to be parked: the planner has 1,024 MB

About = tuple[str, str]  # a site and a question
Accepted = Mapping[About, tuple[datetime, RunId]]  # when and in which run it was last accepted


@dataclass
class Waiting:
    """The messages of the queue, sorted."""

    sites: list[Site] = field(default_factory=list)  # to ask again, as the site list describes them now
    messages: dict[str, list[WaitingMessage]] = field(default_factory=dict)  # of those sites
    attempts: dict[str, int] = field(default_factory=dict)  # of those sites
    questions: dict[str, str] = field(default_factory=dict)  # of those sites
    overrides: dict[str, Any] = field(default_factory=dict)  # of the run that missed one of those sites last
    settled: list[SettledSite] = field(default_factory=list)
    unlisted: list[UnlistedSite] = field(default_factory=list)
    unrecognized: list[UnrecognizedMessage] = field(default_factory=list)
    other_kind: list[WaitingMessage] = field(default_factory=list)  # simulated misses of a real redrive, or real ones
    # For a later redrive: no room here, or a second question about a site.
    surplus: list[WaitingMessage] = field(default_factory=list)


def sort_messages(
    received: Iterable[Received],
    *,
    simulated: bool,
    site_list: Iterable[Site],
    accepted_since: Callable[[datetime, set[str]], Accepted],
) -> Waiting:
    """`accepted_since` returns which of the given sites were accepted after a moment; it is called at most once."""
    waiting, known = Waiting(), set(names())
    newest: dict[About, Miss] = {}  # without their raw answers: those of ten thousand are 200 MB
    oldest: datetime | None = None
    messages: dict[About, list[WaitingMessage]] = {}
    attempts: dict[About, int] = {}
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
        about = (miss.site.site_id, miss.question)
        messages.setdefault(about, []).append(message)
        attempts[about] = max(attempts.get(about, 0), miss.attempts)
        oldest = min(oldest or miss.missed_at, miss.missed_at)
        if about not in newest or newest[about].missed_at < miss.missed_at:
            newest[about] = miss.model_copy(update={"raw_answer": None})
    accepted = accepted_since(oldest, {site_id for site_id, _ in newest}) if oldest is not None else {}
    listed = {site.site_id: site for site in site_list}
    asked: dict[str, Miss] = {}
    for about, miss in sorted(newest.items(), key=lambda each: each[1].missed_at, reverse=True):
        site_id, question = about
        when, run_id = accepted.get(about, (miss.missed_at, ""))
        if when > miss.missed_at:
            waiting.settled.append(SettledSite(site_id=site_id, accepted_in=run_id, messages=messages[about]))
        elif why := _cannot_be_asked(question, listed.get(site_id), known):
            waiting.unlisted.append(UnlistedSite(explanation=why, miss=miss, messages=messages[about]))
        elif site_id in asked:  # about another question
            waiting.surplus += messages[about]
        else:
            asked[site_id] = miss
            waiting.questions[site_id] = question
            waiting.messages[site_id], waiting.attempts[site_id] = messages[about], attempts[about]
    # A run speaks of each site once.
    waiting.surplus += [each for site in waiting.settled if site.site_id in asked for each in site.messages]
    waiting.settled = [site for site in waiting.settled if site.site_id not in asked]
    in_order = dict.fromkeys(site_id for site_id, _ in newest if site_id in asked)
    waiting.sites = [listed[site_id] for site_id in in_order]
    waiting.overrides = max(asked.values(), key=lambda miss: miss.missed_at).overrides if asked else {}
    return waiting


def _cannot_be_asked(question: str, site: Site | None, known: Container[str]) -> str | None:
    """Why a question cannot be asked about a site, as the list has it now. Raises InvalidInput if it cannot be loaded:
    that is repaired with a deployment."""
    if site is None:
        return "no longer in the site list"
    if question not in known:
        return f"its question, {question}, is no longer there"
    if missing := load(question).needed - site.facts.keys():
        return f"its question, {question}, needs the fact {min(missing)}, which the site no longer has"
    return None


def _unrecognized(message: Received, error: ValidationError) -> UnrecognizedMessage:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return UnrecognizedMessage(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        body=message.body,
        explanation=one_line(f"not a miss of Nightfold: {where}: {first['msg']}"),
    )
