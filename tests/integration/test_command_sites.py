"""`nightfold sites` of a stack, against the embedded cloud over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stack.site_list import FORMER_KEY, StoredSiteList
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY, Bucket
from tests.integration.command_line import Started, nightfold
from tests.integration.served_stack import Served

pytestmark = pytest.mark.xdist_group("stack")

A, B, C = ({"site_id": name, "domain": f"{name}.example"} for name in "abc")


@pytest.fixture
def bucket(served: Served) -> Iterator[Bucket]:
    """The stack's bucket, which gets its list back."""
    bucket = Bucket(served.cloud.output("BucketName"), served.cloud.client("s3"))
    before = bucket.get(SITES_KEY)
    assert before is not None
    yield bucket
    bucket.put(SITES_KEY, before)
    bucket._s3.delete_object(Bucket=bucket.name, Key=FORMER_KEY)


def stored(bucket: Bucket, key: str = SITES_KEY) -> Any:
    return json.loads(bucket.get(key) or b"null")


def new(folder: Path, document: Any) -> str:
    file = folder / "new.json"
    file.write_text(json.dumps(document))
    return str(file)


@pytest.mark.parametrize("command", [("sites",), ("sites", "--json")])
def test_a_stack_shows_the_sites_that_its_state_directory_shows(served: Served, command: tuple[str, ...]) -> None:
    here, there = served.laptop(*command), served.stack(*command)
    address = f"s3://{served.cloud.output('BucketName')}/{SITES_KEY}"
    assert here.out
    assert (there.code, there.out, there.err) == (here.code, here.out.replace("events/sites.json", address), here.err)


def test_a_new_list_is_uploaded_and_the_former_one_is_kept(served: Served, bucket: Bucket, tmp_path: Path) -> None:
    first = stored(bucket)
    done = served.stack("sites", new(tmp_path, [*first, A]), "--yes")
    place = f"s3://{bucket.name}/config"
    assert done.out == f"5 sites written to {place}/sites.json\nthe former list is kept in {place}/former-sites.json\n"
    assert done.err == "added  a  a.example\n1 added; 5 sites instead of 4.\n"
    assert (stored(bucket), stored(bucket, FORMER_KEY)) == ([*first, A], first)
    again = served.stack("sites", new(tmp_path, [A, B]), "--yes", "--json")
    assert again.json == [A, B]
    assert "removed  harbour  harbour.example\n" in again.err
    assert "4 removed, 1 added; 2 sites instead of 5.\n" in again.err
    assert (stored(bucket), stored(bucket, FORMER_KEY)) == ([A, B], [*first, A])


def test_a_stack_without_a_list_names_the_command_that_puts_one(served: Served, bucket: Bucket, tmp_path: Path) -> None:
    bucket._s3.delete_object(Bucket=bucket.name, Key=SITES_KEY)
    refused = served.stack("sites", "--region", "us-east-1")
    assert (refused.code, refused.out) == (64, "")
    there_is_none = f"nightfold: sites: there is no s3://{bucket.name}/{SITES_KEY}; `"
    assert refused.err.startswith(there_is_none)
    assert refused.err.endswith("sites FILE --stack nightfold --region us-east-1` puts one there\n")
    done = served.stack("sites", new(tmp_path, [A]), "--yes")
    assert (done.err, done.out) == (
        "There is no list yet: 1 site added.\n",
        f"1 site written to s3://{bucket.name}/{SITES_KEY}\n",
    )
    assert (stored(bucket), stored(bucket, FORMER_KEY)) == ([A], None)


def test_a_bad_list_is_refused_and_nothing_is_uploaded(served: Served, bucket: Bucket, tmp_path: Path) -> None:
    before = stored(bucket)
    refused = served.stack("sites", new(tmp_path, [A, {"site_id": "b"}]), "--yes")
    assert (refused.code, refused.out) == (64, "")
    assert "new.json: site 2 (b), domain: is missing" in refused.err
    ssm, configuration = served.cloud.client("ssm"), "/nightfold/configuration"
    kept = ssm.get_parameter(Name=configuration)["Parameter"]["Value"]
    try:
        ssm.put_parameter(Name=configuration, Value='{"question": "articles_to_refresh"}', Overwrite=True)
        refused = served.stack("sites", new(tmp_path, [A]), "--yes")
    finally:
        ssm.put_parameter(Name=configuration, Value=kept, Overwrite=True)
    assert (refused.code, refused.out) == (64, "")
    assert "sites: a, facts.articles: is missing; the prompt of question articles_to_refresh uses it" in refused.err
    assert (stored(bucket), stored(bucket, FORMER_KEY)) == (before, None)


class Hurried:
    """S3's client, in an account where another operator is faster: before the next call of this operation he uploads a
    list of his own."""

    def __init__(self, bucket: Bucket, before: str) -> None:
        self._bucket, self._before = bucket, before

    def __getattr__(self, operation: str) -> Any:
        if operation == self._before:
            self._before = ""
            self._bucket.put(SITES_KEY, json.dumps([C]).encode())
        return getattr(self._bucket._s3, operation)


@pytest.mark.parametrize("list_before", [True, False])
@pytest.mark.parametrize("before", ["get_object", "put_object"])
def test_a_list_that_was_changed_meanwhile_is_not_replaced(bucket: Bucket, before: str, list_before: bool) -> None:
    if not list_before:
        bucket._s3.delete_object(Bucket=bucket.name, Key=SITES_KEY)
    seen = StoredSiteList(bucket, putting="").find()
    assert (seen is not None) == list_before
    hurried = StoredSiteList(Bucket(bucket.name, Hurried(bucket, before)), putting="")
    with pytest.raises(InvalidInput, match=r"^sites: the site list was changed meanwhile; look at it and try again$"):
        hurried.replace(seen, json.dumps([A]).encode())
    assert stored(bucket) == [C]


class Unheard:
    """S3's client on a bad line: the answer to a conditional write is lost, and the call is repeated."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._s3, operation)

    def put_object(self, **call: Any) -> Any:
        self._s3.put_object(**call)
        return self._s3.put_object(**call) if "IfMatch" in call or "IfNoneMatch" in call else None


@pytest.mark.parametrize("list_before", [True, False])
def test_a_write_whose_answer_was_lost_is_not_taken_for_a_change(bucket: Bucket, list_before: bool) -> None:
    if not list_before:
        bucket._s3.delete_object(Bucket=bucket.name, Key=SITES_KEY)
    content = json.dumps([A]).encode()
    with pytest.raises(ClientError, match="PreconditionFailed"):
        Unheard(bucket._s3).put_object(Bucket=bucket.name, Key="config/other.json", Body=b"", IfNoneMatch="*")
    bucket._s3.delete_object(Bucket=bucket.name, Key="config/other.json")
    place = StoredSiteList(Bucket(bucket.name, Unheard(bucket._s3)), putting="")
    assert (place.replace(place.find(), content) is None) != list_before
    assert bucket.get(SITES_KEY) == content


def test_the_embedded_cloud_begins_with_the_laptops_own_list(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    assert nightfold("sites", new(tmp_path, [A]), "--yes", "--state-dir", state_dir).code == 0
    (state_dir / SITES_KEY).unlink()
    cloud = Started(tmp_path, "cloud", "--port", "0", "--state-dir", state_dir)
    cloud.wait_for("Press Ctrl-C to stop")
    assert cloud.ctrl_c() == 0
    assert json.loads((state_dir / SITES_KEY).read_text()) == [A]
