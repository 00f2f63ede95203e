"""The embedded cloud on a port, until somebody ends it."""

import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from infra.messages_api.endpoint import Endpoint
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY


def serve_until_stopped(
    endpoint: Endpoint, state_dir: Path, address: tuple[str, int], site_list: bytes, ready: Callable[[list[str]], None]
) -> None:
    """Serve until Ctrl-C or SIGTERM. `site_list` is put where there is none. Raises StateDirInUse, CorruptState."""
    from infra.cloud.embedded import Cloud

    host, port = address
    _check_port(host, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with (
        endpoint.open() as url,
        Cloud(
            state_dir,
            speed=endpoint.speed,
            parameters={"AnthropicBaseUrl": url, "ScheduleState": "DISABLED"},
            secret=endpoint.key,
        ) as cloud,
    ):
        bucket = cloud.output("BucketName")
        if not (state_dir / SITES_KEY).exists():
            cloud.client("s3").put_object(Bucket=bucket, Key=SITES_KEY, Body=site_list)
        with cloud.serve(port, host) as cloud_url, suppress(KeyboardInterrupt):
            ready(
                [
                    f"endpoint       {cloud_url}",
                    f"messages api   {url}{' (simulated)' if endpoint.simulated else ''}",
                    f"bucket         {bucket}",
                    f"miss queue     {cloud.output('MissQueueUrl')}",
                    f"parked queue   {cloud.output('ParkedQueueUrl')}",
                    f"state machine  {cloud.output('StateMachineArn')}",
                    f"configuration  {cloud.output('ConfigurationName')}",
                    "Ctrl-C ends it; everything stays in the state directory.",
                ]
            )
            over.wait()


def _check_port(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise InvalidInput(f"--port: {host}:{port} cannot be listened on ({error.strerror})") from None
