"""The configuration parameter as a file: editing it is the local `aws ssm put-parameter`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from infra.cloud.services import ACCOUNT, REGION
from infra.state.directory import StateDirectory
from infra.state.regular_files import kind_of, read_file


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, `attach` takes effect. moto's classes are patched and later restored."""
    from moto.ssm.models import SimpleSystemManagerBackend

    get_parameter, put_parameter = SimpleSystemManagerBackend.get_parameter, SimpleSystemManagerBackend.put_parameter

    def get_parameter_from_file(backend: Any, name: str) -> Any:
        attached = getattr(backend, "attached_parameter", None)
        if attached is not None and name.partition(":")[0].endswith(attached.name):
            attached.refresh(backend)
        return get_parameter(backend, name)

    def put_parameter_to_file(backend: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        parameter = put_parameter(backend, name, *args, **kwargs)
        attached = getattr(backend, "attached_parameter", None)
        if attached is not None and name == attached.name:
            attached.write(backend)
        return parameter

    with (
        mock.patch.object(SimpleSystemManagerBackend, "get_parameter", get_parameter_from_file),
        mock.patch.object(SimpleSystemManagerBackend, "put_parameter", put_parameter_to_file),
    ):
        yield


class _ParameterFile:
    """A String parameter whose value is a file."""

    def __init__(self, name: str, state: StateDirectory, path: Path) -> None:
        self.name, self._state, self._path = name, state, path
        self._seen = 0

    def refresh(self, backend: Any) -> None:
        try:
            changed = self._path.lstat().st_mtime_ns
            if changed != self._seen:
                backend._parameters[self.name][-1].value = _text(self._path)
                self._seen = changed
        except FileNotFoundError:
            return

    def write(self, backend: Any) -> None:
        self._state.write(self._path, backend._parameters[self.name][-1].value.encode() + b"\n")


def attach(name: str, state: StateDirectory, path: Path) -> None:
    """From now on this file is the parameter's value. When the template's default changes, an unedited file is updated
    and an edited one is kept."""
    from moto.ssm.models import ssm_backends

    backend: Any = ssm_backends[ACCOUNT][REGION]
    default = backend._parameters[name][-1].value
    deployed = state.deployed()
    attached = backend.attached_parameter = _ParameterFile(name, state, path)
    if kind_of(path) is None or (default != deployed.get(path.name) and _text(path) == deployed.get(path.name)):
        attached.write(backend)
    if default != deployed.get(path.name):
        state.remember_deployed(deployed | {path.name: default})
    attached.refresh(backend)


def _text(path: Path) -> str:
    return read_file(path).decode("utf-8", "replace").strip()
