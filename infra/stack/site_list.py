"""The site list of a deployed stack: an object in its bucket."""

from dataclasses import dataclass
from pathlib import Path

from infra.stack.aws_errors import explained
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY, Bucket

FORMER_KEY = "config/former-sites.json"


@dataclass(frozen=True)
class StoredSiteList:
    """The stack's object with the site list. Raises InvalidInput where AWS refuses to answer."""

    bucket: Bucket
    putting: str  # the command that puts one there

    @property
    def where(self) -> str:
        return self._address(SITES_KEY)

    @property
    def destination(self) -> str:
        return self.where

    def read(self) -> bytes:
        """Raises InvalidInput if there is none."""
        if (stored := self.find()) is None:
            raise InvalidInput(f"sites: there is no {self.where}; `{self.putting}` puts one there")
        return stored

    def find(self) -> bytes | None:
        with explained("s3"):
            return self.bucket.get(SITES_KEY)

    def instead(self, file: Path) -> bytes:
        """Refused: PlanRun reads the stack's own list."""
        raise InvalidInput(
            f"--sites {file}: the runs of a stack read {self.where}; --only and --limit narrow it, `{self.putting}` "
            "replaces it"
        )

    def replace(self, before: bytes | None, content: bytes) -> str | None:
        """Replace what `find` returned, after it was copied. Raises InvalidInput if the list is another one by now."""
        with explained("s3"):
            found = self.bucket.get_with_etag(SITES_KEY)
            if (found and found[0]) != before:
                raise InvalidInput(_CHANGED)
            if found is None:
                written = self.bucket.put_if_absent(SITES_KEY, content)
            else:
                self.bucket.put(FORMER_KEY, found[0])
                written = self.bucket.replace(SITES_KEY, content, etag=found[1])
            # A write whose answer was lost is refused when it is repeated.
            if not written and self.bucket.get(SITES_KEY) != content:
                raise InvalidInput(_CHANGED)
        return None if found is None else self._address(FORMER_KEY)

    def _address(self, key: str) -> str:
        return f"s3://{self.bucket.name}/{key}"


_CHANGED = "sites: the site list was changed meanwhile; look at it and try again"
