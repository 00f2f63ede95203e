"""PublishDigest in the real state machine: what it publishes, with which role, and that its failure costs nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.cli import report_pages
from infra.cli.laptop import Laptop
from infra.cli.run_names import closed_runs
from infra.cloud.embedded import Cloud
from infra.cloud.state_machine import Execution
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from infra.state.folder import Folder
from nightfold.branch import Outcome
from tests.support.clouds import PATIENCE_S, cloud_at, put_sites
from tests.support.faults import Hook, Refuse

SPEED = 20.0
SITES = ("harbour", "orchard", "meadow")
SCENARIO = {"sites": {"orchard": [529, "ok"], "meadow": ["prose", "prose"]}}


@contextmanager
def night(state_dir: Path, faults: Hook | None = None) -> Iterator[tuple[Cloud, Execution]]:
    """One partial run: meadow is missed."""
    with (
        MessagesAPI(Scenario.model_validate(SCENARIO), speed=SPEED) as api,
        cloud_at(state_dir, api.url, faults=faults, speed=SPEED, parameters={"MessagesApi": "simulated"}) as cloud,
    ):
        put_sites(cloud, SITES)
        night = cloud.start({"max_concurrency": 2, "request_timeout_s": 10}, name="night")
        yield cloud, cloud.wait(night, timeout=PATIENCE_S)


def sent(cloud: Cloud) -> list[tuple[str, str]]:
    """Subject and text of what was published, from moto's own record: SNS has no call that returns it."""
    from moto.sns.models import sns_backends

    topic = sns_backends["123456789012"]["us-east-1"].topics[cloud.physical("DigestTopic")]
    return [(str(subject), message) for _, message, subject, *_ in topic.sent_notifications]


@dataclass
class Morning:
    """The results after the cloud has closed; a process can have only one cloud."""

    state_dir: Path
    execution: Execution
    sent: list[tuple[str, str]]


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Morning:
    state_dir = tmp_path_factory.mktemp("digest")
    with night(state_dir) as (cloud, execution):
        return Morning(state_dir, execution, sent(cloud))


def test_the_run_ends_with_a_page_and_a_message(morning: Morning) -> None:
    assert morning.execution.status == "SUCCEEDED"
    assert "digest_failure" not in morning.execution.output
    page = (morning.state_dir / "runs/night/digest.html").read_text()
    assert "2 of 3 sites are in." in page
    assert "Simulated answers" in page
    assert "None is scheduled here" not in page  # this deployment has the template's schedule
    assert "<code>aws stepfunctions start-execution --region us-east-1 --state-machine-arn arn:aws:states:" in page
    assert "-nightly --input &#39;{&#34;mode&#34;:&#34;redrive&#34;}&#39;</code>" in page
    ((subject, text),) = morning.sent
    assert subject == "Nightfold night: 2 of 3 sites, 1 missed (schema), simulated"
    assert "runs/night/digest.html?" in text


def test_success_and_failure_record_their_times(morning: Morning) -> None:
    files = sorted(morning.state_dir.glob("runs/night/round-*/outcomes/*.json"))
    outcomes = [Outcome.model_validate_json(file.read_bytes()) for file in files]
    assert len(outcomes) == 4
    starts = set()
    for outcome in outcomes:
        assert outcome.started_at is not None
        assert outcome.ended_at is not None
        assert outcome.started_at < outcome.ended_at
        starts.add(outcome.started_at)
    assert len(starts) == 4  # each branch has its own, not the run's


def test_the_laptop_finds_the_same_page_without_a_cloud(morning: Morning) -> None:
    page = report_pages.page_of(Laptop(morning.state_dir), "latest")
    assert page == morning.state_dir / "runs/night/digest.html"
    page.rename(page.with_suffix(".old"))
    again = report_pages.page_of(Laptop(morning.state_dir), "night").read_text()
    assert "2 of 3 sites are in." in again
    assert "Simulated answers" in again
    assert [run.run_id for run in closed_runs(Folder(morning.state_dir))] == ["night"]


def test_a_redrive_links_its_page_and_the_nights_and_its_role_allows_that(tmp_path: Path) -> None:
    with night(tmp_path) as (cloud, _):
        given = {"mode": "redrive", "request_timeout_s": 10}
        redrive = cloud.wait(cloud.start(given, name="morning"), timeout=PATIENCE_S)
        assert redrive.output["status"] == "complete"
        assert "digest_failure" not in redrive.output
        assert len(sent(cloud)) == 2
    files = {name: tmp_path / "runs" / name / "digest.html" for name in ("night", "morning")}
    for here, there in (("night", "morning"), ("morning", "night")):
        [link] = set(re.findall(r'class="run-page" href="([^"]+)"', files[here].read_text()))
        assert (files[here].parent / link).resolve() == files[there]
    assert "meadow was collected later, by morning." in files["night"].read_text()
    files["night"].unlink()
    assert "meadow was collected later, by morning." in report_pages.page_of(Laptop(tmp_path), "night").read_text()


@pytest.mark.parametrize(
    ("service", "operation", "key"),
    [("s3", "PutObject", "digest.html"), ("s3", "GetObject", "misses.jsonl"), ("sns", "Publish", "")],
)
def test_a_reporter_that_fails_never_fails_the_run(tmp_path: Path, service: str, operation: str, key: str) -> None:
    def no(asked: str, of: str, parameters: Mapping[str, Any]) -> Refuse | None:
        met = (asked, of) == (service, operation) and str(parameters.get("Key", "")).endswith(key)
        return Refuse(500, "InternalError") if met else None

    with night(tmp_path, no) as (cloud, execution):
        assert execution.status == "SUCCEEDED"
        assert execution.output["status"] == "partial"
        assert execution.output["digest_failure"]["Error"] == "AwsUnavailable"
        assert sent(cloud) == []
    assert json.loads((tmp_path / "runs/night/summary.json").read_bytes())["accepted"] == 2
    assert (tmp_path / "runs/night/digest.html").exists() == (service == "sns")
