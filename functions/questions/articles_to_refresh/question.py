"""Which of a site's existing articles to refresh first. The fact `articles` holds the site's list of articles."""

from typing import Literal

from nightfold.question import Entry, Line, Question, Text


class Refresh(Entry):
    """One article that is worth the work."""

    article: Line
    outdated: Text
    effort: Literal["small", "medium", "large"]


QUESTION = Question(
    entry=Refresh,
    noun="article",
    heading="article",
    text="outdated",
    entries=3,
    facts={"language": "the language of the site"},
)
