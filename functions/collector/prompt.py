"""The prompt, from `prompt.txt`."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from nightfold.branch import SiteTask


@dataclass(frozen=True)
class Prompt:
    """What is sent to Claude for one site."""

    system: str
    user: str


@cache
def _parts() -> dict[str, str]:
    text = files("collector").joinpath("prompt.txt").read_text(encoding="utf-8")
    names_and_texts = re.split(r"^== (\w+) ==\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(names_and_texts[::2], names_and_texts[1::2], strict=True))


def prompt_for(task: SiteTask) -> Prompt:
    """The prompt of `task`; in round 2 it ends with what was wrong with the last answer."""
    parts = _parts()
    user = Template(parts["user"]).substitute(
        site_id=task.site_id,
        domain=task.domain,
        candidates=task.candidates,
        brief=f"About the site: {task.brief}" if task.brief else "",
    )
    if task.violation:
        user += Template(parts["regenerate"]).substitute(violation=task.violation)
    return Prompt(system=parts["system"].strip(), user=user.strip())
