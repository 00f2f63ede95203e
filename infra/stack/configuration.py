"""The configuration of a deployed stack: an SSM parameter."""

import json
from collections.abc import Mapping
from typing import Any

from infra.stack.aws_errors import explained
from nightfold.errors import InvalidInput


class ConfigurationParameter:
    """The stack's parameter with the configuration. Raises InvalidInput where AWS refuses to answer."""

    def __init__(self, name: str, ssm: Any) -> None:
        self.where = name
        self._ssm = ssm
        self._version = 0

    def read(self) -> str:
        found = self._get(self.where)
        self._version = found["Version"]
        return str(found["Value"])

    def replace(self, text: str, fields: Mapping[str, Any]) -> None:
        """Replace the `text` that was read with these fields. Raises InvalidInput if it is no longer what is stored.

        SSM has no conditional write: a change that comes between the last look and the write is found by its version
        number, and put back. A version with our own value is ours: if the answer is lost, botocore writes it again.
        """
        before = self._version
        if self.read() != text or self._version != before:
            raise InvalidInput(_CHANGED)
        value = json.dumps(fields)
        written = self._put(value)
        between = (str(self._get(f"{self.where}:{version}")["Value"]) for version in range(written - 1, before, -1))
        if newest := next((each for each in between if each != value), None):
            self._put(newest)
            raise InvalidInput(_CHANGED)

    def _get(self, name: str) -> Any:
        with explained("ssm"):
            return self._ssm.get_parameter(Name=name)["Parameter"]

    def _put(self, value: str) -> int:
        with explained("ssm"):
            return int(self._ssm.put_parameter(Name=self.where, Value=value, Overwrite=True)["Version"])


_CHANGED = "config: the configuration was changed meanwhile; look at it and try again"
