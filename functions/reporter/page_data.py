"""What the page's script works with: every site with its entries, and what it has to know about each question."""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from nightfold.amounts import plural
from nightfold.question import Question
from nightfold.sites import Site
from reporter.records import RunRecords

PLAIN_LIMIT = 400_000  # bytes of the sites' data; above it is packed
PACKED_LIMIT = 3_500_000  # bytes; with everything else the page stays under 5 MB


@dataclass(frozen=True)
class Data:
    """All sites, for search and export: as JSON, or packed (gzip, base64) if that is long."""

    plain: list[Any] | None
    packed: str
    left_out: int  # accepted sites whose entries did not fit


def data_of(records: RunRecords, sites: dict[str, Site]) -> Data:
    """An object for each site: accepted ones with `entries` (empty if they did not fit), others with `error`."""
    messages = {miss.site.site_id: miss.message for miss in records.misses}
    listed: list[Any] = []
    for site in records.summary.sites:
        domain = sites[site.site_id].domain
        if site.accepted:
            results = records.results[site.site_id]
            accepted = {"id": site.site_id, "domain": domain, "entries": results.entries, "rounds": site.rounds}
            accepted |= {"repeated": results.repeated} if results.repeated else {}
            listed.append(accepted | ({"question": site.question} if site.question else {}))
        else:
            message = messages.get(site.site_id, "")
            listed.append({"id": site.site_id, "domain": domain, "error": site.error, "message": message})
    if len(_json(listed)) <= PLAIN_LIMIT:
        return Data(listed, "", 0)
    full = [number for number, entry in enumerate(listed) if entry.get("entries")]
    left_out = 0
    while len(packed := base64.b64encode(gzip.compress(_json(listed), 6, mtime=0))) > PACKED_LIMIT and full:
        surplus = 1 - PACKED_LIMIT / len(packed)
        for number in full[-max(int(len(full) * surplus * 1.05), 1) :]:
            listed[number]["entries"] = []
            left_out += 1
        full = [number for number in full if listed[number]["entries"]]
    return Data(None, packed.decode(), left_out)


def questions_of(records: RunRecords) -> dict[str, dict[str, Any]]:
    """What the script has to know about each question; "" is the run's own."""

    def words(question: Question) -> dict[str, Any]:
        return {
            "name": question.name,
            "noun": question.noun,
            "nouns": plural(question.noun),
            "heading": question.heading,
            "text": question.text,
            "details": question.details,
        }

    others = {site.question: site.site_id for site in records.summary.sites if site.question}
    return {"": words(records.question)} | {name: words(records.question_of(site)) for name, site in others.items()}


def _json(listed: list[Any]) -> bytes:
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
