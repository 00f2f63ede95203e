"""nightfold/storage.py"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from nightfold import storage
from nightfold.storage import Bucket
from tests.unit.outside import Outside, Wire, error

KEY = "runs/night/plan.json"


def test_an_object_that_is_not_there_is_an_answer(bucket: Bucket) -> None:
    assert bucket.get(KEY) is None
    assert bucket.get_with_etag(KEY) is None
    assert not bucket.exists(KEY)


def test_an_object_that_may_not_be_read_is_an_error(outside: Outside, bucket: Bucket) -> None:
    wire = Wire(outside.s3)
    wire.fail("GetObject", error(403, "AccessDenied"), error(403, "AccessDenied"))
    wire.fail("HeadObject", error(403, "AccessDenied"))
    for read in (bucket.get, bucket.get_with_etag, bucket.exists):
        with pytest.raises(ClientError):
            read(KEY)


def test_only_the_first_writer_gets_the_name(bucket: Bucket) -> None:
    assert bucket.put_if_absent(KEY, b"first")
    assert bucket.exists(KEY)
    assert not bucket.put_if_absent(KEY, b"second")
    assert bucket.get(KEY) == b"first"


def test_a_write_whose_response_was_lost_reads_as_taken_and_the_object_is_ones_own(
    outside: Outside, bucket: Bucket
) -> None:
    wire = Wire(outside.s3)
    wire.fail("PutObject", error(500, "InternalError"), got_through=True)
    assert not bucket.put_if_absent(KEY, b"mine")
    assert bucket.get(KEY) == b"mine"
    assert wire.sent == ["PutObject", "PutObject", "GetObject"]


def test_two_conditional_writes_that_met_are_tried_again(outside: Outside, bucket: Bucket) -> None:
    wire = Wire(outside.s3)
    wire.fail("PutObject", *[error(409, "ConditionalRequestConflict")] * 2)
    assert bucket.put_if_absent(KEY, b"mine")
    wire.fail("PutObject", *[error(409, "ConditionalRequestConflict")] * 3)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):  # and not "taken": perhaps nothing was written
        bucket.put_if_absent("other", b"mine")


def test_only_the_object_that_was_read_is_replaced(bucket: Bucket) -> None:
    bucket.put(KEY, b"first")
    read = bucket.get_with_etag(KEY)
    assert read is not None
    assert bucket.replace(KEY, b"second", read[1])
    assert not bucket.replace(KEY, b"third", read[1])
    assert bucket.get(KEY) == b"second"


@pytest.mark.parametrize("fault", [error(503, "SlowDown"), error(500, "InternalError")])
def test_botocore_tries_a_failing_call_five_times_and_no_more(outside: Outside, bucket: Bucket, fault: Any) -> None:
    wire = Wire(outside.s3)
    wire.fail("PutObject", *[fault] * 4)
    bucket.put(KEY, b"{}")
    assert wire.sent == ["PutObject"] * 5
    wire.fail("PutObject", *[fault] * 5)
    with pytest.raises(ClientError):
        bucket.put(KEY, b"{}")
    assert wire.sent == ["PutObject"] * 10


def test_keys_and_runs_are_listed_beyond_the_first_page(outside: Outside, bucket: Bucket) -> None:
    def small_pages(params: dict[str, Any], **_: object) -> dict[str, Any]:
        return {**params, "MaxKeys": 2}

    outside.s3.meta.events.register("provide-client-params.s3.ListObjectsV2", small_pages)
    for run in "abcde":
        bucket.put(storage.plan_key(run), b"{}")
        bucket.put(storage.summary_key(run), b"{}")
    assert list(bucket.run_ids()) == list("abcde")
    assert len(list(bucket.keys("runs/"))) == 10
    assert list(bucket.keys("runs/a/")) == ["runs/a/plan.json", "runs/a/summary.json"]
