"""`nightfold sites` and `nightfold key` of a stack, against the embedded cloud over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError

from infra.cli.main import BAD_INPUT, main
from infra.cloud import aws_response, http_server
from infra.cloud.moto_patches.interception import body_of
from infra.stack.site_list import FORMER_KEY, StoredSiteList
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY, Bucket
from tests.integration.command_line import Finished, InATerminal, Started, in_a_process, nightfold
from tests.integration.served_stack import Faulty, Served, overtaken

KEY = "sk-ant-MARKER-0123456789abcdef"
PARAMETER = "/nightfold/anthropic-api-key"
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
    assert (
        "new.json: site a, facts.articles: is missing; the prompt of question articles_to_refresh uses it"
        in refused.err
    )
    assert (stored(bucket), stored(bucket, FORMER_KEY)) == (before, None)


@pytest.mark.parametrize("list_before", [True, False])
@pytest.mark.parametrize("before", ["get_object", "put_object"])
def test_a_list_that_was_changed_meanwhile_is_not_replaced(bucket: Bucket, before: str, list_before: bool) -> None:
    if not list_before:
        bucket._s3.delete_object(Bucket=bucket.name, Key=SITES_KEY)
    seen = StoredSiteList(bucket, putting="").find()
    assert (seen is not None) == list_before
    s3 = overtaken(bucket._s3, before, lambda: bucket.put(SITES_KEY, json.dumps([C]).encode()))
    with pytest.raises(InvalidInput, match=r"^sites: the site list was changed meanwhile; look at it and try again$"):
        StoredSiteList(Bucket(bucket.name, s3), putting="").replace(seen, json.dumps([A]).encode())
    assert stored(bucket) == [C]


def unheard(put_object: Callable[..., Any], call: Any) -> Any:
    """The answer to a conditional write is lost, and the call is repeated."""
    put_object(**call)
    return put_object(**call) if "IfMatch" in call or "IfNoneMatch" in call else None


@pytest.mark.parametrize("list_before", [True, False])
def test_a_write_whose_answer_was_lost_is_not_taken_for_a_change(bucket: Bucket, list_before: bool) -> None:
    if not list_before:
        bucket._s3.delete_object(Bucket=bucket.name, Key=SITES_KEY)
    content = json.dumps([A]).encode()
    with pytest.raises(ClientError, match="PreconditionFailed"):
        unheard(bucket._s3.put_object, {"Bucket": bucket.name, "Key": "config/other.json", "IfNoneMatch": "*"})
    bucket._s3.delete_object(Bucket=bucket.name, Key="config/other.json")
    place = StoredSiteList(Bucket(bucket.name, Faulty(bucket._s3, "put_object", unheard)), putting="")
    assert (place.replace(place.find(), content) is None) != list_before
    assert bucket.get(SITES_KEY) == content


def former_list_refused(put_object: Callable[..., Any], call: Any) -> Any:
    if call["Key"] == FORMER_KEY:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
    return put_object(**call)


def test_a_list_that_cannot_be_kept_is_not_replaced(bucket: Bucket) -> None:
    before = bucket.get(SITES_KEY)
    place = StoredSiteList(Bucket(bucket.name, Faulty(bucket._s3, "put_object", former_list_refused)), putting="")
    with pytest.raises(InvalidInput, match="do not allow s3:PutObject"):
        place.replace(place.find(), json.dumps([A]).encode())
    assert bucket.get(SITES_KEY) == before


def test_the_embedded_cloud_begins_with_the_laptops_own_list(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    assert nightfold("sites", new(tmp_path, [A]), "--yes", "--state-dir", state_dir).code == 0
    (state_dir / SITES_KEY).unlink()
    cloud = Started(tmp_path, "cloud", "--port", "0", "--state-dir", state_dir)
    cloud.wait_for("Press Ctrl-C to stop")
    assert cloud.ctrl_c() == 0
    assert json.loads((state_dir / SITES_KEY).read_text()) == [A]


def key_in(served: Served) -> str:
    found = served.cloud.client("ssm").get_parameter(Name=PARAMETER, WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    return str(found["Value"])


@pytest.fixture
def no_key(served: Served) -> Iterator[None]:
    """A stack that was deployed and has no key yet."""
    ssm = served.cloud.client("ssm")
    with_key = ssm.get_parameters(Names=[PARAMETER], WithDecryption=True)["Parameters"]
    ssm.delete_parameters(Names=[PARAMETER])
    yield
    for found in with_key:
        ssm.put_parameter(Name=PARAMETER, Value=found["Value"], Type="SecureString", Overwrite=True)


@pytest.mark.usefixtures("no_key")
def test_a_key_is_stored_encrypted_and_not_printed(served: Served) -> None:
    first = served.stack("key", given=f" {KEY}\r\n")
    assert first == Finished(0, f"the API key is stored in {PARAMETER}; the next run uses it\n", "")
    assert key_in(served) == KEY
    second = served.stack("key", "--json", given=f"{KEY}2")
    assert second.json == {"parameter": PARAMETER, "replaced": True}
    assert second.err.startswith("A collector that is still warm uses the former key until it ends")
    assert key_in(served) == f"{KEY}2"
    assert KEY not in first.out + first.err + second.out + second.err


def test_a_key_that_is_not_one_of_anthropics_is_stored_with_a_warning(served: Served) -> None:
    done = served.stack("key", given="a-gateways-own-key")
    assert (done.code, key_in(served)) == (0, "a-gateways-own-key")
    assert done.err.startswith("Warning: the key does not begin with sk-ant-, as keys of the Claude API do.\n")


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (" \n", "key: nothing was typed, or standard input is empty"),
        (f"{KEY}\n{KEY}", "key: must be one word of printable ASCII, at most 512 characters, and these 61 are not"),
        (f"“{KEY}”", "key: must be one word"),
        (f"{KEY}\0", "key: must be one word"),
        (KEY * 10_000, "and these 10,000 are not"),
    ],
)
def test_what_cannot_be_a_key_is_refused_and_not_printed(served: Served, typed: str, complaint: str) -> None:
    served.cloud.client("ssm").put_parameter(Name=PARAMETER, Value=KEY, Type="SecureString", Overwrite=True)
    refused = served.stack("key", given=typed)
    assert (refused.code, refused.out, refused.err.count("\n")) == (64, "", 1)
    assert complaint in refused.err
    assert "MARKER" not in refused.err
    assert key_in(served) == KEY


@pytest.mark.parametrize("arguments", [[KEY], [f"--key={KEY}"], ["--value", KEY], [f"-{KEY}"], ["--", KEY]])
def test_a_key_as_an_argument_is_refused_and_not_printed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "--stack", "nightfold", *arguments]) == BAD_INPUT
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "key: takes no arguments" in printed.err
    assert "your shell's history may contain it now" in printed.err
    assert "MARKER" not in printed.err


def test_a_laptop_stores_no_key_and_asks_for_none(tmp_path: Path) -> None:
    refused = nightfold("key", "--state-dir", tmp_path / "state")
    assert (refused.code, refused.out) == (64, "")
    assert "is not stored but taken from the environment: export ANTHROPIC_API_KEY=sk-ant-…" in refused.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("options", [("--stack", "other"), ("--profile", "other")])
def test_a_stack_that_cannot_be_found_is_named_before_a_key_is_asked_for(
    served: Served, options: tuple[str, ...]
) -> None:
    refused = served.stack("key", *options, given="")
    assert refused.code == 64
    assert "other" in refused.err


def test_at_a_prompt_the_key_is_not_shown(served: Served) -> None:
    terminal = InATerminal("key", "--stack", "nightfold", **served.credentials())
    terminal.wait_for("API key: ")
    terminal.type(f"{KEY}3\n")
    code, shown = terminal.end()
    assert (code, key_in(served)) == (0, f"{KEY}3")
    assert "is stored in" in shown
    assert "MARKER" not in shown


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "AWS refused ssm:PutParameter: ValidationException: its message is not shown: it may quote the key"),
        (200, "what answered is not AWS; check AWS_ENDPOINT_URL"),
    ],
)
def test_a_failing_ssm_does_not_show_the_key(served: Served, status: int, sentence: str) -> None:
    def repeated(service: str, _: str, request: AWSPreparedRequest) -> AWSResponse:
        """Errors of the real SSM may quote a value that they refuse."""
        sent = body_of(request).decode()
        if status == 200:
            return aws_response.plain(request, 200, {}, f"<html>{sent}</html>".encode())
        return aws_response.error(request, service, 400, "ValidationException", f"Value {sent} is not valid")

    with http_server.served(repeated, lambda _: True, port=0) as url:
        talkative = {"AWS_ENDPOINT_URL_SSM": url, "PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "1"}
        refused = in_a_process("key", "--stack", "nightfold", given=KEY, **served.credentials(), **talkative)
    assert (refused.code, refused.out) == (64, "")
    assert sentence in refused.err
    assert "MARKER" not in refused.err
