"""The README's screenshots of the page and of the live view, from simulated runs: `make screenshots`."""

import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.cli.laptop import Laptop
from infra.cli.live_view import Rows
from infra.cli.progress import Progress
from infra.cli.report_pages import page_of
from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import read_scenario
from tests.e2e.chromium import browser

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "infra" / "docs"
LIMIT = 300_000  # bytes in total


def live_view() -> Path:
    """The rows of a terminal in the middle of a run, as rich draws them."""
    progress = Progress(site["site_id"] for site in json.loads((ROOT / "events/sites.json").read_text()))
    console = Console(record=True, width=80, height=24, file=io.StringIO(), force_terminal=True)
    scenario = read_scenario(ROOT / "events/scenario.json")
    with (
        tempfile.TemporaryDirectory() as folder,
        MessagesAPI(scenario, seed=2) as api,
        Cloud(
            Path(folder),
            speed=scenario.speed,
            parameters={"AnthropicBaseUrl": api.url},
            secret="sk-simulated",
            observe=progress.observe,
        ) as cloud,
    ):
        bucket = cloud.output("BucketName")
        sites = (ROOT / "events/sites.json").read_bytes()
        cloud.client("s3").put_object(Bucket=bucket, Key="config/sites.json", Body=sites)
        arn = cloud.start({}, name="night")
        while progress.stored < 2:  # two sites are done, the others are collecting
            cloud.wait(arn, timeout=0.2)
        console.print(Rows(progress))
        cloud.stop(arn)
    picture = PICTURES / "live.svg"
    drawn = console.export_svg(title="nightfold run")
    picture.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL))  # self-contained
    return picture


def take() -> list[Path]:
    """The first view of the page, light and dark."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state_dir = Path(folder) / "state"
        command = [sys.executable, "-m", "infra.cli.main", "run", "--simulate", "--seed", "4", "--speed", "40"]
        subprocess.run([*command, "--state-dir", str(state_dir)], cwd=ROOT, check=False, capture_output=True)  # noqa: S603
        with browser(Path(folder) / "profile") as window:
            pictures = []
            for scheme in ("light", "dark"):
                window.open(page_of(Laptop(state_dir), "latest"), dark=scheme == "dark", height=720)
                pictures.append(window.picture(PICTURES / f"page-{scheme}.webp"))
    return pictures


if __name__ == "__main__":
    taken = [*take(), live_view()]
    size = sum(picture.stat().st_size for picture in taken)
    for picture in taken:
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size:,} bytes")  # noqa: T201
    sys.exit(f"{size:,} bytes are more than {LIMIT:,}" if size > LIMIT else 0)
