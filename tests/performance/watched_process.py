"""One process from its start to its end: how long it took, its processor time and its memory, its children included."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SAMPLE_EVERY_S = 0.05
LOOK_FOR_CHILDREN_EVERY = 10  # samples; finding them means reading every process of the machine
START_S = 300  # before the first call a process waits for nothing but a processor


@dataclass(frozen=True)
class Ran:
    """What one process took, as far as a look every 50 ms shows it. No `status` where it was ended from outside."""

    wall_s: float
    status: int | None
    cpu_s: float  # of it and its children together
    peak_mb: float  # the same, resident
    stdout: str
    last_words: str


def execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    patience_s: float,
    progress: Callable[[], int],
) -> Ran:
    """Run a command to its end, or until `progress` has stood still for so long; its start may take START_S."""
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=stdout, stderr=stderr)  # noqa: S603
        ended = threading.Event()
        at: list[float] = []

        def wait() -> None:
            process.wait()
            at.append(time.monotonic())
            ended.set()

        threading.Thread(target=wait, daemon=True).start()
        family = Family(process.pid)
        first = before = progress()
        moved = began
        killed = False
        while not ended.wait(SAMPLE_EVERY_S):
            family.look()
            if family.looks % LOOK_FOR_CHILDREN_EVERY == 0 and (now := progress()) != before:
                moved, before = time.monotonic(), now
            patience_ends = moved + (START_S if before == first else patience_s)
            if not killed and time.monotonic() > patience_ends:
                killed = True
                family.kill()
    words = err.read_text("utf-8", "replace").strip().splitlines()[-1:]
    return Ran(
        wall_s=round(at[0] - began, 3),
        status=None if killed else process.returncode,
        cpu_s=round(sum(family.cpu_s.values()), 2),
        peak_mb=round(family.peak / 1e6, 1),
        stdout=out.read_text("utf-8", "replace"),
        last_words=words[0][:300] if words else "",
    )


class Family:
    """A process and its children: what they were seen to take."""

    def __init__(self, pid: int) -> None:
        self.peak = 0  # bytes of all together
        self.cpu_s: dict[int, float] = {}
        self.looks = 0
        self._pid, self._members = pid, list[psutil.Process]()

    def look(self) -> None:
        if self.looks % LOOK_FOR_CHILDREN_EVERY == 0:
            self._members = self._all()
        self.looks += 1
        memory = 0
        for each in self._members:
            with contextlib.suppress(psutil.Error), each.oneshot():
                memory += each.memory_info().rss
                self.cpu_s[each.pid] = each.cpu_times().user + each.cpu_times().system
        self.peak = max(self.peak, memory)

    def kill(self) -> None:
        for each in reversed(self._all()):
            with contextlib.suppress(psutil.Error):
                each.kill()

    def _all(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            first = psutil.Process(self._pid)
            return [first, *first.children(recursive=True)]
        return []
