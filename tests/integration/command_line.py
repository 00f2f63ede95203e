"""Run `nightfold` as a user does: with streams, an exit code and a clean environment."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest import mock

from infra.cli import main
from infra.cloud.lambdas import sandbox
from tests.support.clouds import PATIENCE_S

ROOT = Path(__file__).parents[2]
NIGHTFOLD = [sys.executable, "-m", "infra.cli.main"]
SITES = ("harbour", "orchard", "lantern", "meadow")  # events/sites.json


def environment(**more: str) -> dict[str, str]:
    """This process's environment without a developer's settings for Nightfold. Bytecode is written, as for a user."""
    unwanted = {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "MAX_CONCURRENCY", "PYTHONDONTWRITEBYTECODE", "NO_COLOR"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | more


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def nightfold(*arguments: str | int | Path, given: str | None = None, **more: str) -> Finished:
    """Run a command to its end, with `given` on its standard input. It runs in this process: starting one takes
    seconds."""
    typed = [sys.executable, "-m", main.__name__, *map(str, arguments)]
    stdin, out, err = (
        TextIOWrapper(BytesIO(text.encode()), "utf-8", write_through=True) for text in (given or "", "", "")
    )
    with (
        chdir(ROOT),
        mock.patch.dict(os.environ, environment(**more), clear=True),
        mock.patch.multiple(sys, stdin=stdin, argv=[str(main.__file__), *typed[3:]], orig_argv=typed),
        _printed("stdout", out),
        _printed("stderr", err),
    ):
        code = main.main(typed[3:])
    return Finished(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


@contextmanager
def _printed(name: str, into: TextIOWrapper) -> Iterator[None]:
    """What is printed meanwhile, without what functions print, even those that began before: it goes to their logs."""
    layered = sandbox.LAYERED[name]
    with mock.patch.object(sys, name, layered), mock.patch.object(layered, "beneath", into):
        yield


def in_a_process(*arguments: str | int | Path, given: str | None = None, **more: str) -> Finished:
    """The same in a process of its own: beside an open cloud, or where the process itself is tested."""
    return program(*NIGHTFOLD, *arguments, cwd=ROOT, given=given, **more)


def program(*command: str | int | Path, cwd: Path = ROOT, given: str | None = None, **more: str) -> Finished:
    """Run any other program to its end."""
    done = subprocess.run(  # noqa: S603
        [*map(str, command)],
        cwd=cwd,
        env=environment(**more),
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


class Started:
    """A running command. Its output goes to files, so that a test can wait for a text."""

    def __init__(self, folder: Path, *arguments: str | Path, **more: str) -> None:
        self._out, self._err = folder / "stdout.txt", folder / "stderr.txt"
        with self._out.open("w") as out, self._err.open("w") as err:
            self._process = subprocess.Popen(  # noqa: S603
                [*NIGHTFOLD, *map(str, arguments)], cwd=ROOT, env=environment(**more), stdout=out, stderr=err
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until `text` appears that often on both streams together."""
        deadline = time.monotonic() + PATIENCE_S
        while (self.err + self.out).count(text) < times:
            if time.monotonic() > deadline or self._process.poll() is not None:
                self._process.kill()
                self._process.wait()
                assert (self.err + self.out).count(text) >= times, self.err
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ctrl_c(self) -> int:
        """The exit code."""
        return self.stop(signal.SIGINT)

    def stop(self, number: signal.Signals) -> int:
        """The exit code after this signal."""
        self.send(number)
        try:
            return self._process.wait(timeout=PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()


class InATerminal:
    """A command whose streams are a terminal of 80 columns, which is not that of the tests."""

    def __init__(self, *arguments: str | Path, **more: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._process = subprocess.Popen(  # noqa: S603
            [*NIGHTFOLD, *map(str, arguments)],
            cwd=ROOT,
            env=environment(TERM="xterm-256color", **more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._shown = b""

    def wait_for(self, text: str) -> None:
        """Until `text` is shown. The limit only ends a hang."""
        while text.encode() not in self._shown:
            if not select.select([self._ours], [], [], PATIENCE_S)[0]:
                self._process.kill()
                raise TimeoutError(f"{text!r} is not shown: {self._shown.decode()}")
            self._shown += os.read(self._ours, 65_536)

    def type(self, text: str) -> None:
        with suppress(OSError):  # the command has ended
            os.write(self._ours, text.encode())

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """The exit code, and everything that was shown. The limit only ends a hang."""
        with suppress(OSError):  # the other end is closed
            while select.select([self._ours], [], [], PATIENCE_S)[0] and (chunk := os.read(self._ours, 65_536)):
                self._shown += chunk
        os.close(self._ours)
        return self._process.wait(timeout=PATIENCE_S), self._shown.decode()


def scenario(file: Path, sites: dict[str, list[Any]], **more: Any) -> Path:
    file.write_text(json.dumps({"schema_version": 1, "sites": sites, **more}))
    return file


def site_list(file: Path, names: Iterable[str], **more: Any) -> Path:
    """A file with these sites, each with its own domain; `more` keys are the same for all."""
    file.write_text(json.dumps([{"site_id": name, "domain": f"{name}.example", **more} for name in names]))
    return file
