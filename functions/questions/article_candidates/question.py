"""What to write next: article candidates for a site."""

from nightfold.question import Entry, Line, Question, Text


class Candidate(Entry):
    """One article idea."""

    title: Line
    angle: Text


QUESTION = Question(
    entry=Candidate,
    noun="candidate",
    heading="title",
    text="angle",
    entries=5,
    facts={"language": "the language of the site"},
)
