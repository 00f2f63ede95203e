"""What the sites of a state directory were offered before; and forgetting it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.state.directory import StateDirectory
from infra.state.folder import Folder
from infra.state.object_files import Objects
from infra.state.places import UnsafeState, check_folder
from nightfold.memory import Remembered, read_memory
from nightfold.storage import memory_key


@dataclass(frozen=True)
class Part:
    """What real, or simulated, runs remember of one site and question."""

    question: str
    kind: Literal["real", "simulated"] | None  # None: it cannot be read
    remembered: Sequence[Remembered] | None  # the newest first


def parts(state_dir: Path, site_id: str) -> Iterator[Part]:
    """By question, without those that are empty."""
    for question in folders(state_dir, f"sites/{site_id}"):
        if (document := Folder(state_dir).get(memory_key(site_id, question))) is None:
            continue
        if (memory := read_memory(document)) is None:
            yield Part(question, None, None)
            continue
        if memory.real:
            yield Part(question, "real", memory.real[::-1])
        if memory.simulated:
            yield Part(question, "simulated", memory.simulated[::-1])


def folders(state_dir: Path, prefix: str) -> list[str]:
    """The names of the folders in a folder."""
    try:
        check_folder(state_dir, state_dir / prefix)
        with os.scandir(state_dir / prefix) as found:
            return sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError, UnsafeState):
        return []


def forget(state_dir: Path, site_id: str, forgotten: Sequence[Part]) -> list[str]:
    """Empties these parts of the site's memories. One that cannot be read is set aside, as the notices say. Raises what
    opening the state directory raises."""
    if not forgotten:
        return []
    state = StateDirectory(state_dir).open()
    try:
        objects = Objects(state)
        for part in forgotten:
            key = memory_key(site_id, part.question)
            if (stored := objects.get(key)) is None:
                continue
            memory = read_memory(stored[0])
            if memory is None:
                state.set_aside(objects.path(key), "not a memory")
            elif part.kind is not None:
                objects.put(key, memory.model_copy(update={part.kind: []}).model_dump_json(indent=2).encode())
    finally:
        state.close()
    return state.notices
