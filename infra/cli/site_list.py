"""The site list of a state directory."""

from dataclasses import dataclass
from pathlib import Path

from infra.cli.default_files import SITES, here_or_in_repository, read_file
from infra.state import regular_files
from nightfold.errors import InvalidInput

FILE = "sites.json"  # in the state directory


@dataclass(frozen=True)
class SiteListFile:
    """The list of a state directory, or the default list if it has none."""

    state_dir: Path

    @property
    def where(self) -> str:
        return str(self._own if regular_files.kind_of(self._own) else here_or_in_repository(SITES))

    def read(self) -> bytes:
        """Raises InvalidInput if the file cannot be read."""
        try:
            return regular_files.read_file(self._own)
        except (FileNotFoundError, NotADirectoryError):
            return read_file(default := here_or_in_repository(SITES), str(default))
        except OSError as error:
            raise InvalidInput(f"sites: {self._own} cannot be read ({error.strerror})") from None

    @property
    def _own(self) -> Path:
        return self.state_dir / FILE
