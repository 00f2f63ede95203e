"""The bucket's objects as files."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.state.directory import StateDirectory
from infra.state.object_files import KeyIsNotAPath, Objects
from tests.support.effort import touched


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    state = StateDirectory(tmp_path).open()
    yield Objects(state)
    state.close()


def test_an_object_is_a_file_under_its_key(objects: Objects, tmp_path: Path) -> None:
    objects.put("runs/one/summary.json", b"{}")
    assert (tmp_path / "runs" / "one" / "summary.json").read_bytes() == b"{}"
    content, written = objects.get("runs/one/summary.json") or (b"", 0)
    assert content == b"{}"
    assert abs(written - time.time()) < 60


def test_a_file_that_the_user_put_there_is_an_object(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sites.json").write_text("[]")
    assert objects.has("config/sites.json")
    assert objects.list()[0] == ["config/sites.json"]


def test_a_missing_object_is_none(objects: Objects) -> None:
    objects.put("a/b", b"")
    assert objects.get("a") is None
    assert objects.get("a/b/c") is None
    assert not objects.delete("nothing")


def test_a_listing_goes_by_prefix_and_delimiter_as_in_s3(objects: Objects) -> None:
    for key in ("runs/a/plan.json", "runs/a/summary.json", "runs/b/plan.json", "runs.txt", "config/sites.json"):
        objects.put(key, b"")
    assert objects.list("runs/", "/") == ([], ["runs/a/", "runs/b/"])
    assert objects.list("runs/a/", "/") == (["runs/a/plan.json", "runs/a/summary.json"], [])
    assert objects.list("runs") == (["runs.txt", "runs/a/plan.json", "runs/a/summary.json", "runs/b/plan.json"], [])
    assert objects.list("", "/") == (["runs.txt"], ["config/", "runs/"])
    assert objects.list("run", "/") == (["runs.txt"], ["runs/"])


def test_an_empty_folder_is_not_a_prefix(objects: Objects) -> None:
    objects.put("runs/a/plan.json", b"")
    assert objects.delete("runs/a/plan.json")
    assert objects.list("runs/", "/") == ([], [])


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a//b",
        "a/",
        "../a",
        "a/../../b",
        "./a",
        "a\0b",
        "queues/x",
        "state.json",
        "sites.json",
        "lock",
        ".tmp/x",
    ],
)
def test_a_key_that_is_not_a_path_below_the_directory_is_refused(objects: Objects, key: str) -> None:
    with pytest.raises(KeyIsNotAPath):
        objects.put(key, b"")
    assert objects.get(key) is None


def test_the_clouds_own_files_are_not_objects(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "queues" / "MissQueue").mkdir(parents=True)
    (tmp_path / "queues" / "MissQueue" / "x.json").write_text("{}")
    (tmp_path / "configuration.json").write_text("{}")
    assert objects.list() == ([], [])


def test_one_folder_is_listed_without_reading_those_below_or_next_to_it(objects: Objects, tmp_path: Path) -> None:
    objects.put("config/sites.json", b"")
    for run in range(40):
        objects.put(f"runs/{run}/summary.json", b"")
        for site in range(3):
            objects.put(f"runs/{run}/round-1/outcomes/{site}.json", b"")
    with touched() as seen:
        assert len(objects.list("runs/", "/")[1]) == 40
    runs = tmp_path / "runs"
    assert sorted(map(Path, seen.listed)) == sorted([runs, *(runs / str(run) for run in range(40))])
    assert len(seen.entries) == 40 + 40  # one of each run, to know that it is not empty
    assert seen.opened == []
