"""Full memories for the sites of a run that is measured: as many headings as are kept."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightfold.memory import KEPT, Memory
from nightfold.question import DEFAULT
from nightfold.storage import memory_key

HEADING = "A heading of one of the nights before, about as long as they are, number"


def remember(state: Path, names: Iterable[str]) -> None:
    """Writes one for each site of the state directory."""
    began = datetime.now(UTC) - timedelta(days=1)
    memory = Memory().with_run("before", began, [f"{HEADING} {n}" for n in range(KEPT)], simulated=False)
    document = memory.model_dump_json(indent=2)
    for name in names:
        file = state / memory_key(name, DEFAULT)
        file.parent.mkdir(parents=True)
        file.write_text(document)
