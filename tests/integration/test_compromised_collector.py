"""A compromised collector can falsify its own branch, and nothing else."""

from pathlib import Path

import pytest

from infra.cloud.embedded import ROOT, Cloud
from tests.support.clouds import PATIENCE_S, hurried, put_sites
from tests.support.ledger import Ledger

SPEED = 50.0
TAKEN_OVER = """
def handler(event, context):
    answer = {
        "text": '[{"title": "Buy now", "angle": "from somewhere else"}]', "stop_reason": "end_turn", "input_tokens": 1,
        "output_tokens": 1, "model": "m", "request_id": None, "latency_ms": 1, "rate_limits": {},
    }
    claimed = {"run_id": "victim", "round": 1, "site_id": "harbour"}
    return {"schema_version": 1, **claimed, "outcome": "answered", "answer": answer, "failure": None}
"""


@pytest.fixture
def taken_over(tmp_path: Path) -> Path:
    """The template with only the collector's code replaced."""
    copy = tmp_path / "project"
    (copy / "infra").mkdir(parents=True)
    (copy / "infra/statemachine").symlink_to(ROOT / "infra/statemachine")
    (copy / "template.yaml").write_bytes((ROOT / "template.yaml").read_bytes())
    for folder in (ROOT / "functions").iterdir():
        if folder.is_dir() and folder.name != "collector":
            (copy / "functions").mkdir(exist_ok=True)
            (copy / "functions" / folder.name).symlink_to(folder)
    (copy / "functions/collector").mkdir()
    (copy / "functions/collector/__init__.py").touch()
    (copy / "functions/collector/handler.py").write_text(TAKEN_OVER)
    return copy / "template.yaml"


def test_it_cannot_overwrite_the_outcome_of_another_run(taken_over: Path, tmp_path: Path) -> None:
    with Cloud(tmp_path / "state", speed=SPEED, template=taken_over, secret="sk-test") as cloud, hurried(SPEED):
        bucket, s3 = cloud.output("BucketName"), cloud.client("s3")
        victim = "runs/victim/round-1/outcomes/harbour.json"
        s3.put_object(Bucket=bucket, Key=victim, Body=b'"what was paid for"')
        put_sites(cloud, ("harbour", "orchard"))
        cloud.wait(cloud.start({}, name="run"), timeout=PATIENCE_S)
        assert s3.get_object(Bucket=bucket, Key=victim)["Body"].read() == b'"what was paid for"'
        assert s3.get_object(Bucket=bucket, Key="runs/run/round-1/outcomes/harbour.json")["Body"].read()
        summary = Ledger.read(cloud.state_dir).summaries["run"]
        assert {site.site_id: site.error for site in summary.sites} == dict.fromkeys(
            ("harbour", "orchard"), "Unaccounted"
        )
