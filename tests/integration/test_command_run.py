"""`nightfold` from beginning to end: its streams, its exit codes, and what it leaves."""

import json
import re
import shlex
import signal
from pathlib import Path

import boto3
import pytest
from markupsafe import escape

from infra.cli.invocation import program_anywhere
from infra.cli.live_view import FRAMES_PER_SECOND
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.integration.command_line import (
    NIGHTFOLD,
    SITES,
    InATerminal,
    Started,
    in_a_process,
    nightfold,
    program,
    scenario,
    site_list,
)
from tests.support.clouds import wait_until

KEYS = [
    *("run_id", "status", "question", "planned", "accepted", "missed", "not_attempted", "regenerated", "model_calls"),
    *("rate_limited", "tokens", "cost_usd", "duration_s", "waves", "sites"),
]


def test_a_run_its_misses_and_the_redrive(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = in_a_process("run", "--json", "--speed", "20", "--state-dir", state)
    assert first.code == 2
    assert list(first.json) == KEYS
    assert (first.json["status"], first.json["planned"], first.json["accepted"]) == ("partial", 4, 3)
    assert first.json["missed"] == {"network": 0, "schema": 1, "unknown": 0}
    assert "export ANTHROPIC_API_KEY=" in first.err
    lines = first.err.splitlines()
    assert any(re.fullmatch(r"\d+\.\ds harbour stored", line) for line in lines)
    assert any(re.fullmatch(r"\d+\.\ds orchard retrying after Overloaded", line) for line in lines)
    assert any(re.fullmatch(r"\d+\.\ds meadow missed: schema, SchemaViolation", line) for line in lines)

    waiting = nightfold("misses", "--json", "--state-dir", state)
    assert [(miss["site_id"], miss["queue"], miss["attempts"]) for miss in waiting.json] == [("meadow", "waiting", 1)]
    assert waiting.json[0]["run_id"] == first.json["run_id"]

    before = sorted(state.rglob("*"))
    would = nightfold("redrive", "--dry-run", "--json", "--state-dir", state)
    assert (would.code, would.json["planned"], would.json["sites"][0]["reason"]) == (0, 1, "schema")
    assert would.json["worst_case"]["model_calls"] == 6
    assert sorted(state.rglob("*")) == before, "a dry run changes nothing"

    redriven = nightfold("redrive", "--speed", "20", "--state-dir", state)
    assert redriven.code == 0
    assert "complete: planned 1 = accepted 1 + missed 0" in redriven.out
    assert f"{state}/runs/redrive-" in redriven.out
    assert "1 site, 1 at once" in redriven.err
    assert "At most 6 calls, maximum cost: nothing (simulated; real: about $" in redriven.err

    nothing = nightfold("redrive", "--json", "--speed", "20", "--state-dir", state)
    assert (nothing.code, list(nothing.json), nothing.json["status"]) == (0, KEYS, "complete")
    assert (nothing.json["planned"], nothing.json["sites"]) == (0, [])
    assert "Nothing to do: no miss is waiting" in nothing.err
    assert nightfold("misses", "--json", "--state-dir", state).json == []


def test_a_run_without_any_answer_fails_and_shows_what_to_do(tmp_path: Path) -> None:
    api_says_no = scenario(tmp_path / "scenario.json", {}, default=[400])
    done = in_a_process("run", "--scenario", api_says_no, "--speed", "20", "--state-dir", tmp_path / "state")
    assert done.code == 1
    assert done.out.splitlines()[0] == done.out.splitlines()[-1]
    assert done.out.startswith("failed: planned 4 = accepted 0 + missed 4 (unknown 4)\n")
    assert re.search(r"harbour +missed: unknown, RequestRejected: attempt 1: 400 invalid_request_error", done.out)
    assert f"{shlex.join(NIGHTFOLD)} redrive --simulate --state-dir {tmp_path}" in done.out
    assert "results" not in done.out


def test_a_redrive_without_the_key_answers_no_real_miss(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with MessagesAPI(speed=20) as api:
        for site in SITES:
            api.script(site, [400])
        real = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": api.url}
        first = nightfold("run", "--json", "--state-dir", state, **real)
    assert (first.code, first.json["status"]) == (1, "failed")
    for more in ([], ["--simulate"], ["--dry-run"]):
        done = nightfold("redrive", *more, "--state-dir", state)
        assert done.code == 64
        assert "4 real misses left in the queue" in done.err
    misses = nightfold("misses", "--json", "--state-dir", state).json
    assert {(miss["queue"], miss["attempts"], miss["simulated"]) for miss in misses} == {("waiting", 1, False)}


def test_ctrl_c_keeps_stored_outcomes_and_they_are_not_paid_for_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with MessagesAPI(
        Scenario.model_validate({"sites": {site: ["hang" if site == "lantern" else "ok"] for site in SITES}})
    ) as api:
        real = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": f"{api.url}/"}
        first = Started(tmp_path, "run", "--json", "--state-dir", state, **real)
        for site in set(SITES) - {"lantern"}:
            first.wait_for(f"{site} stored")
        wait_until(lambda: api.calls("lantern") == 1)
        first.send(signal.SIGINT)
        first.wait_for("stopping after the call in progress; Ctrl-C again stops at once (3 outcomes kept)")
        assert first.ctrl_c() == 130  # lantern hangs: the second does not wait for it
        assert first.out == ""
        assert f"Kept: 3 of 4 outcomes, under {state}/runs/manual-" in first.err
        assert f"{shlex.join(NIGHTFOLD)} redrive --state-dir {state}" in first.err
        assert "Collecting from" in first.err
        assert "Error" not in first.err
        assert "Traceback" not in first.err
        assert len(list(state.glob("runs/*/round-1/outcomes/*.json"))) == 3
        assert "stopped before it finished: 3 of 4" in nightfold("misses", "--state-dir", state).err

        redriven = nightfold("redrive", "--json", "--state-dir", state, **real)
        assert (redriven.code, [site["site_id"] for site in redriven.json["sites"]]) == (0, ["lantern"])
        assert "stopped before it finished. It is now closed: 3 of 4 sites accepted" in redriven.err
        assert {site: api.calls(site) for site in SITES} == {"harbour": 1, "orchard": 1, "lantern": 2, "meadow": 1}


def test_titles_are_shown_as_plain_text(tmp_path: Path) -> None:
    title = "[bold red]Ten \\[/] tips \u2013 \u201creally\u201d \U0001f331"
    answer = json.dumps([{"title": title, "angle": "Plain."}])
    sites = site_list(tmp_path / "sites.json", ["harbour"])
    script = scenario(tmp_path / "scenario.json", {"harbour": [{"do": "text", "text": answer}]})
    done = nightfold("run", "--sites", sites, "--scenario", script, "--state-dir", tmp_path / "state")
    assert done.code == 0
    assert f"- {title}\n" in done.out
    assert "misses" not in done.out


def test_for_cron_a_run_prints_only_misses(tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path / "state")
    lost = scenario(tmp_path / "scenario.json", {"harbour": [400]})
    done = nightfold("run", "--quiet", "--limit", "2", "--scenario", lost, *state)
    assert (done.code, done.err.strip()) == (2, "")
    assert done.out.startswith("partial: planned 2 = accepted 1 + missed 1 (unknown 1)\n")
    page = next((tmp_path / "state").glob("runs/manual-*/digest.html")).read_text()
    assert f"{escape(program_anywhere())} redrive --simulate --state-dir {tmp_path / 'state'}</code>" in page
    (tmp_path / "state" / "runs" / "a copy").mkdir()
    missed_again = nightfold("redrive", "--quiet", "--scenario", lost, *state)
    assert (missed_again.code, missed_again.err) == (1, "runs/a copy is skipped: its name is not a run id.\n")
    redriven = nightfold("redrive", "--quiet", "--simulate", *state)
    assert (redriven.code, redriven.out, redriven.err) == (0, "", "")
    without_a_key = nightfold("redrive", "--quiet", *state)
    assert (without_a_key.code, without_a_key.out) == (0, "")
    assert "No ANTHROPIC_API_KEY is set" in without_a_key.err
    nothing = nightfold("redrive", "--quiet", "--simulate", *state)
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "")


def test_a_shell_completes_commands_and_options() -> None:
    def completed(*words: str) -> list[str]:
        line = {"COMP_WORDS": " ".join(("nightfold", *words)), "COMP_CWORD": str(len(words))}
        return in_a_process(_NIGHTFOLD_COMPLETE="bash_complete", **line).out.split()

    assert completed("re") == ["plain,redrive", "plain,report", "plain,results"]
    assert completed("run", "--on") == ["plain,--only"]


def test_the_embedded_cloud_stays_up_until_ctrl_c(tmp_path: Path) -> None:
    cloud = Started(tmp_path, "cloud", "--port", "0", "--state-dir", tmp_path / "state")
    cloud.wait_for("Press Ctrl-C to stop")
    named = dict(re.split(r" {2,}", line, maxsplit=1) for line in cloud.out.splitlines()[:-1])
    assert named["messages api"].endswith("(simulated)")
    assert named["credentials"].startswith(f"export AWS_ACCESS_KEY_ID={named['access key']} ")
    session = boto3.Session(named["access key"], "any", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=named["endpoint"])
    listed = [found["Key"] for found in s3.list_objects_v2(Bucket=named["bucket"])["Contents"]]
    s3.close()
    assert listed == ["config/sites.json"]
    assert cloud.ctrl_c() == 0


def test_a_terminal_shows_a_row_for_each_site(tmp_path: Path) -> None:
    code, shown = InATerminal("run", "--simulate", "--speed", "8", "--state-dir", tmp_path / "state").end()
    assert code == 2
    frames = [
        re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame) for frame in re.split(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*", shown)
    ]
    times = re.findall(r"429s: \d+ · (?:(\d+) min ?)?(?:([\d.]+) s)?", "".join(frames))
    shown_s = max(60 * int(minutes or 0) + float(seconds or 0) for minutes, seconds in times)
    assert 5 < len(frames) < FRAMES_PER_SECOND * shown_s + 10  # by the view's own clock
    for row in (
        # Which of the short states a busy machine shows is chance; tests/unit/infra/cli/test_progress.py has each row.
        r"[⠁-⣿] \w+ +(collecting|retrying|regenerating) ",
        r"  harbour  stored",
        r"━+ +\d of 4 stored.* · about \d+ s left · 429s",
        r"✓ lantern  accepted, 5 candidates",
        r"✗ meadow   missed: schema, SchemaViolation",
        r"━+ +4 of 4 stored, 2 of 2 again · 429s: 0 · (\d+ min|\d+(\.\d)? s)",
    ):
        assert any(re.search(row, frame) for frame in frames), row
    assert all(len(line) <= 80 for frame in frames[1:-1] for line in frame.splitlines())
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"


@pytest.mark.parametrize(
    ("command", "unused"),
    [
        (["--help"], {"pydantic", "rich.console", "yaml"}),
        (["plan"], {"rich.live"}),
        (["config"], {"rich.live"}),
        (["misses"], {"rich.live", "samtranslator"}),
    ],
)
def test_commands_that_only_read_do_not_load_the_embedded_cloud(command: list[str], unused: set[str]) -> None:
    unused |= {"moto", "anthropic"}
    heavy = "import sys, infra.cli.main as c; c.main(sys.argv[2:]); print(set(sys.argv[1].split()) & set(sys.modules))"
    assert program(NIGHTFOLD[0], "-c", heavy, " ".join(unused), *command).out.splitlines()[-1] == "set()"
