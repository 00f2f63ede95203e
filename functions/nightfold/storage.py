"""The bucket: its keys, and how the functions read and write it.

Single calls are retried by botocore's standard mode, and nowhere else; only a body that breaks off is read again here.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

CALLS = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=20)

_BODIES = 3  # of one object, if they break off

SITES_KEY = "config/sites.json"
PROFILE_KEY = "config/pace.json"  # how many branches at once earlier runs found good, by model
REDRIVE_LEASE_KEY = "config/redrive-lease.json"  # the execution that redrives: only one does at a time
CLOSED_RUNS_KEY = "config/closed-runs.json"  # the planner's note of runs that need not be looked at again


def plan_key(run_id: str) -> str:
    return f"runs/{run_id}/plan.json"


def items_key(run_id: str, round_: int) -> str:
    return f"runs/{run_id}/round-{round_}/items.json"


def pace_key(run_id: str, round_: int, wave: int) -> str:
    return f"runs/{run_id}/round-{round_}/wave-{wave}/pace.json"


def wave_items_key(run_id: str, round_: int, wave: int) -> str:
    return f"runs/{run_id}/round-{round_}/wave-{wave}/items.json"


def outcomes_prefix(run_id: str, round_: int) -> str:
    return f"runs/{run_id}/round-{round_}/outcomes/"


def outcome_key(run_id: str, round_: int, site_id: str) -> str:
    return f"{outcomes_prefix(run_id, round_)}{site_id}.json"


def results_prefix(run_id: str) -> str:
    return f"runs/{run_id}/results/"


def results_key(run_id: str, site_id: str) -> str:
    return f"{results_prefix(run_id)}{site_id}.json"


def memory_key(site_id: str, question: str) -> str:
    return f"sites/{site_id}/{question}/memory.json"


def misses_key(run_id: str) -> str:
    return f"runs/{run_id}/misses.jsonl"


def summary_key(run_id: str) -> str:
    return f"runs/{run_id}/summary.json"


def unclosable_key(run_id: str) -> str:
    return f"runs/{run_id}/unclosable.json"


def redriven_key(run_id: str) -> str:
    return f"runs/{run_id}/redriven.json"


def digest_key(run_id: str) -> str:
    return f"runs/{run_id}/digest.html"


class Source(Protocol):
    """Where runs are read from: the bucket, or the state directory of a laptop."""

    def get(self, key: str) -> bytes | None: ...
    def keys(self, prefix: str) -> Iterator[str]: ...
    def run_ids(self) -> Iterator[str]: ...


class Bucket:
    """One S3 bucket. Errors are botocore's, except that a missing object is a result."""

    def __init__(self, name: str, client: Any = None) -> None:
        self.name = name
        self._s3 = client or boto3.client("s3", config=CALLS.merge(Config(max_pool_connections=32)))

    def get(self, key: str) -> bytes | None:
        """The object's bytes; None if there is no object."""
        found = self._read(key)
        return found and found[0]

    def exists(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "NotFound", "404"}:
                return False
            raise
        return True

    def put(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Writes unless the object exists. Returns False also if our own write succeeded and its response was lost:
        the caller then reads the object and checks whose it is."""
        return self._put_if(key, body, IfNoneMatch="*")

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """Writes if the object is still the one that was read with `etag`."""
        return self._put_if(key, body, IfMatch=etag)

    def get_with_etag(self, key: str) -> tuple[bytes, str] | None:
        found = self._read(key)
        return found and (found[0], str(found[1]["ETag"]))

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of all objects under `prefix`."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for listed in page.get("Contents", []):
                yield str(listed["Key"])

    def run_ids(self) -> Iterator[str]:
        """The names of all runs that have stored anything."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix="runs/", Delimiter="/"):
            for prefix in page.get("CommonPrefixes", []):
                yield str(prefix["Prefix"]).removeprefix("runs/").removesuffix("/")

    def _read(self, key: str) -> tuple[bytes, Any] | None:
        """The object's bytes, and the response."""
        for attempt in range(_BODIES):
            try:
                response = self._s3.get_object(Bucket=self.name, Key=key)
                return bytes(response["Body"].read()), response
            except ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    return None
                raise
            except (IncompleteReadError, ResponseStreamingError):
                if attempt == _BODIES - 1:
                    raise
        return None

    def _put_if(self, key: str, body: bytes, *, tries: int = 3, **condition: str) -> bool:
        try:
            self._s3.put_object(Bucket=self.name, Key=key, Body=body, ContentType="application/json", **condition)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"PreconditionFailed", "412", "NoSuchKey"}:  # changed, or deleted, since it was read
                return False
            if code == "ConditionalRequestConflict" and tries > 1:  # two collided: S3 asks for another try
                return self._put_if(key, body, tries=tries - 1, **condition)
            raise
        return True
