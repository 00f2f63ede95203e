"""What `nightfold doctor` looks at in a state directory and in a stack alike: what a run reads, and what earlier ones
left."""

import json
from collections.abc import Mapping

from infra.cli.checks import Finding, fix, note, ok
from infra.cli.configuration import stored
from infra.cli.installation import Installation
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from planner.inputs import check_facts, read_sites


def configured(at: Installation) -> RunConfiguration:
    """Raises InvalidInput."""
    return stored(at.configuration.where, at.configuration.read())


def configuration(at: Installation) -> Finding:
    where, text = at.configuration.where, at.configuration.read()
    try:
        found = stored(where, text)
    except InvalidInput as error:
        if _has_only_fields(text):
            return fix(str(error), at.suggest("config FIELD=VALUE"))
        return fix(f"{error} (`config` cannot fix that: edit it by hand)")
    return ok(f"{where} asks {found.model} for {found.question}")


def _has_only_fields(text: str) -> bool:
    """Whether `config FIELD=VALUE` can fix the configuration: it replaces the values of known fields."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and fields.keys() <= RunConfiguration.model_fields.keys()


def sites(at: Installation, document: bytes | None, where: str) -> Finding:
    """The site list that the next run takes, and the facts that the configured question needs."""
    if document is None:
        return fix(f"there is no {where}", at.suggest("sites FILE"))
    question = configured(at).question
    try:
        found = read_sites(document, where)
        check_facts(found, lambda _: question, where)
    except InvalidInput as error:
        return fix(str(error), at.suggest("sites FILE"))
    return ok(f"{counted(len(found), 'site')} in {where}")


def misses(at: Installation, count: Mapping[str, int]) -> Finding:
    """`count` of the waiting and the parked misses."""
    waiting, parked = count["waiting"], count["parked"]
    if parked:
        return note(f"{counted(parked, 'miss')} parked, which no run collects; {waiting:,} wait", at.suggest("misses"))
    if waiting:
        return note(f"{counted(waiting, 'miss')} for the next redrive", at.suggest("misses"))
    return ok("none wait, none are parked")
