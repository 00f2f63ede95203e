"""A run whose API key is a marker, through every failure of the table and every attack: the marker never appears."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.integration.command_line import nightfold
from tests.support.clouds import PATIENCE_S, put_sites
from tests.support.failure_table import TABLE
from tests.support.hostile_api import ATTACKS, HostileAPI

KEY = "sk-ant-MARKER-0123456789abcdef"
MARKER = "MARKER-0123456789abcdef"
SPEED = 20.0


def test_the_key_is_never_written_or_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    attacked = {f"attack-{number}": attack for number, attack in enumerate(ATTACKS)}
    scenario = Scenario.model_validate({"sites": {row.site_id: list(row.script) for row in TABLE}})
    with (
        caplog.at_level(logging.INFO),
        MessagesAPI(scenario, speed=SPEED) as upstream,
        HostileAPI(upstream.url) as api,
        Cloud(tmp_path, speed=SPEED, parameters={"AnthropicBaseUrl": api.url}, secret=KEY) as cloud,
    ):
        for row in TABLE:
            api.script(row.site_id, [])
        for site_id, attack in attacked.items():
            api.script(site_id, [attack] * 6)
        expected = {row.site_id: row.error for row in TABLE}
        history = run(cloud, expected | {site_id: ATTACKS[attack].error for site_id, attack in attacked.items()})
    printed = capfd.readouterr()
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) > len(TABLE) + len(ATTACKS)
    assert [path for path, content in written.items() if MARKER.encode() in content] == []
    assert MARKER not in printed.out + printed.err
    assert MARKER not in caplog.text
    assert MARKER not in history
    tokens = json.loads((tmp_path / "runs/everything/summary.json").read_text())["tokens"]
    assert 0 <= tokens["input"] < 10**10
    assert (tmp_path / "runs/everything/digest.html").stat().st_size > 10_000


def run(cloud: Cloud, expected: Mapping[str, str | None]) -> str:
    """A run over the sites of `expected`, which end as it says. Returns the execution's history."""
    put_sites(cloud, expected)
    given = {"max_concurrency": 64, "output_token_budget": 64 * 1_024, "request_timeout_s": 10}
    execution = cloud.wait(cloud.start(given, name="everything"), timeout=PATIENCE_S)
    assert execution.status == "SUCCEEDED"
    summary = json.loads((cloud.state_dir / "runs/everything/summary.json").read_text())
    ended = {site["site_id"]: site["error"] for site in summary["sites"]}
    assert {each: (ended[each], expected[each]) for each in expected if ended[each] != expected[each]} == {}
    assert summary["planned"] == summary["accepted"] + sum(summary["missed"].values()) == len(expected)
    return json.dumps(cloud.client("stepfunctions").get_execution_history(executionArn=execution.arn), default=str)


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY} x", f"“{KEY}”", f"{KEY}\x7f"])
def test_an_impossible_key_is_refused_before_anything_starts(tmp_path: Path, key: str) -> None:
    done = nightfold("run", "--state-dir", str(tmp_path / "state"), ANTHROPIC_API_KEY=key)
    assert done.code == 64
    assert "ANTHROPIC_API_KEY" in done.err
    assert "printable ASCII" in done.err
    assert MARKER not in done.out + done.err
    assert not list(tmp_path.rglob("*.json"))


def test_an_impossible_key_in_ssm_denies_access_and_is_not_quoted(tmp_path: Path) -> None:
    with Cloud(tmp_path, speed=SPEED, parameters={"AnthropicBaseUrl": "http://127.0.0.1:1"}, secret="a\nkey") as cloud:
        put_sites(cloud, ["harbour"])
        cloud.wait(cloud.start({}, name="run"), timeout=PATIENCE_S)
    [miss] = map(json.loads, (tmp_path / "runs/run/misses.jsonl").read_text().splitlines())
    assert (miss["error"], miss["reason"]) == ("AccessDenied", "unknown")
    assert "one word of printable ASCII" in miss["message"]
    assert "a\nkey" not in miss["message"]
