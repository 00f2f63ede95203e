"""What `nightfold doctor` finds in a state directory, and what it prints."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.cli import checks
from infra.cli.checks import Check, Finding, fix, note, ok
from infra.cli.laptop import Laptop
from infra.cli.laptop_checks import laptop_checks
from infra.state.directory import StateDirectory
from nightfold.errors import InvalidInput


def finding(state_dir: Path, check: str) -> Finding:
    (found,) = [each.finding for each in laptop_checks(Laptop(state_dir)) if each.name == check]
    return found


def test_a_state_directory_that_does_not_exist_yet_lacks_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    found = {check.name: check.finding for check in laptop_checks(Laptop(state))}
    assert [found[name].status for name in ("state directory", "configuration", "sites", "misses")] == ["ok"] * 4
    assert found["state directory"].found.startswith(f"{state} does not exist yet, ")
    assert found["sites"].found.startswith("4 sites in ")
    assert not state.exists()


def test_a_state_directory_in_use(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").open()
    try:
        found = finding(state.path, "state directory")
        assert (found.status, "is in use by another Nightfold process" in found.found) == ("note", True)
    finally:
        state.close()
    assert finding(state.path, "state directory").status == "ok"


def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert finding(tmp_path / "file", "state directory") == fix(
        f"--state-dir: {tmp_path / 'file'} cannot be created or written: {tmp_path / 'file'} does not allow it"
    )


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert finding(tmp_path, "state directory") == fix(f"only 99 MB are free where {tmp_path} is")


def test_what_a_run_would_refuse_is_found(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").open()
    state.close()
    (state.path / "configuration.json").write_text('{"remember": 1000}')
    (state.path / "sites.json").write_text('[{"site_id": "harbour", "domain": "harbour"}]')
    wrong = finding(state.path, "configuration")
    assert wrong.status == "fix"
    assert wrong.found.startswith(f"{state.path / 'configuration.json'}: remember: ")
    assert str(wrong.command).endswith(f" config FIELD=VALUE --state-dir {state.path}")
    (state.path / "configuration.json").write_text("{}")
    wrong = finding(state.path, "sites")
    assert (wrong.status, "site 1 (harbour), domain: must be a host name" in wrong.found) == ("fix", True)
    assert str(wrong.command).endswith(f" sites FILE --state-dir {state.path}")


def test_misses_are_no_defect(tmp_path: Path) -> None:
    for queue, files, sentence in (
        ("MissQueue", 2, "2 misses for the next redrive"),
        ("ParkedQueue", 1, "1 miss parked, which no run collects; 2 wait"),
    ):
        folder = tmp_path / "queues" / queue
        folder.mkdir(parents=True)
        for number in range(files):
            (folder / f"{number}.json").write_text(json.dumps({"message_id": str(number), "body": "{}", "sent_at": 0}))
        found = finding(tmp_path, "misses")
        assert (found.status, found.found) == ("note", sentence)
        assert str(found.command).endswith(f" misses --state-dir {tmp_path}")


def printed(capsys: pytest.CaptureFixture[str], *found: Finding, as_json: bool = False) -> tuple[int, str]:
    code = checks.shown((Check(f"check {n}", each) for n, each in enumerate(found)), as_json=as_json)
    return code, capsys.readouterr().out


def test_a_line_for_each_check_and_the_command_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ok("fine"), note("later", "do that")) == (
        0,
        "ok  check 0: fine\n--  check 1: later\n      do that\n",
    )
    assert printed(capsys, ok("fine"), fix("bad")) == (1, "ok  check 0: fine\n!!  check 1: bad\n")


def test_what_is_found_never_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = printed(capsys, fix("a\x1b[31m\nb", "c\x1b[0m\nd"))
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out


def test_findings_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = printed(capsys, ok("fine"), fix("bad", "do that"), as_json=True)
    assert (code, json.loads(out)) == (
        1,
        [
            {"check": "check 0", "status": "ok", "found": "fine", "command": None},
            {"check": "check 1", "status": "fix", "found": "bad", "command": "do that"},
        ],
    )


def test_a_finding_is_printed_before_the_next_check_begins(capsys: pytest.CaptureFixture[str]) -> None:
    def found() -> Iterator[Check]:
        yield Check("first", ok("fine"))
        assert capsys.readouterr().out == "ok  first: fine\n"
        yield Check("second", ok("fine"))

    assert checks.shown(found(), as_json=False) == 0


def test_what_cannot_be_found_out_is_a_note() -> None:
    def refused() -> Finding:
        raise InvalidInput("--stack: AWS did not answer: a timeout")

    (found,) = checks.looked({"mail": refused})
    assert found == Check("mail", note("not known: AWS did not answer: a timeout"))
