"""A zip's bytes depend on the contents alone."""

import os
import zipfile
from pathlib import Path

from infra.packaging.archive import pack


def folder_with(root: Path, names: list[str]) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"the text of {name}")
    return root


def test_dates_modes_and_order_do_not_change_the_zip(tmp_path: Path) -> None:
    one = folder_with(tmp_path / "one", ["a.py", "b/c.py", "b/d.so"])
    other = folder_with(tmp_path / "elsewhere" / "other", ["b/d.so", "b/c.py", "a.py"])
    os.utime(other / "a.py", (1, 1))
    (other / "b/d.so").chmod(0o700)
    assert pack(one, tmp_path / "one.zip") == pack(other, tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_a_changed_letter_changes_the_zip(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "one", ["a.py"])
    before = pack(folder, tmp_path / "before.zip")
    (folder / "a.py").write_text("another")
    assert pack(folder, tmp_path / "after.zip") != before


def test_lambda_can_read_every_file(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "one", ["a.py", "b/c.py"])
    (folder / "a.py").chmod(0o600)
    pack(folder, tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert packed.namelist() == ["a.py", "b/c.py"]
        assert {entry.external_attr >> 16 for entry in packed.infolist()} == {0o100644}
