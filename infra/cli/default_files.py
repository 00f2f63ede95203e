"""The files that a command uses unless another is named, and reading what the user names."""

from pathlib import Path

from infra.cli.configuration import ROOT
from nightfold.errors import InvalidInput

SITES = Path("events/sites.json")


def here_or_in_repository(path: Path) -> Path:
    """A default file: the current directory's if it exists, otherwise the repository's."""
    return path if path.exists() else ROOT / path


def read_file(path: Path, named: str) -> bytes:
    """Raises InvalidInput, which begins with `named`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{named}: cannot be read ({error.strerror})") from None
