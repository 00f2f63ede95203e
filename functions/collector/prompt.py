"""The prompt of one branch, from its question's `prompt.txt`. A site's texts are put in once: a `$` in them is text."""

from dataclasses import dataclass
from string import Template

from nightfold.branch import SiteTask
from nightfold.question import load


@dataclass(frozen=True)
class Prompt:
    """What is sent to Claude for one site."""

    system: str
    user: str


def prompt_for(task: SiteTask) -> Prompt:
    """The prompt of `task`: with what was suggested before, and in round 2 with what was wrong with the last answer."""
    question = load(task.question)
    given = {**question.facts, **task.given}
    parts = ["user", *(["earlier"] if task.earlier else []), *(["regenerate"] if task.violation else [])]
    system, *user = (Template(question.prompt[part]).substitute(given) for part in ("system", *parts))
    return Prompt(system=system.strip(), user="".join(user).strip())
