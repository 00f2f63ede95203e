"""A folder as a zip file whose bytes depend on the contents alone: sorted, undated, with fixed modes."""

import hashlib
import zipfile
from pathlib import Path

UNDATED = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold
MODE = 0o100644  # Lambda only needs to read


def pack(folder: Path, archive: Path) -> str:
    """Write `archive`; returns its SHA-256."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted((each for each in folder.rglob("*") if each.is_file()), key=lambda each: each.as_posix()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), UNDATED)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, MODE << 16
            packed.writestr(entry, file.read_bytes())
    return hashlib.sha256(archive.read_bytes()).hexdigest()
