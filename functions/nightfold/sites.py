"""The site list, and the names of sites, runs and rounds."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from nightfold.budget import MAX_TOKENS_CEILING, MAX_TOKENS_FLOOR
from nightfold.question import GIVEN, NAME

FACTS_LIMIT = 40_000  # bytes of a site's facts: its branch carries them and the answer, in 256 KiB together
MAX_SITES = 10_000  # the largest run that is tested; a Map's output of that many empty objects is 30 KB

Round = Annotated[int, Field(ge=1, le=2)]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
_HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def _host_name(text: str) -> str:
    name = re.sub(r"^https?://", "", text.lower()).removesuffix("/")  # an address copied from a browser
    if len(name) > 253 or not _HOST_NAME.fullmatch(name):
        raise ValueError("must be a host name such as blog.example.com (an international one in its xn-- form)")
    return name


def _site_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise ValueError("must be lower-case letters, digits and dashes, at most 63, such as harbour-blog")
    return text


SiteId = Annotated[str, AfterValidator(_site_id)]
Domain = Annotated[str, AfterValidator(_host_name)]
MaxTokens = Annotated[int, Field(strict=True, ge=MAX_TOKENS_FLOOR, le=MAX_TOKENS_CEILING)]


def _fact_name(text: str) -> str:
    if not re.fullmatch(NAME, text) or text in GIVEN:
        raise ValueError(
            "must be lower-case letters, digits and underscores, at most 40, and not a name that every prompt has "
            f"({', '.join(sorted(GIVEN))})"
        )
    return text


def _that_fit(facts: dict[str, str]) -> dict[str, str]:
    size = sum(len(fact.encode()) for fact in facts.values())
    if size > FACTS_LIMIT:
        raise ValueError(f"must have at most {FACTS_LIMIT:,} bytes together, not {size:,}")
    return facts


Facts = Annotated[
    dict[Annotated[str, AfterValidator(_fact_name)], Annotated[str, Field(max_length=2_000)]],
    Field(max_length=20),
    AfterValidator(_that_fit),
]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(Shape):
    """One entry of the site list."""

    site_id: SiteId
    domain: Domain
    brief: Annotated[str, Field(max_length=2_000)] | None = None
    facts: Facts = Field(default_factory=dict)  # what a prompt may use as $name
    max_tokens: MaxTokens | None = None  # may only lower the branch's share of the budget


def _without_duplicates(sites: list[Site]) -> list[Site]:
    seen: dict[str, int] = {}
    for number, site in enumerate(sites, 1):
        if site.site_id in seen:
            raise ValueError(f"sites {seen[site.site_id]} and {number} have the same site_id, {site.site_id!r}")
        seen[site.site_id] = number
    return sites


SiteList: TypeAdapter[list[Site]] = TypeAdapter(
    Annotated[list[Site], Field(min_length=1, max_length=MAX_SITES), AfterValidator(_without_duplicates)]
)
