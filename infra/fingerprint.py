"""What a stack is built from, as a short text.

`make build` writes it into the template that it makes, and `nightfold doctor` compares it with the folder at hand.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("template.yaml", "infra/statemachine/nightly.asl.json", "uv.lock", "functions")  # files and folders
UNKNOWN = "unknown"  # the template's own value: `sam build` keeps it


def fingerprint(sources: Sequence[str] = SOURCES, root: Path = ROOT) -> str:
    """The same for the same files, whatever their dates."""
    found = hashlib.sha256()
    for source in sources:
        files = [root / source] if (root / source).is_file() else sorted((root / source).rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("."):
                found.update(str(file.relative_to(root)).encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:16]
