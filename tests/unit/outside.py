"""The outside world of a unit test: AWS as moto plays it, and faults on the wire between botocore and it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from nightfold.misses import Miss
from nightfold.storage import CALLS

# botocore asks every handler, and moto would answer as well. Each retry is prepared afresh, with its own URL.
NOWHERE = "https://taken.invalid/"
DEFINITION = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}})


@dataclass
class Outside:
    """One account. The clients are made as the functions make theirs."""

    s3: Any
    sqs: Any
    ssm: Any
    states: Any
    bucket: str = "nights"
    parameter: str = "/nightfold/configuration"
    miss_queue: str = ""
    parked_queue: str = ""
    state_machine: str = ""
    waits: list[float] = field(default_factory=list)  # seconds that somebody would have slept

    @classmethod
    def create(cls, session: boto3.Session) -> "Outside":
        world = cls(*(session.client(name, config=CALLS) for name in ("s3", "sqs", "ssm", "stepfunctions")))
        world.s3.create_bucket(
            Bucket=world.bucket, CreateBucketConfiguration={"LocationConstraint": world.s3.meta.region_name}
        )
        world.miss_queue = world.sqs.create_queue(QueueName="misses", Attributes={"VisibilityTimeout": "25200"})[
            "QueueUrl"
        ]
        world.parked_queue = world.sqs.create_queue(QueueName="parked")["QueueUrl"]
        world.configure()
        world.state_machine = world.states.create_state_machine(
            name="nightly", definition=DEFINITION, roleArn="arn:aws:iam::123456789012:role/nightly"
        )["stateMachineArn"]
        return world

    def unwatched(self, session: boto3.Session) -> "Outside":
        """The same account through clients that no Wire counts."""
        s3, sqs = (session.client(name, config=CALLS) for name in ("s3", "sqs"))
        return replace(self, s3=s3, sqs=sqs)

    def configure(self, **fields: object) -> None:
        self.ssm.put_parameter(Name=self.parameter, Value=json.dumps(fields), Type="String", Overwrite=True)

    def start(self, name: str) -> str:
        """The id of an execution that runs until it is stopped."""
        return str(self.states.start_execution(stateMachineArn=self.state_machine, name=name)["executionArn"])

    def stop(self, execution_id: str) -> None:
        self.states.stop_execution(executionArn=execution_id)

    def put(self, key: str, document: object) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document).encode())

    def read(self, key: str) -> Any:
        return json.loads(self.text(key))

    def enqueue(self, *bodies: Miss | str) -> None:
        """Sends misses, or whatever else may be in it, to the miss queue."""
        for body in bodies:
            sent = body if isinstance(body, str) else body.model_dump_json()
            self.sqs.send_message(QueueUrl=self.miss_queue, MessageBody=sent)

    def text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def keys(self) -> set[str]:
        return {listed["Key"] for listed in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])}

    def count(self, queue: str) -> tuple[int, int]:
        """How many messages are visible, and how many are hidden."""
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])

    def drain(self, queue: str) -> list[Any]:
        """The bodies of all visible messages, which are gone afterwards."""
        bodies = []
        while found := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            bodies += [json.loads(message["Body"]) for message in found]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
            self.sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        return bodies


class Crash(BaseException):
    """The process is gone: nothing catches it, and nothing is sent afterwards."""


class _Raw(BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def response(request: Any, status: int, body: bytes | str, **headers: str) -> AWSResponse:
    """What AWS would have sent."""
    sent = HTTPHeaders()
    for name, value in {"x-amzn-RequestId": "0", **headers}.items():
        sent[name.replace("_", "-")] = value
    return AWSResponse(request.url, status, sent, _Raw(body.encode() if isinstance(body, str) else body))


def error(status: int, code: str) -> Callable[[Any], AWSResponse]:
    """An error of S3 (XML) or of the others (JSON)."""

    def answer(request: Any) -> AWSResponse:
        if "s3" in request.url:
            return response(request, status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")
        body = json.dumps({"__type": f"com.amazonaws#{code}", "message": code})
        return response(request, status, body, content_type="application/x-amz-json-1.0")

    return answer


class Wire:
    """All calls of the given clients, in the order in which they were sent. `faults` are asked first: a fault that
    returns a response, or raises, takes the call's place."""

    def __init__(self, *clients: Any) -> None:
        self.sent: list[str] = []
        self._faults: list[Callable[[str, Any], AWSResponse | None]] = []
        self._lock = threading.Lock()
        self._crash_before: int | None = None
        self._crash_after: int | None = None
        for client in clients:
            service = client.meta.service_model.service_id.hyphenize()
            client.meta.events.register(f"before-send.{service}", self._before)
            client.meta.events.register(f"response-received.{service}", self._after)

    @contextmanager
    def crash(self, number: int, *, after: bool) -> Iterator[None]:
        """Call `number` (1 is the next one) is the last one, or the first one that is not sent."""
        if after:
            self._crash_after = len(self.sent) + number
        else:
            self._crash_before = len(self.sent) + number
        try:
            yield
        finally:
            self._crash_after = self._crash_before = None

    def fail(
        self,
        operation: str,
        *faults: Callable[[Any], AWSResponse | None] | None,
        about: str = "",
        got_through: bool = False,
    ) -> None:
        """The next calls of `operation` (about a URL that holds `about`) meet one fault each; None lets one pass.
        With `got_through` AWS does what was asked, and only its answer is another one."""
        waiting = list(faults)

        def fault(name: str, request: Any) -> AWSResponse | None:
            if not waiting or name != operation or about not in request.url:
                return None
            answer = waiting.pop(0)
            returned = answer(request) if answer else None
            if returned is not None and not got_through:
                request.url = NOWHERE
            return returned

        self._faults.append(fault)

    def _before(self, request: Any, event_name: str, **_: object) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        with self._lock:
            self.sent.append(operation)
            if self._crash_before and len(self.sent) >= self._crash_before:
                raise Crash
        for fault in self._faults:
            if (answer := fault(operation, request)) is not None:
                return answer
        return None

    def _after(self, **_: object) -> None:
        if self._crash_after and len(self.sent) >= self._crash_after:
            raise Crash
