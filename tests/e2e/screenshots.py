"""The README's pictures of the page, from one simulated night: `uv run python -m tests.e2e.screenshots`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local.report import page_of
from tests.e2e.chromium import browser

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "infra" / "docs"
LIMIT = 300_000  # bytes, all of them together


def take() -> list[Path]:
    """What a person sees first, light and dark."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state_dir = Path(folder) / "state"
        command = [sys.executable, "-m", "infra.local.command", "run", "--simulate", "--seed", "4", "--speed", "4"]
        subprocess.run([*command, "--state-dir", str(state_dir)], cwd=ROOT, check=False, capture_output=True)  # noqa: S603
        with browser(Path(folder) / "profile") as window:
            pictures = []
            for scheme in ("light", "dark"):
                window.open(page_of(state_dir, None), dark=scheme == "dark", height=800)
                pictures.append(window.picture(PICTURES / f"page-{scheme}.webp"))
    return pictures


if __name__ == "__main__":
    taken = take()
    size = sum(picture.stat().st_size for picture in taken)
    for picture in taken:
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size:,} bytes")  # noqa: T201
    sys.exit(f"{size:,} bytes are more than {LIMIT:,}" if size > LIMIT else 0)
