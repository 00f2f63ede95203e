"""Ctrl-C: the first asks to stop, the second ends at once."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from infra.cli.interrupts import interruptible, stop_if_asked
from tests.integration.command_line import ROOT, Started, environment, scenario

STUBBORN = """
import time
from infra.cli.interrupts import interruptible
with interruptible():
    try:
        print("working", flush=True)
        time.sleep(120)
    except KeyboardInterrupt:
        print("stopping", flush=True)
        time.sleep(120)
"""


def test_a_second_ctrl_c_does_not_wait_for_the_first() -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", STUBBORN], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for said in ("working\n", "stopping\n"):
            assert process.stdout.readline() == said
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130  # half of what it would wait for the first


def test_ctrl_c_before_the_start_leaves_no_run(tmp_path: Path) -> None:
    run = Started(tmp_path, "run", "--simulate", "--state-dir", tmp_path / "state")
    run.wait_for("deploying")
    assert run.ctrl_c() == 130
    assert run.out == ""
    assert "Traceback" not in run.err
    assert not (tmp_path / "state" / "runs").exists()


def test_calls_under_way_end_without_a_word(tmp_path: Path) -> None:
    hangs = scenario(tmp_path / "scenario.json", {}, default=["hang"])
    run = Started(tmp_path, "run", "--json", "--scenario", hangs, "--state-dir", tmp_path / "state")
    run.wait_for("meadow collecting")
    assert run.ctrl_c() == 130
    assert run.out == ""
    assert run.err.splitlines()[-2].startswith("Stopped. Kept: 0 of 4 outcomes"), run.err
    assert "Error" not in run.err


def test_an_interrupt_that_was_swallowed_is_not_lost() -> None:
    with interruptible():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop_if_asked()
    with interruptible():
        stop_if_asked()


def test_what_ctrl_c_did_before_it_does_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
