"""The smallest template of the kind that the embedded cloud supports, with its own functions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.cloud.embedded import Cloud
from infra.cloud.state_machine import Execution
from tests.support.clouds import PATIENCE_S
from tests.support.faults import Hook, meeting

TEMPLATE = Path(__file__).parent / "template.yaml"


def small_cloud(state_dir: Path, *, faults: Hook | None = None, **options: Any) -> Cloud:
    return Cloud(state_dir, template=TEMPLATE, around=faults and meeting(faults), **options)


def collect(cloud: Cloud, *items: Mapping[str, Any], at_once: int = 10) -> Execution:
    """One execution over these items, to its end."""
    cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key="items.json", Body=json.dumps(items).encode())
    return cloud.wait(cloud.start({"at_once": at_once}), timeout=PATIENCE_S)


def outcome(cloud: Cloud, item: str) -> Any:
    """The outcome that this item's branch stored, read from its file."""
    return json.loads((cloud.state_dir / "outcomes" / f"{item}.json").read_text())
