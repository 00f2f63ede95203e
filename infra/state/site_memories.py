"""Forgets what the sites of a state directory were offered before."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from infra.state.directory import StateDirectory
from infra.state.object_files import Objects
from nightfold.memory import Kind, read_memory


def forget(state_dir: Path, memories: Iterable[tuple[str, Kind | None]]) -> list[str]:
    """Empties the memories under these keys, of one kind each. One that cannot be read is set aside, as the notices
    say. Raises what opening the state directory raises."""
    with closing(StateDirectory(state_dir).open()) as state:
        objects = Objects(state)
        for key, kind in memories:
            if (stored := objects.get(key)) is None:
                continue
            memory = read_memory(stored[0])
            if memory is None:
                state.set_aside(objects.path(key), "not a memory")
            elif kind is not None:
                objects.put(key, memory.model_copy(update={kind: []}).model_dump_json(indent=2).encode())
    return state.notices
