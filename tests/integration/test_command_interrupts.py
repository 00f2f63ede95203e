"""Ctrl-C: the first stops the run in order, the second ends the process at once."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from infra.cli.interrupts import interruptible, signals_held, stop_if_requested
from tests.integration.command_line import ROOT, Started, environment, program, scenario, site_list

# In pieces: a signal that comes between the line and the sleep is seen when the sleep is over.
STUBBORN = """
import time
from infra.cli.interrupts import interruptible
def wait():
    for _ in range(2_400):
        time.sleep(0.05)
with interruptible():
    try:
        print("working", flush=True)
        wait()
    except KeyboardInterrupt:
        print("stopping", flush=True)
        wait()
"""


def test_a_second_ctrl_c_does_not_wait_for_the_first() -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", STUBBORN], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in ("working\n", "stopping\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130  # half of the wait after the first


# Once everything is imported: of a signal during an import Python itself may print a traceback.
INTERRUPTED_BEFORE_THE_START = """
import os, signal, sys
from infra.cli.main import main
from infra.cloud.embedded import Cloud
warm = Cloud.warm
def warm_and_interrupt(cloud):
    warm(cloud)
    os.kill(os.getpid(), signal.SIGINT)
Cloud.warm = warm_and_interrupt
sys.exit(main())
"""


def test_ctrl_c_before_the_start_leaves_no_run(tmp_path: Path) -> None:
    command = ("run", "--simulate", "--state-dir", tmp_path / "state")
    run = program(sys.executable, "-c", INTERRUPTED_BEFORE_THE_START, *command)
    assert run.code == 130
    assert run.out == ""
    assert "Traceback" not in run.err
    assert not (tmp_path / "state" / "runs").exists()


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """More sites than run at once."""
    return site_list(tmp_path / "sites.json", [f"site-{number}" for number in range(12)])


def slow_run(tmp_path: Path, sites: Path, default: list[Any]) -> Started:
    script = scenario(tmp_path / "scenario.json", {}, default=default)
    state = ("--state-dir", tmp_path / "state")
    return Started(tmp_path, "run", "--json", "--sites", sites, "--concurrency", "4", "--scenario", script, *state)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=lambda each: str(each)
)
def test_calls_in_progress_finish_and_no_other_starts(
    tmp_path: Path, sites: Path, number: signal.Signals, code: int
) -> None:
    run = slow_run(tmp_path, sites, [{"do": "ok", "latency_s": 12}])
    run.wait_for("collecting\n", times=4)
    assert run.stop(number) == code
    assert run.out == ""
    assert "stopping after 4 calls in progress; Ctrl-C again stops at once (0 outcomes kept)" in run.err
    assert len(list((tmp_path / "state").glob("runs/*/round-1/outcomes/*.json"))) == 4
    assert run.err.count("collecting\n") == 4, run.err
    assert "Stopped. Kept: 4 of 12 outcomes" in run.err
    assert "Error" not in run.err
    assert "Traceback" not in run.err


def test_an_attempt_that_failed_is_not_repeated_while_the_run_stops(tmp_path: Path, sites: Path) -> None:
    run = slow_run(tmp_path, sites, [{"do": 529, "latency_s": 12}])
    run.wait_for("collecting\n", times=4)
    assert run.stop(signal.SIGINT) == 130
    assert "Stopped. Kept: 0 of 12 outcomes" in run.err
    assert run.err.count("collecting\n") == 4, run.err


def test_an_interrupt_that_was_swallowed_is_not_lost() -> None:
    with interruptible():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()
    with interruptible():
        stop_if_requested()


def test_a_signal_while_signals_are_held_is_raised_afterwards() -> None:
    passed = []
    with interruptible():
        with signals_held():
            signal.raise_signal(signal.SIGINT)
            passed.append("held")
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()
    assert passed == ["held"]


def test_the_handler_of_ctrl_c_is_restored() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
