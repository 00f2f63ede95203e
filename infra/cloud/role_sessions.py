"""Identifies the caller of an AWS call: credentials and sessions of the template's roles, and their permissions."""

import secrets
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from infra.cloud.boto_sessions import SharedClients
from infra.cloud.iam import Roles


class RoleSessions:
    """The roles of one deployment, identified by the access key that signs a call.

    Any other key is the laptop's user, who has full access. Keys are drawn at random for each deployment: callers over
    HTTP have to know them.
    """

    def __init__(self, *, enforced: bool) -> None:
        self._enforced = enforced
        self._roles = Roles({})
        self.administrator = _credentials(_drawn_key("AKIA"))
        self._role_of_key: dict[str, str] = {}
        self._key_of_role: dict[str, str] = {}
        self._sessions: dict[str | None, SharedClients] = {}

    def deployed(self, policies: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """`policies`: role ARN → its policy documents."""
        self._roles = Roles(policies)

    def role(self, access_key: str) -> str | None:
        return self._role_of_key.get(access_key)

    def permit(self, access_key: str, action: str, resource: str) -> bool:
        return not self._enforced or self._roles.allow(self.role(access_key), action, resource)

    def credentials(self, role: str) -> dict[str, str]:
        """Temporary credentials, as AssumeRole would give them to Lambda or Step Functions."""
        key = self._key_of_role.get(role)
        if key is None:
            key = self._key_of_role.setdefault(role, _drawn_key("ASIA"))
            self._role_of_key[key] = role
        return _credentials(key)

    def knows(self, access_key: str) -> bool:
        """Whether it is the key of a role or of the laptop's user."""
        return access_key in self._role_of_key or secrets.compare_digest(
            access_key.encode(), self.administrator["AccessKeyId"].encode()
        )

    @cached_property
    def functions(self) -> SharedClients:
        """The session of all functions: the running one signs. Created late, because moto has to be loaded first."""
        return SharedClients(None)

    def session(self, role: str | None) -> SharedClients:
        """The role's session; without a role, that of the laptop's user."""
        session = self._sessions.get(role)
        if session is None:
            credentials = self.administrator if role is None else self.credentials(role)
            session = self._sessions.setdefault(role, SharedClients(credentials))
        return session


def _drawn_key(kind: str) -> str:
    return f"{kind}{secrets.token_hex(8).upper()}"


def _credentials(access_key: str) -> dict[str, str]:
    """The key alone identifies the caller: signatures are not checked here."""
    return {"AccessKeyId": access_key, "SecretAccessKey": "local", "SessionToken": "local"}
