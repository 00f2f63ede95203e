"""PlanRun over many sites with full memories, under AWS's runtime emulator."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nightfold.storage import SITES_KEY
from tests.performance import one_function

RUN_ID = "planned"
BRIEF = "A blog for people who run small container platforms and write about what broke."


def measure(sites: int, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The planner's call."""
    say(f"the planner over {sites:,} sites with full memories")
    state, names = work / "state", [f"site-{number:05}" for number in range(sites)]
    (state / SITES_KEY).parent.mkdir(parents=True)
    listed = [{"site_id": name, "domain": f"{name}.example", "brief": BRIEF} for name in names]
    (state / SITES_KEY).write_text(json.dumps(listed))
    one_function.remember(state, names)
    event = {
        "execution_id": f"arn:aws:states:us-east-1:123456789012:execution:nightly:{RUN_ID}",
        "execution_name": RUN_ID,
        "started_at": datetime.now(UTC).isoformat(),
        "input": {"max_concurrency": "auto"},
    }
    return {"sites": sites} | one_function.measure("Planner", state, work, [(event, {"planned": sites})])
