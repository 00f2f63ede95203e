"""Evaluates the template's role policies as IAM does, resources included.

moto's own check is not used: it checks every SSM parameter as `*` (so a policy that names one parameter allows
none), for batch actions that AWS does not have, and verifies a signature and parses all policies at each call.
Conditions are not evaluated: an Allow with a condition allows, a Deny with one does not deny.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.cloud.services import SERVICES

SAME_PERMISSION = {  # what a call is named → what IAM names the permission for it
    f"{service.scope}:{called}": f"{service.scope}:{permission}"
    for service in SERVICES
    for called, permission in service.same_permission.items()
}
NEEDS_NO_PERMISSION = frozenset({"sts:GetCallerIdentity"})


@dataclass(frozen=True)
class _Statement:
    allows: bool
    actions: re.Pattern[str]
    resources: re.Pattern[str]


class Roles:
    """The policies of all roles. A caller without a role is the laptop's user and has full access."""

    def __init__(self, policies: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """`policies`: role ARN → its policy documents."""
        self._statements = {
            role: [s for document in documents for s in _statements(document)] for role, documents in policies.items()
        }
        self._decided: dict[tuple[str, str, str], bool] = {}

    def allow(self, role: str | None, action: str, resource: str = "*") -> bool:
        """`action` as service:Operation, `resource` an ARN."""
        if role is None or action in NEEDS_NO_PERMISSION:
            return True
        asked = role, SAME_PERMISSION.get(action, action), resource
        decided = self._decided.get(asked)
        if decided is None:
            if len(self._decided) > 10_000:  # a resource for each object of a long run
                self._decided.clear()
            decided = self._decided[asked] = self._decide(*asked)
        return decided

    def _decide(self, role: str, action: str, resource: str) -> bool:
        concerned = [
            statement.allows
            for statement in self._statements.get(role, [])
            if statement.actions.fullmatch(action) and statement.resources.fullmatch(resource)
        ]
        return bool(concerned) and all(concerned)


def _statements(document: Mapping[str, Any]) -> Iterable[_Statement]:
    for statement in _list(document["Statement"]):
        allows = statement["Effect"] == "Allow"
        if (not allows and "Condition" in statement) or "Action" not in statement:
            continue
        yield _Statement(allows, _pattern(statement["Action"], re.IGNORECASE), _pattern(statement.get("Resource", "*")))


def _pattern(wildcards: str | list[str], flags: int = 0) -> re.Pattern[str]:
    parts = [re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in _list(wildcards)]
    return re.compile("|".join(f"(?:{part})" for part in parts), flags | re.DOTALL)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
