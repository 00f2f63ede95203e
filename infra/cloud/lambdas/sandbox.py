"""What one invocation sees: its own environment, standard streams and AWS session, never the user's.

Handlers run as threads of one process; on Lambda each has its own process. So the process-wide objects that a
handler reads are layered: inside a function they show the function's values, elsewhere the process's. A ContextVar
holds the running function; threads that a handler starts inherit it.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import boto3

from infra.state.regular_files import open_file


class SandboxKilled(BaseException):
    """Lambda would have ended this process: the invocation timed out, or the embedded cloud was closed."""


@dataclass
class Sandbox:
    """One invocation: which function runs, what it sees, and whether it may still act."""

    function: str
    environment: dict[str, str]
    session: Callable[[], boto3.Session]
    log: Path | None = None  # None: the process's own output
    over: threading.Event = field(default_factory=threading.Event)
    _unfinished_line: str = ""

    def write(self, text: str) -> None:
        """Each whole line goes to the log in one write, so that concurrent invocations never mix theirs.

        If the log cannot be written, lines are lost: a branch must not fail because of its log.
        """
        text = self._unfinished_line + text
        lines, newline, self._unfinished_line = text.rpartition("\n")
        if newline and self.log is not None:
            with contextlib.suppress(OSError):
                descriptor = open_file(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - a descriptor
                    file.write((lines + newline).encode("utf-8", "backslashreplace"))


_running: ContextVar[Sandbox | None] = ContextVar("running", default=None)


def running() -> Sandbox | None:
    """The invocation that the current thread belongs to."""
    return _running.get()


@contextlib.contextmanager
def inside(sandbox: Sandbox) -> Iterator[None]:
    """Within this context the current thread belongs to this invocation."""
    token = _running.set(sandbox)
    try:
        yield
    finally:
        if sandbox._unfinished_line:
            sandbox.write("\n")
        _running.reset(token)


class _LayeredEnvironment(os._Environ):  # type: ignore[type-arg]
    """`os.environ` itself, for everyone who holds a reference to it: its class is replaced, not the object."""

    def _layer(self) -> dict[str, str] | None:
        sandbox = _running.get()
        return None if sandbox is None else sandbox.environment

    def __getitem__(self, key: str) -> str:
        layer = self._layer()
        return super().__getitem__(key) if layer is None else layer[key]

    def __setitem__(self, key: str, value: str) -> None:
        layer = self._layer()
        if layer is None:
            super().__setitem__(key, value)
        else:
            layer[key] = value

    def __delitem__(self, key: str) -> None:
        layer = self._layer()
        if layer is None:
            super().__delitem__(key)
        else:
            del layer[key]

    def __iter__(self) -> Iterator[str]:
        layer = self._layer()
        return super().__iter__() if layer is None else iter(list(layer))

    def __len__(self) -> int:
        layer = self._layer()
        return super().__len__() if layer is None else len(layer)


class LayeredStream:
    """`sys.stdout` or `sys.stderr`: a function's output goes to its log, all other output where it went before."""

    def __init__(self, beneath: IO[str]) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        sandbox = _running.get()
        if sandbox is None or sandbox.log is None:
            return self.beneath.write(text)
        sandbox.write(text)
        return len(text)

    def flush(self) -> None:
        if (sandbox := _running.get()) is None or sandbox.log is None:
            self.beneath.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


LAYERED = {name: LayeredStream(getattr(sys, name)) for name in ("stdout", "stderr")}


def layer_streams() -> None:
    """Also called before each invocation: a test runner may install its own streams at any time."""
    for name, layered in LAYERED.items():
        # Read once: another thread may set it meanwhile, and a stream beneath itself would never end.
        if (current := getattr(sys, name)) is not layered:
            layered.beneath = current
            setattr(sys, name, layered)


@contextlib.contextmanager
def layered_process() -> Iterator[None]:
    """While this is open, the process's environment, streams, threads and boto3 default session are layered."""
    plain_start = threading.Thread.start
    plain_session = cast(Any, boto3)._get_default_session
    os.environ.__class__ = _LayeredEnvironment
    layer_streams()
    threading.Thread.start = _start_in_same_sandbox(plain_start)  # type: ignore[method-assign,assignment]
    cast(Any, boto3)._get_default_session = partial(_session_of_the_sandbox, plain_session)
    try:
        yield
    finally:
        cast(Any, boto3)._get_default_session = plain_session
        threading.Thread.start = plain_start  # type: ignore[method-assign]
        for name, layered in LAYERED.items():
            if getattr(sys, name) is layered:
                setattr(sys, name, layered.beneath)
        os.environ.__class__ = os._Environ


def _start_in_same_sandbox(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """Python 3.13 starts threads with an empty context: a handler's own threads would see the user's environment."""

    def start_in_same_sandbox(thread: threading.Thread) -> None:
        if _running.get() is not None:
            thread.run = partial(copy_context().run, thread.run)  # type: ignore[method-assign]
        start(thread)

    return start_in_same_sandbox


def _session_of_the_sandbox(plain: Callable[..., boto3.Session]) -> boto3.Session:
    sandbox = _running.get()
    return plain() if sandbox is None else sandbox.session()


# Without these a laptop behind a proxy never reaches the Messages API.
NETWORK = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


def environment_of(base: Mapping[str, str], **more: str) -> dict[str, str]:
    """A function's environment: the template's variables, Lambda's own, and the laptop's proxy and certificates."""
    return {
        **{name: os.environ[name] for name in NETWORK if name in os.environ},
        "NO_PROXY": "127.0.0.1,localhost",
        **base,
        **more,
        # Lambda has no home directory with AWS profiles in it; a laptop may.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


# What boto3 sees when code outside the functions creates a client: not the user's profile, endpoints or proxies.
OUTSIDE_FUNCTIONS = Sandbox(
    function="",
    environment=environment_of({}, AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1"),
    session=boto3.Session,
)
