"""Opens an embedded cloud for tests: with a simulated Messages API, with faults, and with sites to collect."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest import mock

import botocore.endpoint

from infra.cloud.embedded import Cloud
from tests.support.faults import Hook, meeting

PATIENCE_S = 240  # real seconds after which something counts as hanging, however busy the machine is
UNLIMITED = {"requests_per_minute": 10**9, "input_tokens_per_minute": 10**12, "output_tokens_per_minute": 10**12}


def wait_until(condition: Callable[[], bool]) -> None:
    """The limit only ends a hang."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cloud_at(
    state_dir: Path,
    api_url: str,
    *,
    faults: Hook | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
    **options: Any,
) -> Cloud:
    """A cloud of the template; `options` are those of Cloud."""
    given = {"AnthropicBaseUrl": api_url, **parameters}
    return Cloud(state_dir, parameters=given, secret="sk-test", around=faults and meeting(faults), **options)


def put_sites(cloud: Cloud, names: Iterable[str]) -> None:
    """Store a site list with these names, each with its own domain."""
    document = json.dumps([{"site_id": name, "domain": f"{name}.example"} for name in names]).encode()
    cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=document)


@contextmanager
def hurried(speed: float) -> Iterator[None]:
    """Shortens botocore's waits between attempts and SQS's long polls too."""
    from moto.sqs.models import SQSBackend

    receive = SQSBackend.receive_message

    def receive_soon(backend: Any, queue: str, count: int, wait: Any, *rest: Any) -> Any:
        return receive(backend, queue, count, wait / speed, *rest)

    sleeping = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / speed))
    with (
        mock.patch.object(SQSBackend, "receive_message", receive_soon),
        mock.patch.object(botocore.endpoint, "time", sleeping),
    ):
        yield
