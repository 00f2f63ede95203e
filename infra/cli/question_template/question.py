"""QUESTION_NAME: say here what it asks about each site.

prompt.txt has four parts:

    system      who answers, and in what form. It names the question: by this part the simulated API knows it
    user        what is asked. $site_id, $domain and $brief are the site's, $entries is how many to ask for
    earlier     added where a site was offered something before; $earlier is the list
    regenerate  added when an answer was not accepted; $violation is what was wrong with it

Any other name in it, such as $language, is one of the facts in the site list, or has its default below. Write $$ for a
dollar sign.
"""

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
