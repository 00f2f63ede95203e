"""The disk is full, or a file may not grow: no further call is paid, the error is named, and what was kept is kept."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.command_line import Finished, in_a_process, nightfold, program, scenario, site_list

SITES = 40
AT_ONCE = 4
LONG_ANSWERS = "output_token_budget=32768"
ANSWER = '[{"title": "T", "angle": "%s"}]'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)  # noqa: S603, S607


def a_run(tmp_path: Path, script: Path, at_once: int, state: Path) -> tuple[str | int | Path, ...]:
    """The command of a run of 40 sites."""
    sites = site_list(tmp_path / "sites.json", [f"site-{each:02}" for each in range(SITES)])
    run = ("run", "--sites", sites, "--concurrency", at_once, "--scenario", script)
    return *run, "--set", LONG_ANSWERS, "--state-dir", state


def test_on_a_full_disk_no_new_branch_starts_and_the_error_is_named(tmp_path: Path, small_disk: Path) -> None:
    long = [{"do": "text", "text": ANSWER % ("x" * 30_000), "latency_s": 0.2}]
    script = scenario(tmp_path / "scenario.json", {}, default=long)
    state = small_disk / "state"
    run = in_a_process(*a_run(tmp_path, script, AT_ONCE, state))
    kept = list(state.glob("runs/*/round-1/outcomes/*.json"))
    assert run.code == 1, run.err
    assert "[Errno 28] No space left on device" in run.err
    assert "Sandbox.Timedout" not in run.err
    assert 3 <= len(kept) <= 17
    assert calls_in(run) <= len(kept) + AT_ONCE + 1  # those under way when the first write failed
    assert list((state / ".tmp").iterdir()) == []
    assert f"Kept: {len(kept)} of {SITES} outcomes" in run.err


def calls_in(run: Finished) -> int:
    """How many branches asked, by the live view's lines."""
    return sum(line.rstrip().endswith("collecting") for line in run.err.splitlines())


LIMITED = """
import resource, sys
resource.setrlimit(getattr(resource, sys.argv[1]), (int(sys.argv[2]), int(sys.argv[2])))
from infra.cli.main import main
sys.exit(main(sys.argv[3:]))
"""

NO_MORE_CODECS = """
import sys
from infra.cloud.lambdas.invoke import Lambdas
warm = Lambdas.warm
def refuse(event, arguments):
    if event == "import" and arguments[0].startswith("encodings."):
        raise ImportError("[Errno 24] Too many open files")
def warm_and_refuse(lambdas):
    warm(lambdas)
    sys.addaudithook(refuse)
Lambdas.warm = warm_and_refuse
"""


def test_a_file_that_may_not_grow_is_named_and_a_redrive_goes_on(tmp_path: Path) -> None:
    """The real limit of a process (EFBIG), which needs no privileges: one answer is larger than a file may be."""
    large: dict[str, list[Any]] = {"site-05": [{"do": "text", "text": ANSWER % ("x" * 30_000)}]}
    script = scenario(tmp_path / "scenario.json", large, latency_s={"median": 0.1})
    state = tmp_path / "state"
    done = program(sys.executable, "-c", LIMITED, "RLIMIT_FSIZE", 24_000, *a_run(tmp_path, script, 2, state))
    kept = list(state.glob("runs/*/round-1/outcomes/*.json"))
    assert done.code == 1, done.err
    assert "[Errno 27] File too large" in done.err
    assert "site-05.json could not be written" in done.err
    assert 5 <= len(kept) <= 10
    assert list((state / ".tmp").iterdir()) == []
    redriven = nightfold("redrive", "--simulate", "--concurrency", 2, "--json", "--state-dir", state)
    assert redriven.json["status"] == "complete", redriven.err
    assert redriven.json["planned"] == SITES - len(kept)


def test_a_disk_that_is_full_from_the_start_is_a_sentence(small_disk: Path) -> None:
    state = small_disk / "state"
    nightfold("run", "--simulate", "--state-dir", state)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(b"x" * 10_000_000)
    for arguments in (["run", "--simulate"], ["redrive", "--simulate"], ["misses"], ["plan"], ["report", "--list"]):
        command = in_a_process if "--simulate" in arguments else nightfold  # what gives up may outlive its cloud
        done = command(*arguments, "--state-dir", state)
        assert "Traceback" not in done.err, done.err
        assert done.code in {0, 1}
        if arguments[0] == "run":
            assert "No space left on device" in done.err


def test_a_machine_without_free_descriptors_keeps_what_it_paid_for(tmp_path: Path) -> None:
    script = scenario(tmp_path / "scenario.json", {}, latency_s={"median": 0.05})
    state = tmp_path / "state"
    limited = (NO_MORE_CODECS + LIMITED, "RLIMIT_NOFILE", 24)
    done = program(sys.executable, "-c", *limited, *a_run(tmp_path, script, 8, state), "--json")
    assert "Traceback" not in done.err, done.err
    assert "LookupError" not in (state / "logs" / "Collector.log").read_text()
    outcomes = len(list(state.glob("runs/*/round-1/outcomes/*.json")))
    assert outcomes == SITES or done.code == 2, done.err
    if done.code:  # even the census may have found no descriptor: the next redrive closes the run and asks the rest
        assert "collects" in done.err, done.err
        again = nightfold("redrive", "--simulate", "--state-dir", state)
        assert again.code == 0, again.err
    assert len({path.stem for path in state.glob("runs/*/results/*.json")}) == SITES
