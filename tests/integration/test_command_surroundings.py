"""A state directory that cannot be written, a locale without UTF-8, a port that is in use."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.command_line import NIGHTFOLD, in_a_process, nightfold, program

NOT_UTF_8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
READERS = (("misses",), ("plan",), ("config",), ("report",), ("report", "--list"), ("redrive", "--dry-run"))


@pytest.fixture(scope="module")
def closed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with a closed run, made under a locale without umlauts."""
    state = tmp_path_factory.mktemp("closed") / "staté"
    done = in_a_process("run", "--simulate", "--state-dir", state, **NOT_UTF_8)
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    return state


@pytest.fixture
def without_page(closed_run: Path, tmp_path: Path) -> Path:
    """The same without its page, in a folder that other users can read."""
    copy = tmp_path / "state"
    shutil.copytree(closed_run, copy)
    (page,) = copy.glob("runs/*/digest.html")
    page.unlink()
    return copy


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_commands_work_in_a_locale_without_utf_8(closed_run: Path, arguments: tuple[str, ...]) -> None:
    done = in_a_process(*arguments, "--state-dir", closed_run, **NOT_UTF_8)
    assert (done.code, "Traceback" in done.err) == (0, False), done.err


@pytest.mark.parametrize(("closed", "code"), [("<&-", 64), (">&-", 0), ("2>&-", 0)])
def test_a_stream_may_be_closed(closed: str, code: int, tmp_path: Path) -> None:
    command = ("config", "remember=7") if code else ("misses",)
    done = program("sh", "-c", f'"$@" {closed}', "sh", *NIGHTFOLD, *command, "--state-dir", tmp_path / "state")
    assert (done.code, "Traceback" in done.err) == (code, False), done.err


@pytest.fixture
def read_only(without_page: Path) -> Iterator[Path]:
    """A read-only mount, because permissions do not bind root. Skipped if mounting is not allowed."""
    place = str(without_page)
    if subprocess.run(["mount", "--bind", place, place], capture_output=True, check=False).returncode:  # noqa: S603, S607
        pytest.skip("only root may mount")
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)  # noqa: S603, S607
    yield without_page
    subprocess.run(["umount", place], check=True)  # noqa: S603, S607


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_readers_work_on_a_read_only_mount(read_only: Path, arguments: tuple[str, ...]) -> None:
    done = nightfold(*arguments, "--state-dir", read_only)
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    if arguments == ("report",):
        page = Path(done.out.strip().removeprefix("file://"))
        assert page.read_text().startswith("<!doctype html>")
        assert not page.is_relative_to(read_only)
        shutil.rmtree(page.parent.parent)


def test_a_run_on_a_read_only_mount_is_refused_before_anything_starts(read_only: Path) -> None:
    done = nightfold("run", "--simulate", "--state-dir", read_only)
    assert done.code == 64
    assert f"{read_only} cannot be created or written" in done.err


# Without these two capabilities permissions bind root too.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(BOUND) and shutil.which("setpriv") is None, reason="permissions do not bind root")
@pytest.mark.parametrize(("mode", "code"), [(0o555, 0), (0o000, 64)])
def test_missing_permissions_are_reported(without_page: Path, mode: int, code: int) -> None:
    for folder, _, _ in os.walk(without_page):
        Path(folder).chmod(0o555)
    without_page.chmod(mode)
    try:
        for arguments in READERS:
            done = program(*BOUND, *NIGHTFOLD, *arguments, "--state-dir", without_page)
            assert (done.code, "Traceback" in done.err) == (code, False), (arguments, done.err)
            if code:
                assert f"{str(without_page)!r} is not readable" in done.err
    finally:
        for folder, _, _ in os.walk(without_page):
            Path(folder).chmod(0o755)


@pytest.mark.parametrize("arguments", [["--port", "PORT"], ["--port", "99999"], ["--host", "no host"]], ids=" ".join)
def test_an_unavailable_port_is_reported_in_one_sentence(arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = [port if each == "PORT" else each for each in arguments]
        for command in ([sys.executable, "-m", "infra.messages_api"], [*NIGHTFOLD, "cloud", "--simulate"]):
            done = program(*command, *given)
            assert (done.code, "Traceback" in done.err) == (64, False), done.err
            assert given[1] in done.err
            assert given[0] == "--port" or ": --port: " not in done.err
