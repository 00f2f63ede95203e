"""The AWS faults that a story may contain, by name, and the hook that injects them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.cloud.lambdas import sandbox
from tests.support.faults import FailEntries, Fault, LoseTheAnswer, NeverArrive, Refuse

BEYOND_BOTOCORE = 5  # attempts of botocore's standard mode, as nightfold.storage sets it: this many faults fail a call


@dataclass(frozen=True)
class AwsCall:
    """One attempt of one call, before it is made. `function` None is the state machine itself."""

    function: str | None
    service: str
    operation: str
    parameters: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Of the object, or the name of the function that is invoked."""
        return str(self.parameters.get("Key") or self.parameters.get("FunctionName", ""))


class Crash(SystemExit):
    """The function's process ends here, in the middle of its work."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault: which calls it may hit, and with what."""

    meets: Callable[[AwsCall], bool]
    fault: Fault | type[Crash]
    room: int = 0  # how many calls may succeed before it strikes: few if a run makes few of them
    most: int = 100  # how often it may strike; the aggregator's own pauses between batches are real seconds


def _call(service: str, *operations: str, of: str | None = "any", key: str = "") -> Callable[[AwsCall], bool]:
    def meets(call: AwsCall) -> bool:
        return (
            call.service == service
            and call.operation in operations
            and of in ("any", call.function)
            and key in call.key
        )

    return meets


def _by(function: str) -> Callable[[AwsCall], bool]:
    return lambda call: call.function == function


FIRST_ENTRIES = frozenset({"0", "2"})

KINDS: dict[str, Kind] = {
    "S3 read: 503 SlowDown": Kind(_call("s3", "GetObject"), Refuse(503, "SlowDown"), room=12),
    "S3 list: 500": Kind(_call("s3", "ListObjectsV2", "HeadObject"), Refuse(500, "InternalError"), room=4),
    "S3 write: 500": Kind(_call("s3", "PutObject"), Refuse(500, "InternalError"), room=12),
    "S3 write: connection broken": Kind(_call("s3", "PutObject"), NeverArrive(), room=12),
    "S3 write: done, response lost": Kind(_call("s3", "PutObject"), LoseTheAnswer(), room=12),
    "claim: done, response lost": Kind(_call("s3", "PutObject", key="plan.json"), LoseTheAnswer()),
    "lease: done, response lost": Kind(_call("s3", "PutObject", key="lease"), LoseTheAnswer()),
    "outcome cannot be read": Kind(
        _call("s3", "GetObject", of="Aggregator", key="/outcomes/"), Refuse(500, "InternalError"), room=8
    ),
    "decision: done, response lost": Kind(_call("s3", "PutObject", of="Pacer", key="/pace.json"), LoseTheAnswer()),
    "decision cannot be read": Kind(_call("s3", "GetObject", key="/pace.json"), Refuse(500, "InternalError"), room=6),
    "a wave's items cannot be stored": Kind(
        _call("s3", "PutObject", of="Pacer", key="/items.json"), Refuse(500, "InternalError"), room=1
    ),
    "a wave's items cannot be read": Kind(
        _call("s3", "GetObject", of=None, key="/items.json"), Refuse(500, "InternalError"), room=1
    ),
    "SQS receive: 500": Kind(_call("sqs", "ReceiveMessage"), Refuse(500, "InternalError"), room=3),
    "SQS send: some entries failed": Kind(_call("sqs", "SendMessageBatch"), FailEntries(FIRST_ENTRIES), most=2),
    "SQS send: done, response lost": Kind(_call("sqs", "SendMessageBatch"), LoseTheAnswer()),
    "SQS delete: throttled": Kind(_call("sqs", "DeleteMessageBatch"), Refuse(400, "RequestThrottled")),
    "SQS delete: some entries failed": Kind(_call("sqs", "DeleteMessageBatch"), FailEntries(FIRST_ENTRIES), most=2),
    "SQS delete: done, response lost": Kind(_call("sqs", "DeleteMessageBatch"), LoseTheAnswer()),
    "SQS visibility: 500": Kind(_call("sqs", "ChangeMessageVisibilityBatch"), Refuse(500, "InternalError")),
    "SSM: 500": Kind(_call("ssm", "GetParameter"), Refuse(500, "InternalServerError"), room=3),
    "Lambda: throttled": Kind(_call("lambda", "Invoke"), Refuse(429, "TooManyRequestsException"), room=6),
    "pacer: throttled": Kind(
        _call("lambda", "Invoke", of=None, key="Pacer"), Refuse(429, "TooManyRequestsException"), room=2
    ),
    "Lambda: 500": Kind(_call("lambda", "Invoke"), Refuse(500, "ServiceException"), room=6),
    "Step Functions: 500": Kind(_call("sfn", "DescribeExecution"), Refuse(500, "InternalFailure")),
    "SNS: 500": Kind(_call("sns", "Publish"), Refuse(500, "InternalError")),
    "reporter crashes": Kind(_by("Reporter"), Crash, room=8),
    "planner crashes": Kind(_by("Planner"), Crash, room=9),
    "pacer crashes": Kind(_by("Pacer"), Crash, room=20),
    "collector crashes": Kind(_by("Collector"), Crash, room=0),
    "aggregator crashes": Kind(_by("Aggregator"), Crash, room=20),
}


@dataclass(frozen=True)
class Planned:
    """A fault of a story: the first `after` matching calls succeed, the next `times` fail."""

    kind: str
    after: int = 0  # reduced to the kind's range
    times: int = 1


class Injector:
    """The hook of `cloud_at(faults=…)`. Called from many threads."""

    def __init__(self) -> None:
        self.injected: Counter[str] = Counter()
        self.calls = 0
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def arm(self, faults: Iterable[Planned]) -> None:
        """From now on inject these faults and no others."""
        with self._lock:
            self._armed = [_Armed(fault) for fault in faults]

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        running = sandbox.running()
        call = AwsCall(running.function if running else None, service, operation, parameters)
        with self._lock:
            self.calls += 1
            met = next((armed for armed in self._armed if armed.meets(call)), None)
            if met is None:
                return None
            self.injected[met.planned.kind] += 1
            fault = met.kind.fault
        if isinstance(fault, type):
            raise fault("crashed by a test")
        return fault


class _Armed:
    """A fault that waits for a matching call."""

    def __init__(self, planned: Planned) -> None:
        self.planned, self.kind = planned, KINDS[planned.kind]
        self._spare, self._left = planned.after % (self.kind.room + 1), min(planned.times, self.kind.most)
        self._key: str | None = None  # a lasting fault stays with the first object that it hit

    def meets(self, call: AwsCall) -> bool:
        if not self._left or not self.kind.meets(call) or (self._key is not None and call.key != self._key):
            return False
        if self._spare:
            self._spare -= 1
            return False
        self._left -= 1
        self._key = call.key
        return True
