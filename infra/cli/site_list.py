"""The site list of a state directory, replacing it, and the files that a command uses unless another is named."""

from dataclasses import dataclass
from pathlib import Path

from infra.cli.configuration import ROOT, check_writable
from infra.state import regular_files
from infra.state.directory import StateDirectory
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY

SITES = Path("events/sites.json")  # the default list
FILE, FORMER = "sites.json", "former-sites.json"  # in the state directory


@dataclass(frozen=True)
class SiteListFile:
    """The list of a state directory, or the default list if it has none."""

    state_dir: Path

    @property
    def where(self) -> str:
        return self.destination if regular_files.kind_of(self._own) else str(here_or_in_repository(SITES))

    @property
    def destination(self) -> str:
        return str(self._own)

    def read(self) -> bytes:
        """Raises InvalidInput if the file cannot be read."""
        if (own := self._read_own()) is not None:
            return own
        return read_file(default := here_or_in_repository(SITES), str(default))

    def find(self) -> bytes:
        return self.read()

    def replace(self, before: bytes | None, content: bytes) -> str | None:
        """Replace what `find` returned, here and in the bucket, which a redrive and `nightfold cloud` read. The default
        list is not kept. Raises InvalidInput if `before` is no longer the list, and what opening the state directory
        raises."""
        check_writable(self.state_dir)
        state = StateDirectory(self.state_dir).open()
        try:
            own = self._read_own()
            if before != (self.read() if own is None else own):
                raise InvalidInput("sites: the site list was changed meanwhile; look at it and try again")
            if own is not None:
                state.write(state.path / FORMER, own)
            state.write(state.path / SITES_KEY, content)
            state.write(state.path / FILE, content)  # last: if this ends in between, the same command finds a change
        finally:
            state.close()
        return None if own is None else str(self.state_dir / FORMER)

    def _read_own(self) -> bytes | None:
        try:
            return regular_files.read_file(self._own)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InvalidInput(f"sites: {self._own} cannot be read ({error.strerror})") from None

    def instead(self, file: Path) -> bytes:
        """Raises InvalidInput if the file cannot be read."""
        return read_file(file, f"--sites {file}")

    @property
    def _own(self) -> Path:
        return self.state_dir / FILE


def here_or_in_repository(path: Path) -> Path:
    """A default file: the current directory's if it exists, otherwise the repository's."""
    return path if path.exists() else ROOT / path


def read_file(path: Path, named: str) -> bytes:
    """Raises InvalidInput, which begins with `named`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{named}: cannot be read ({error.strerror})") from None
