"""The site list of a deployed stack: an object in its bucket."""

from dataclasses import dataclass

from infra.stack.aws_errors import explained
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY, Bucket


@dataclass(frozen=True)
class StoredSiteList:
    """The stack's object with the site list. Raises InvalidInput where AWS refuses to answer."""

    bucket: Bucket
    putting: str  # the command that puts one there

    @property
    def where(self) -> str:
        return f"s3://{self.bucket.name}/{SITES_KEY}"

    def read(self) -> bytes:
        """Raises InvalidInput if there is none."""
        with explained("s3"):
            stored = self.bucket.get(SITES_KEY)
        if stored is None:
            raise InvalidInput(f"sites: there is no {self.where}; `{self.putting}` puts one there")
        return stored
