"""Built packages under AWS's own Lambda Runtime Interface Emulator and runtime client, without Docker.

    with Emulator(packages.for_this_machine(), logs) as emulator, Cloud(state_dir, runtime=emulator.invoke) as cloud:
        with cloud.serve() as emulator.endpoint:
            cloud.wait(cloud.start({}))

One process per concurrent call, as on Lambda, reused for the next call (the emulator panics on two at once).
A process's path holds its package, the stand-in for /var/runtime, and Python's standard library. The emulator is a
Linux program from the wheel of aws-sam-cli.

Failures that the function did not cause are raised: the embedded cloud ends the run with them, so that they are never
mistaken for the outcome of a branch.
"""

import contextlib
import hashlib
import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from infra.cloud.lambdas.python_runtime import Function, InvokeResult, failure
from infra.packaging.dependencies import CannotBuild, install_requirements, one_at_a_time

STARTS_WITHIN_S = 60  # only ends a hang
FIRST_PORT, LAST_PORT = 10_000, 32_000  # below the ports that the kernel assigns
ADDRESSES = ("--runtime-interface-emulator-address", "{emulator}", "--runtime-api-address", "{runtime}")
INVOCATIONS = "/2015-03-31/functions/function/invocations"
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
_ports = iter(range(FIRST_PORT, LAST_PORT, 2))  # environments of this process never share one


def listening() -> set[tuple[str, int]]:
    """Address and port of every listening IPv4 socket on this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {(socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(port, 16)) for address, port in local}


def available() -> bool:
    return sys.platform == "linux" and ARCHITECTURE in {"arm64", "x86_64"}


def own_address(pid: int) -> str:
    """A loopback address for each process of this machine: Linux answers all of 127.0.0.0/8, and process ids have 22
    bits. A free port on 127.0.0.1 could be taken by another process before the emulator binds it."""
    return f"127.{64 | pid >> 16 & 63}.{pid >> 8 & 255}.{pid & 255}"


class Emulator:
    """Execution environments of any number of functions. Safe to call from many threads."""

    def __init__(self, packages: Path, logs: Path) -> None:
        """`packages` holds a folder for each logical id. What the functions and the emulator print goes to `logs`."""
        self.endpoint: str | None = None  # AWS_ENDPOINT_URL of the functions
        self.cold = self.warm = 0  # invocations that started a process, and that reused one
        self._packages, self.logs = packages, logs
        self._program = installed("rie.txt") / f"samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
        self._runtime = installed("runtime.txt")
        self._idle: dict[str, list[_Process]] = {}
        self._all: list[_Process] = []
        self._lock = threading.Lock()
        self._address = own_address(os.getpid())

    def __enter__(self) -> Self:
        if not available():
            raise CannotBuild("The Runtime Interface Emulator is a Linux program.")
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.end()

    def invoke(self, function: Function, environment: Mapping[str, str], event: bytes) -> InvokeResult:
        """The result of lambda:Invoke, from a free process or a new one."""
        with self._lock:
            idle = self._idle.setdefault(function.logical_id, [])
            process = idle.pop() if idle else None
            if process:
                self.warm += 1
            else:
                self.cold += 1
        if process is None:
            process = self._start(function, environment)
        answer = _answer(*process.call(event, function.timeout_s))
        with self._lock:
            if process.alive and not _ended(answer):
                idle.append(process)
                return answer
        process.end()
        return answer

    def _start(self, function: Function, environment: Mapping[str, str]) -> "_Process":
        package = self._packages / function.logical_id
        process = _Process(
            self._address,
            [str(self._program), *ADDRESSES, python(), "-S", "-s", "-m", "awslambdaric", function.handler],
            {
                **environment,
                "NO_PROXY": f"{self._address},127.0.0.1,localhost",
                **({"AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else {}),
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_s),
                "LAMBDA_TASK_ROOT": str(package),
                "LAMBDA_RUNTIME_DIR": str(self._runtime),
                "PATH": os.defpath,
                "PYTHONPATH": f"{package}:{self._runtime}",
                "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only on Lambda
            },
            package,
            self.logs / f"{function.logical_id}.emulator.log",
        )
        with self._lock:
            self._all.append(process)
        return process


class _Process:
    """The emulator and, below it, the runtime: one execution environment."""

    def __init__(
        self, address: str, command: list[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self._address, self._log = address, log
        for self._port in _ports:
            given = {"emulator": f"{address}:{self._port}", "runtime": f"{address}:{self._port + 1}"}
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603
                    [part.format(**given) for part in command],
                    env=dict(environment),
                    cwd=folder,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            if self._listens():
                return
        raise CannotBuild(f"The Runtime Interface Emulator found no port: see {log}")

    def _listens(self) -> bool:
        """False if another program already listens on this port on every address; a connection would reach that
        program, so the kernel's table is read instead."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while self.alive:
            if {(self._address, self._port), (self._address, self._port + 1)} <= listening():
                return True
            if time.monotonic() > deadline:
                self.end()
                raise CannotBuild(f"The Runtime Interface Emulator does not answer: see {self._log}")
            time.sleep(0.02)
        if b"address already in use" not in self._log.read_bytes()[-10_000:]:
            raise CannotBuild(f"The Runtime Interface Emulator does not start: see {self._log}")
        return False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(self, event: bytes, timeout_s: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=timeout_s + STARTS_WITHIN_S)
        try:
            connection.request("POST", INVOCATIONS, event)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session, which contains only this environment
        self._process.wait()


def _answer(status: int, body: bytes) -> InvokeResult:
    """In Lambda's format. The emulator answers most failures with status 200, and a timeout with plain text."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        text = body.decode(errors="replace").strip()
        return failure("Sandbox.Timedout" if "timed out" in text else "Runtime.Unknown", text)
    if status != 200 or (isinstance(document, dict) and {"errorType", "errorMessage"} <= document.keys()):
        return InvokeResult(body, "Unhandled")
    return InvokeResult(body)


def _ended(answer: InvokeResult) -> bool:
    """Whether Lambda would have discarded this environment."""
    if answer.function_error is None:
        return False
    error = str(json.loads(answer.payload).get("errorType"))
    return error.startswith(("Sandbox.", "Runtime."))


def python() -> str:
    """The base interpreter: a virtual environment's would add its packages."""
    return str(getattr(sys, "_base_executable", sys.executable))


def installed(requirements: str) -> Path:
    """The packages of tests/support/`requirements`, unpacked once."""
    file = Path(__file__).with_name(requirements)
    with one_at_a_time() as tools:
        folder = tools / f"{file.stem}-{ARCHITECTURE}-{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
        if not folder.is_dir():
            unfinished = tools / f"{folder.name}.unfinished"
            install_requirements(file, ARCHITECTURE, unfinished)
            subprocess.run([python(), "-m", "compileall", "-q", str(unfinished)], check=False)  # noqa: S603
            unfinished.rename(folder)
        return folder
