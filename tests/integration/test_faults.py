"""AWS faults, as a function's botocore and the state machine see them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.small_cloud import collect, outcome, small_cloud
from tests.support.faults import Delay, FailEntries, Fault, LoseTheAnswer, NeverArrive, Refuse, TimeOut


class Faults:
    """A script of faults for each operation, and a history of calls."""

    def __init__(self, **script: list[Fault | None]) -> None:
        self._script = script
        self.calls: Counter[str] = Counter()
        self.parameters: dict[str, Mapping[str, Any]] = {}

    def __call__(self, _service: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        self.calls[operation] += 1
        self.parameters[operation] = parameters
        script = self._script.get(operation)
        return script.pop(0) if script else None


def ask(state_dir: Path, faults: Faults, service: str, operation: str, **parameters: Any) -> Any:
    """The result of the function Reader."""
    with small_cloud(state_dir, faults=faults) as cloud:
        return cloud.invoke("Reader", {"service": service, "operation": operation, "parameters": parameters})


def test_only_botocore_retries_a_slow_down(tmp_path: Path) -> None:
    faults = Faults(PutObject=[Refuse(503, "SlowDown"), Refuse(500, "InternalError")])
    answer, error = ask(tmp_path, faults, "s3", "put_object", Key="open/a", Body="x")
    assert error is None
    assert answer["attempts"] == 3
    assert faults.calls["PutObject"] == 3
    assert faults.parameters["PutObject"]["Key"] == "open/a"
    assert (tmp_path / "open" / "a").read_text() == "x"


def test_a_lasting_slow_down_is_the_functions_error(tmp_path: Path) -> None:
    faults = Faults(PutObject=[Refuse(503, "SlowDown")] * 9)
    assert ask(tmp_path, faults, "s3", "put_object", Key="open/a", Body="x")[0] == {
        "refused": "SlowDown",
        "attempts": 4,
    }
    assert not (tmp_path / "open").exists()


def test_a_write_whose_response_is_lost_has_happened_and_is_tried_again(tmp_path: Path) -> None:
    faults = Faults(PutObject=[LoseTheAnswer()])
    assert ask(tmp_path, faults, "s3", "put_object", Key="open/a", Body="x")[0]["attempts"] == 2


def test_a_conditional_write_whose_response_is_lost_conflicts_with_itself(tmp_path: Path) -> None:
    faults = Faults(PutObject=[LoseTheAnswer()])
    answer, _ = ask(tmp_path, faults, "s3", "put_object", Key="open/a", Body="x", IfNoneMatch="*")
    assert answer == {"refused": "PreconditionFailed", "attempts": 2}
    assert (tmp_path / "open" / "a").read_text() == "x"


def test_a_call_that_never_arrives_or_times_out_is_tried_again(tmp_path: Path) -> None:
    faults = Faults(PutObject=[NeverArrive(), TimeOut(), TimeOut(done=True)])
    assert ask(tmp_path, faults, "s3", "put_object", Key="open/a", Body="x")[0]["attempts"] == 4


def test_some_entries_of_a_batch_fail_and_the_others_are_sent(tmp_path: Path) -> None:
    faults = Faults(SendMessageBatch=[FailEntries(frozenset({"b"}))])
    entries = [{"Id": each, "MessageBody": each} for each in "abc"]
    answer, _ = ask(tmp_path, faults, "sqs", "send_message_batch", Entries=entries)
    assert [each["Id"] for each in answer["Failed"]] == ["b"]
    assert [each["Id"] for each in answer["Successful"]] == ["a", "c"]
    assert len(list((tmp_path / "queues" / "Queue").iterdir())) == 2


def test_all_entries_of_a_batch_fail(tmp_path: Path) -> None:
    faults = Faults(SendMessageBatch=[FailEntries(frozenset("ab"))])
    entries = [{"Id": each, "MessageBody": each} for each in "ab"]
    answer, _ = ask(tmp_path, faults, "sqs", "send_message_batch", Entries=entries)
    assert (len(answer["Failed"]), answer["Successful"]) == (2, [])


def test_ssm_that_is_throttled_or_slow_answers_in_the_end(tmp_path: Path) -> None:
    faults = Faults(GetParameter=[Refuse(400, "ThrottlingException"), Delay(0.05)])
    answer, _ = ask(tmp_path, faults, "ssm", "get_parameter", Name="/nightfold/configuration")
    assert answer["attempts"] == 2


def test_a_throttled_lambda_is_retried_by_the_state_machine(tmp_path: Path) -> None:
    faults = Faults(Invoke=[Refuse(429, "TooManyRequestsException"), NeverArrive()])
    with small_cloud(tmp_path, faults=faults, speed=100) as cloud:
        assert collect(cloud, {"id": "one"}).status == "SUCCEEDED"
        assert outcome(cloud, "one")["answer"]["result"] == {"attempt": 2}
    assert faults.calls["Invoke"] == 3


def test_a_lambda_that_stays_throttled_is_caught_by_its_name(tmp_path: Path) -> None:
    faults = Faults(Invoke=[Refuse(429, "TooManyRequestsException")] * 9)
    with small_cloud(tmp_path, faults=faults, speed=100) as cloud:
        collect(cloud, {"id": "one"})
        assert outcome(cloud, "one")["caught"]["Error"] == "Lambda.TooManyRequestsException"
    assert faults.calls["Invoke"] == 4


def test_the_state_machine_stores_again_what_s3_refused_or_never_confirmed(tmp_path: Path) -> None:
    faults = Faults(PutObject=[Refuse(503, "SlowDown"), LoseTheAnswer(), NeverArrive()])
    with small_cloud(tmp_path, faults=faults, speed=100) as cloud:
        assert collect(cloud, {"id": "one"}).status == "SUCCEEDED"
        assert outcome(cloud, "one")["id"] == "one"
    assert faults.calls["PutObject"] == 4


def test_the_laptops_user_meets_no_faults(tmp_path: Path) -> None:
    faults = Faults(PutObject=[Refuse(503, "SlowDown")] * 9)
    with small_cloud(tmp_path, faults=faults) as cloud:
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key="a", Body=b"x")
    assert faults.calls == Counter()
