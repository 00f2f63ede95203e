"""What `infra.cloud.moto_patches` relies on in moto. When moto changes, this fails first, and says where to look."""

import inspect
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.cloud.moto_patches import VERSION, imports
from infra.cloud.moto_patches.imports import ABSENT
from tests.integration.small_cloud import small_cloud

imports.load()

from moto.logs.models import LogsBackend  # noqa: E402
from moto.s3.models import FakeBucket, S3Backend  # noqa: E402
from moto.sqs.models import Queue, SQSBackend  # noqa: E402
from moto.stepfunctions.parser import utils as parser_utils  # noqa: E402
from moto.stepfunctions.parser.asl.component import eval_component  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsDecl  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout  # noqa: E402
from moto.stepfunctions.parser.asl.component.program.program import Program  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (  # noqa: E402
    distributed_iteration_component,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (  # noqa: E402
    distributed_item_processor_worker,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction  # noqa: E402
from moto.stepfunctions.parser.asl.utils import boto_client, json_path  # noqa: E402

WORKER = distributed_item_processor_worker.DistributedItemProcessorWorker

BODIES: list[tuple[Any, str]] = [  # source that a patch replaces or relies on, word for word
    (WORKER._eval_pool, "self._eval_pool(job=next_job, worker_frame=worker_frame)"),
    (WORKER._eval_pool, "worker_frame.delete_frame(job_frame)"),
    (WaitFunction._wait_interval, "env.program_state_event.wait(wait_seconds)"),
    (Timeout._eval_body, "env.stack.append(seconds)"),
    (vars(eval_component.EvalComponent)["heap_key"].fget, "self.__heap_key = long_uid()"),
    (Program.eval, "self.timeout_seconds.timeout_seconds"),
    (retrier_decl.RetrierDecl._eval_body, "time.sleep(interval_seconds)"),
    (distributed_iteration_component.DistributedIterationComponent._eval_body, "env.event_manager = EventManager()"),
    (ResultPath._eval_body, "parse(self.result_path_src)"),
    (boto_client.boto_client_for, "return boto3.client("),
    (json_path.extract_json, "parse(path)"),
    (Queue.add_message, "self._messages.append(message)"),
    (SQSBackend.receive_message, "for message in queue.messages:"),
    (SQSBackend.receive_message, "message.mark_received(visibility_timeout=visibility_timeout)"),
    (SQSBackend.receive_message, "queue._messages.remove(message)"),
    (SQSBackend.receive_message, "queue.dead_letter_queue.add_message(message)"),
    (SQSBackend.change_message_visibility, "for message in queue._messages:"),
    (SQSBackend.purge_queue, "queue._messages = []"),
    (LogsBackend.filter_log_events, "log_group = self.groups[log_group_name]"),
    (S3Backend.put_object, "bucket.keys.setlist(key_name, keys)"),
    (S3Backend.get_object, "key = bucket.keys[key_name]"),
    (S3Backend.delete_object, "bucket.keys.pop(key_name)"),
    (FakeBucket.__init__, "self.keys = _VersionedKeyStore()"),
]


def test_moto_has_the_version_that_the_patches_were_written_against() -> None:
    pinned = re.search(r"moto\[.*\]==([\d.]+)", Path("pyproject.toml").read_text())
    assert pinned is not None
    assert version("moto") == VERSION == pinned[1]


@pytest.mark.parametrize(("function", "line"), BODIES, ids=lambda value: getattr(value, "__qualname__", ""))
def test_source_that_a_patch_relies_on_is_unchanged(function: Any, line: str) -> None:
    assert line in inspect.getsource(function)


def test_every_service_that_is_left_out_exists() -> None:
    assert [service for service in ABSENT if find_spec(f"moto.{service}") is None] == []


def test_cloudformation_imports_no_service_that_is_neither_used_nor_left_out() -> None:
    parsing = Path(str(find_spec("moto.cloudformation").submodule_search_locations[0])) / "parsing.py"  # type: ignore[union-attr,index]
    imported = set(re.findall(r"^from moto\.(\w+)", parsing.read_text(), re.MULTILINE))
    used = {"awslambda", "cloudformation", "core", "events", "iam", "kms", "s3", "sns", "sqs", "ssm", "stepfunctions"}
    assert imported - ABSENT <= used | {"utilities"}


def test_everything_is_as_before_when_the_cloud_has_closed(tmp_path: Path) -> None:
    def patched() -> list[Any]:
        functions = [function for function, _ in BODIES]
        return [*(vars(_owner(function)).get(function.__name__) for function in functions), vars(boto_client)["boto3"]]

    before = patched()
    with small_cloud(tmp_path) as cloud:
        assert patched() != before
        assert cloud.invoke("Probe", {"do": "echo"})[1] is None
    assert patched() == before
    assert parser_utils.TMP_THREADS == []


def test_an_object_is_the_same_whether_moto_answers_or_not(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        s3, bucket = cloud.client("s3"), cloud.output("BucketName")

        def described(key: str, **options: str) -> dict[str, Any]:
            answer = s3.get_object(Bucket=bucket, Key=key, **options)
            kept = {name: answer[name] for name in ("ETag", "ContentType", "ContentLength", "LastModified")}
            return kept | {"Body": answer["Body"].read()}

        for key in ("a.json", "deep/er/b c+d%é.txt", "without-kind"):
            plainly = s3.put_object(Bucket=bucket, Key=key, Body="as text: é".encode())
            by_moto = s3.put_object(
                Bucket=bucket, Key=f"moto/{key}", Body="as text: é".encode(), StorageClass="STANDARD"
            )
            assert plainly["ETag"] == by_moto["ETag"]
            assert (tmp_path / key).read_bytes() == (tmp_path / "moto" / key).read_bytes()
            assert described(key) == described(key, IfNoneMatch="another")  # a condition is moto's


def test_branches_that_fail_at_the_same_moment_count_their_attempts_under_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrier, of_the_other_branch = MaxAttemptsDecl(2), list[str]()

    def made_by_two() -> str:
        if not of_the_other_branch:
            of_the_other_branch.append("")
            of_the_other_branch[0] = retrier.heap_key
        return uuid4().hex

    monkeypatch.setattr(eval_component, "long_uid", made_by_two)
    with small_cloud(tmp_path):
        assert retrier.heap_key == retrier.heap_key
        assert of_the_other_branch in ([], [retrier.heap_key])
    assert MaxAttemptsDecl(2).heap_key != MaxAttemptsDecl(2).heap_key


def _owner(function: Any) -> Any:
    owner: Any = inspect.getmodule(function)
    for name in function.__qualname__.split(".")[:-1]:
        owner = getattr(owner, name)
    return owner
