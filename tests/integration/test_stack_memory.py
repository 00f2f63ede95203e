"""`memory` of a stack: what it shows and forgets, as of a state directory, and never what a run writes meanwhile."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.stack.site_memories import forget
from nightfold.errors import InvalidInput
from nightfold.memory import read_memory
from nightfold.storage import Bucket, memory_key
from tests.integration.command_line import Finished
from tests.integration.served_stack import Served, overtaken


@pytest.fixture
def harbour(served: Served) -> Iterator[Path]:
    """The memory of harbour, which has three runs; afterwards as well."""
    file = served.state_dir / memory_key("harbour", "article_candidates")
    before = file.read_bytes()
    yield file
    shutil.rmtree(file.parent)
    file.parent.mkdir()
    file.write_bytes(before)


@pytest.mark.parametrize("options", [(), ("--json",), ("--kind", "real")])
def test_a_stack_remembers_what_its_state_directory_remembers(served: Served, options: tuple[str, ...]) -> None:
    here, there = (place("memory", "harbour", *options) for place in (served.laptop, served.stack))
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    assert here.code == 0


def test_a_site_without_a_memory_is_corrected(served: Served) -> None:
    assert served.stack("memory", "harbor").err == "Nothing is remembered of harbor. Did you mean harbour?\n"


def test_a_stack_forgets_as_a_laptop_does(served: Served, harbour: Path, copy: Callable[..., Finished]) -> None:
    command = ("memory", "harbour", "--forget", "--kind", "simulated", "--yes", "--json")
    here, there = copy(*command), served.stack(*command)
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    (part,) = there.json
    assert len(part["headings"]) >= 3
    memory = read_memory(harbour.read_bytes())
    assert memory is not None
    assert (memory.real, memory.simulated) == ([], [])


def test_a_memory_that_cannot_be_read_is_kept_under_another_key(served: Served, harbour: Path) -> None:
    harbour.write_text("{")
    assert "its memory cannot be read" in served.stack("memory", "harbour").out
    forgotten = served.stack("memory", "harbour", "--forget", "--yes")
    assert (forgotten.code, forgotten.out) == (0, "Forgotten: a memory that cannot be read (article_candidates).\n")
    (kept,) = (file for file in harbour.parent.iterdir() if file != harbour)
    assert kept.read_text() == "{"
    assert f"it is kept as s3://{served.cloud.output('BucketName')}/{kept.relative_to(served.state_dir)}" in (
        forgotten.err
    )
    assert served.stack("memory", "harbour").err == "Nothing is remembered of harbour.\n"


def test_a_memory_that_a_run_writes_meanwhile_is_not_forgotten(served: Served, harbour: Path) -> None:
    before = harbour.read_bytes()
    s3 = overtaken(served.cloud.client("s3"), "put_object", lambda: harbour.write_bytes(before + b"\n"))
    bucket = Bucket(served.cloud.output("BucketName"), s3)
    key = str(harbour.relative_to(served.state_dir))
    with pytest.raises(InvalidInput, match=r"memory.json was changed meanwhile; look at it and try again"):
        forget(bucket, [(key, "simulated")])
    assert harbour.read_bytes() == before + b"\n"
