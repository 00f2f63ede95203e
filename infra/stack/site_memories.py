"""Forgets what the sites of a deployed stack were offered before."""

from collections.abc import Iterable

from infra.stack.aws_errors import explained
from nightfold.errors import InvalidInput
from nightfold.memory import Kind, Memory, read_memory
from nightfold.storage import Bucket


def forget(bucket: Bucket, memories: Iterable[tuple[str, Kind | None]]) -> list[str]:
    """Empties the memories under these keys, of one kind each. One that cannot be read is kept under another key, as
    the notices say. Raises InvalidInput if a run writes the same memory meanwhile, and where AWS refuses to answer."""
    notices = []
    for key, kind in memories:
        with explained("s3"):
            if (stored := bucket.get_with_etag(key)) is None:
                continue
            document, etag = stored
            if (memory := read_memory(document)) is None:
                kept = f"{key.removesuffix('.json')}-{etag.strip('"')}.json"
                bucket.put(kept, document)
                notices.append(f"{key} could not be read (not a memory); it is kept as s3://{bucket.name}/{kept}.")
                emptied = Memory()
            elif kind is None:
                continue
            else:
                emptied = memory.model_copy(update={kind: []})
            document = emptied.model_dump_json(indent=2).encode()
            # A write whose answer was lost is refused when it is repeated.
            if not bucket.replace(key, document, etag) and bucket.get(key) != document:
                raise InvalidInput(f"memory: {key} was changed meanwhile; look at it and try again")
    return notices
