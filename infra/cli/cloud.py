"""`nightfold cloud`: the embedded cloud on a port, until Ctrl-C."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.cli.options import simulation_options, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout

if TYPE_CHECKING:
    from infra.messages_api.endpoint import Endpoint, Simulation


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=4566, show_default=True, help="0 picks a free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on. For containers: docker0's."
)
@simulation_options
@state_dir_option
def cloud(port: int, host: str, simulation: "Simulation", state_dir: Path) -> int:
    """Serve the embedded cloud on a port until Ctrl-C."""
    from infra.cli.configuration import check_writable
    from infra.cli.site_list import SiteListFile, here_or_in_repository
    from infra.messages_api.endpoint import SCENARIO, choose_endpoint

    check_writable(state_dir)
    endpoint = choose_endpoint(os.environ, simulation, default_scenario=here_or_in_repository(SCENARIO))
    to_stderr(endpoint.notice)
    serve_until_stopped(endpoint, state_dir, (host, port), SiteListFile(state_dir).read(), ready=to_stdout)
    return 0


def serve_until_stopped(
    endpoint: "Endpoint",
    state_dir: Path,
    address: tuple[str, int],
    site_list: bytes,
    ready: Callable[[list[str]], None],
) -> None:
    """Serve until Ctrl-C or SIGTERM. `site_list` is the default if the bucket has none. Raises StateDirInUse,
    CorruptState."""
    from infra.cli.local_run import put_site_list, stack_parameters
    from infra.cloud.embedded import Cloud
    from infra.messages_api.endpoint import shown_url
    from nightfold.storage import SITES_KEY

    host, port = address
    _check_port(host, port)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with (
        endpoint.open() as url,
        Cloud(
            state_dir,
            speed=endpoint.speed,
            parameters=stack_parameters(endpoint, url, state_dir),
            secret=endpoint.key,
        ) as cloud,
    ):
        bucket = cloud.output("BucketName")
        if not (state_dir / SITES_KEY).exists():
            put_site_list(cloud, site_list)
        with cloud.serve(port, host) as cloud_url, suppress(KeyboardInterrupt):
            ready(
                [
                    f"endpoint       {cloud_url}",
                    f"access key     {cloud.access_key}",
                    f"credentials    export AWS_ACCESS_KEY_ID={cloud.access_key} "
                    "AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
                    f"messages api   {shown_url(url)}{' (simulated)' if endpoint.simulated else ''}",
                    f"bucket         {bucket}",
                    f"miss queue     {cloud.output('MissQueueUrl')}",
                    f"parked queue   {cloud.output('ParkedQueueUrl')}",
                    f"state machine  {cloud.output('StateMachineArn')}",
                    f"configuration  {cloud.output('ConfigurationName')}",
                    "Press Ctrl-C to stop. The state directory keeps everything.",
                ]
            )
            stopped.wait()


def _check_port(host: str, port: int) -> None:
    from nightfold.errors import InvalidInput

    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # what follows is the address again
        raise InvalidInput(f"--host, --port: cannot listen on {host}:{port} ({why})") from None
