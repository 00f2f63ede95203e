"""QUESTION_NAME: say here what it asks about each site."""

from typing import Literal

from nightfold.question import Entry, Line, Question, Text


class Idea(Entry):
    """One element of the answer. Describe the same fields in prompt.txt: an answer with others is not accepted."""

    idea: Line  # one line, at most 200 characters
    reason: Text  # one or two sentences, at most 1,000 characters
    effort: Literal["small", "medium", "large"]  # one of these words


QUESTION = Question(
    entry=Idea,
    noun="idea",  # what one entry is called on the page, in messages and in the terminal
    heading="idea",  # the field that names an entry: a site is not offered the same one twice
    text="reason",  # the field that is shown first below the heading
    entries=5,  # how many to ask for, unless the configuration says otherwise
    facts={"language": "the language of the site"},  # what the prompt's names stand for where a site lacks them
)
