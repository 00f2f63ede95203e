"""The simulated Claude's titles, from a list of topics and from the site's brief."""

import re
from random import Random

from nightfold.answers import HEADING, Candidate

TOPICS = (
    "access reviews",
    "alert fatigue",
    "API versioning",
    "backup drills",
    "cache invalidation",
    "code review",
    "cold starts",
    "cost reports",
    "dependency updates",
    "feature flags",
    "incident write-ups",
    "load tests",
    "log retention",
    "on-call handovers",
    "queue backlogs",
    "retry storms",
    "schema changes",
    "staging environments",
)
TITLES = (
    "What {topic} taught the team at {site}",
    "{Topic} without the guesswork",
    "A field guide to {topic}",
    "An afternoon with {topic}",
    "The quiet cost of {topic}",
    "{Topic}, explained with one real example",
    "The checklist {site} uses for {topic}",
    "Five questions about {topic}",
)
_ANGLES = (
    "One case from start to end, with the numbers before and after.",
    "The three decisions that mattered, and the one that was wrong.",
    "For a team of five: what to do first, what to leave for later.",
    "A small experiment that any reader can repeat in an hour.",
    "What the usual advice leaves out, shown on a real outage.",
)
_BRIEF = re.compile(r"^About the site: (.+)$", re.MULTILINE)
_SMALL_WORDS = """
a about an and are at blog by each every for from how in into is it its of on or our people platform run runs site small
team teams that the their them they this those three to two use used uses what where which who why with without write
writes you your
"""
_NO_SUBJECT = frozenset(_SMALL_WORDS.split())


def subjects(question: str) -> list[str]:
    """The subjects of the prompt's brief, as far as word lists can find them: the phrases of two or three words
    between its small words and punctuation, otherwise its first word that is not small."""
    found = _BRIEF.search(question)
    runs: list[list[str]] = [[]]
    for word in re.findall(r"\w[\w'-]*|[^\w\s]", found[1] if found else ""):
        if not word[0].isalnum() or word.lower() in _NO_SUBJECT or len(runs[-1]) == 3:
            runs.append([])
        if word[0].isalnum() and word.lower() not in _NO_SUBJECT:
            runs[-1].append(word)
    phrases = [phrase for run in runs if 3 < len(phrase := " ".join(run)) <= 30]
    return [phrase for phrase in phrases if " " in phrase][:3] or phrases[:1]


def candidates(site: str, count: int, question: str, rng: Random) -> list[dict[str, str]]:
    """`count` candidates, each with another topic or title."""
    name = site.partition(".")[0].replace("-", " ").title() or "Our Site"
    topics = rng.sample(TOPICS, len(TOPICS))
    start = rng.randrange(len(TITLES))
    about, made = subjects(question), []
    for i in range(count):
        lap, topic = i // len(topics), topics[i % len(topics)]
        title = TITLES[(start + i + lap) % len(TITLES)]  # a topic that comes again gets another title
        title = title.format(topic=topic, Topic=_capital(topic), site=name)
        if about and i % 2 == 0:
            title = f"{_capital(about[i // 2 % len(about)])}: {_lower(title)}"
        fields = [name for name in Candidate.model_fields if name != HEADING]
        texts = {name: _ANGLES[(start + i + nth) % len(_ANGLES)] for nth, name in enumerate(fields)}
        made.append({HEADING: title, **texts})
    return made


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _lower(title: str) -> str:
    """The title as it continues after a colon; abbreviations keep their capitals."""
    return title[0].lower() + title[1:] if title[1] == " " or title[1].islower() else title
