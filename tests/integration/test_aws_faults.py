"""Partial failures of AWS, by name, on the real state machine: what retries, how often, and how the run ends.

botocore's standard mode retries a function's calls (5 attempts), and the state machine retries a whole step. Only the
state machine retries its own calls (Invoke, StoreOutcome).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.sandbox import running
from infra.cloud.state_machine import Execution
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import PATIENCE_S, cloud_at, hurried, put_sites
from tests.support.faults import FailEntries, Fault, LoseTheAnswer, NeverArrive, Refuse, TimeOut
from tests.support.ledger import Ledger

SPEED = 20.0  # at which no step times out on a busy machine: the attempts are counted
REQUEST_TIMEOUT_S = 25  # real seconds: below the collector's 31.5
BOTOCORE = 5  # attempts of one call of a function
STEP = 5  # attempts of PlanRun, AggregateOutcomes, CloseDeadRun
INVOKE = 7  # attempts of CollectSite's Invoke, and of StoreOutcome
SITES = ("fine", "prose", "gone")  # accepted; accepted in round 2; missed, as 400 says


@dataclass(frozen=True)
class Case:
    """One partial failure: it hits `times` attempts of these calls, after the first `spare` have succeeded."""

    name: str
    fault: Fault
    operation: str
    of: str | None  # the function; None: the state machine
    key: str = ""  # in the object's key
    times: int = 1
    attempts: int | None = None  # of all such calls of the run, where that shows what retries; None: not checked
    missed: tuple[str, ...] = ("gone",)
    status: str = "SUCCEEDED"
    spare: int = 0
    calls: Mapping[str, int] = field(default_factory=lambda: {"fine": 1, "prose": 2, "gone": 1})


SLOW_DOWN, ERROR = Refuse(503, "SlowDown"), Refuse(500, "InternalError")
THROTTLED, DENIED = Refuse(429, "TooManyRequestsException"), Refuse(403, "AccessDenied")
FIRST = FailEntries(frozenset({"0"}))

RUNS = (
    Case("S3 slows down the planner", SLOW_DOWN, "GetObject", "Planner", "config/sites", 4, attempts=5),
    Case("S3 fails beyond botocore in the planner", ERROR, "PutObject", "Planner", "items.json", 7, attempts=8),
    Case("the claim's response is lost", LoseTheAnswer(), "PutObject", "Planner", "plan.json", attempts=2),
    Case("the claim's response is always lost", LoseTheAnswer(), "PutObject", "Planner", "plan.json", 5, attempts=6),
    Case("the claim never arrives", NeverArrive(), "PutObject", "Planner", "plan.json", 2, attempts=3),
    Case("SSM is down for the planner", ERROR, "GetParameter", "Planner", times=4, attempts=5),
    Case("SSM is down for the planner, longer", ERROR, "GetParameter", "Planner", times=12, attempts=13),
    Case("the planner is throttled", THROTTLED, "Invoke", None, "Planner", 4, attempts=5),
    Case("a collector is throttled", THROTTLED, "Invoke", None, "Collector", 6),
    Case("the aggregator is throttled", THROTTLED, "Invoke", None, "Aggregator", 3, attempts=5),
    Case("an outcome cannot be written at first", SLOW_DOWN, "PutObject", None, "outcomes/fine", 6, attempts=INVOKE),
    Case("an outcome's response is lost", LoseTheAnswer(), "PutObject", None, "outcomes/fine", attempts=2),
    Case("an outcome can never be written", ERROR, "PutObject", None, "outcomes/fine", 99, INVOKE, ("fine", "gone")),
    Case("an outcome is read slowly", SLOW_DOWN, "GetObject", "Aggregator", "outcomes/fine", 4, attempts=6),
    Case("an outcome cannot be read beyond botocore", ERROR, "GetObject", "Aggregator", "outcomes/fine", 7, attempts=9),
    Case("an outcome can be read only in round 1", ERROR, "GetObject", "Aggregator", "outcomes/fine", 7, 9, spare=1),
    Case("an outcome is behind a broken connection", NeverArrive(), "GetObject", "Aggregator", "outcomes/fine", 7),
    Case("an outcome may not be read", DENIED, "GetObject", "Aggregator", "outcomes/fine", 99, 2, ("fine", "gone")),
    Case("the results' response is lost", LoseTheAnswer(), "PutObject", "Aggregator", "results/fine", attempts=2),
    Case("the list of results fails", ERROR, "ListObjectsV2", "Aggregator", times=7),
    Case("round 2 is written, and the response lost", LoseTheAnswer(), "PutObject", "Aggregator", "round-2/items", 5),
    Case("the summary's response is lost", LoseTheAnswer(), "PutObject", "Aggregator", "summary.json", 5, attempts=5),
    Case("a miss fails in a batch with status 200", FIRST, "SendMessageBatch", "Aggregator", times=2, attempts=3),
    Case("a miss fails more than four times", FIRST, "SendMessageBatch", "Aggregator", times=5, attempts=6),
    Case("misses are sent, and the response lost", LoseTheAnswer(), "SendMessageBatch", "Aggregator", attempts=2),
    Case("SQS does not answer in time", TimeOut(done=True), "SendMessageBatch", "Aggregator", times=5, attempts=6),
)


class Hook:
    """Fails the first calls that a case names, and counts them all."""

    def __init__(self) -> None:
        self.case: Case | None = None
        self.seen = 0

    def watch(self, case: Case | None) -> None:
        self.case, self.seen = case, 0

    def __call__(self, _: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        case, caller = self.case, running()
        key = str(parameters.get("Key") or parameters.get("FunctionName") or "")
        if case is None or operation != case.operation or case.key not in key:
            return None
        if (caller.function if caller else None) != case.of:
            return None
        self.seen += 1
        return case.fault if case.spare < self.seen <= case.spare + case.times else None


class SharedCloud:
    """One cloud for all cases; every case has its own run."""

    def __init__(self, cloud: Cloud, api: MessagesAPI, hook: Hook) -> None:
        self.cloud, self.api, self.hook = cloud, api, hook
        self._names = iter(range(1_000))

    def collect(self, case: Case | None, sites: Sequence[str] = SITES) -> tuple[str, Execution]:
        """The run's name, whose sites are called `fine-<name>` and so on, and its execution."""
        name = f"{next(self._names)}"
        scripts: dict[str, list[Any]] = {"fine": ["ok"], "prose": ["prose"], "gone": [400]}
        for site in sites:
            self.api.script(f"{site}-{name}", scripts[site])
        put_sites(self.cloud, [f"{site}-{name}" for site in sites])
        self.hook.watch(case)
        arn = self.cloud.start({"request_timeout_s": REQUEST_TIMEOUT_S}, name=f"run-{name}")
        return name, self.cloud.wait(arn, timeout=PATIENCE_S)

    def redrive(self, case: Case | None) -> tuple[str, Execution]:
        name = f"morning-{next(self._names)}"
        self.hook.watch(case)
        given = {"mode": "redrive", "request_timeout_s": REQUEST_TIMEOUT_S}
        return name, self.cloud.wait(self.cloud.start(given, name=name), timeout=PATIENCE_S)

    def ledger(self) -> Ledger:
        ledger = Ledger.read(self.cloud.state_dir)
        ledger.check()
        return ledger


@contextmanager
def opened(state_dir: Path) -> Iterator[SharedCloud]:
    hook = Hook()
    with (
        MessagesAPI(Scenario(), speed=SPEED) as api,
        cloud_at(state_dir, api.url, faults=hook, speed=SPEED) as cloud,
        hurried(SPEED),
    ):
        yield SharedCloud(cloud, api, hook)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCloud]:
    with opened(tmp_path_factory.mktemp("state")) as place:
        yield place


def test_an_ssm_outage_while_the_collector_starts_is_retried_patiently_and_costs_no_call(tmp_path: Path) -> None:
    case = Case("SSM is down for the collector", ERROR, "GetParameter", "Collector", times=7)
    with opened(tmp_path) as place:  # a collector that has read the key does not read it again
        name, _ = place.collect(case, sites=["fine"])
        [site] = place.ledger().summaries[f"run-{name}"].sites
        assert site.accepted
        assert place.hook.seen == 8
        assert place.api.calls(f"fine-{name}") == 1


@pytest.mark.parametrize("case", RUNS, ids=lambda case: case.name)
def test_a_run_with_a_partial_failure_ends_with_a_census(place: SharedCloud, case: Case) -> None:
    name, execution = place.collect(case)
    seen = place.hook.seen
    assert seen >= min(case.times, case.attempts or BOTOCORE), "the fault never happened"
    assert execution.status == case.status
    summary = place.ledger().summaries[f"run-{name}"]
    assert {site.site_id for site in summary.sites if not site.accepted} == {f"{site}-{name}" for site in case.missed}
    assert {site: place.api.calls(f"{site}-{name}") for site in SITES} == case.calls
    if case.attempts is not None:
        assert seen == case.attempts


MORNINGS = (
    Case("a delete is throttled", Refuse(400, "RequestThrottled"), "DeleteMessageBatch", "Aggregator", "", 4, 5),
    Case("a delete fails for an entry", FIRST, "DeleteMessageBatch", "Aggregator", "", 3, 4),
    Case("a delete fails more than four times", FIRST, "DeleteMessageBatch", "Aggregator", "", 5, 6),
    Case("a delete is done, and the response lost", LoseTheAnswer(), "DeleteMessageBatch", "Aggregator", "", 1, 2),
    Case("receiving fails beyond botocore", ERROR, "ReceiveMessage", "Planner", "", 7),
    Case("the plan cannot be written at first", ERROR, "PutObject", "Planner", "plan.json", 7, 8),
    Case("the lease's response is lost", LoseTheAnswer(), "PutObject", "Planner", "lease", 1),
    Case("hiding the messages fails", ERROR, "ChangeMessageVisibilityBatch", "Planner", "", 7, 8),
    Case("the reporter cannot be invoked", Refuse(500, "ServiceException"), "Invoke", None, "Reporter", 99, 3),
)


@pytest.mark.parametrize("case", MORNINGS, ids=lambda case: case.name)
def test_a_morning_with_a_partial_failure_collects_every_miss_once(place: SharedCloud, case: Case) -> None:
    place.redrive(None)  # misses of earlier runs
    missed, _ = place.collect(None)
    name, execution = place.redrive(case)
    seen = place.hook.seen
    assert seen >= min(case.times, case.attempts or BOTOCORE), "the fault never happened"
    assert execution.status == "SUCCEEDED"
    ledger = place.ledger()
    assert f"gone-{missed}" in ledger.accepted
    assert f"gone-{missed}" not in ledger.waiting, f"not acknowledged in {name}"
    assert place.api.calls(f"gone-{missed}") == 2
    if case.attempts is not None:
        assert seen == case.attempts


def test_a_collector_that_stays_throttled_is_a_miss_of_reason_network_that_costs_nothing(place: SharedCloud) -> None:
    name, execution = place.collect(
        Case("throttled permanently", THROTTLED, "Invoke", None, "Collector", times=99), sites=["fine"]
    )
    [site] = place.ledger().summaries[f"run-{name}"].sites
    assert (site.reason, site.error) == ("network", "Lambda.TooManyRequestsException")
    assert place.hook.seen == INVOKE
    assert place.api.calls(f"fine-{name}") == 0
    assert execution.error == "NothingCollected"


def test_a_lasting_ssm_outage_ends_the_run_before_anything_is_planned(place: SharedCloud) -> None:
    name, execution = place.collect(Case("SSM is gone", ERROR, "GetParameter", "Planner", times=999))
    assert (execution.status, execution.error) == ("FAILED", "AwsUnavailable")
    assert place.hook.seen == BOTOCORE * STEP
    assert f"run-{name}" not in place.ledger().plans
    assert place.api.calls(f"fine-{name}") == 0


@pytest.fixture
def corrupt(place: SharedCloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Objects whose key holds this text are overwritten as soon as they are stored."""

    def corrupt_keys_with(text: str) -> None:
        def spoil(event: Any) -> None:
            if event.kind == "stored" and text in event.key:
                (place.cloud.state_dir / event.key).write_bytes(b'{"run_id": "torn')

        monkeypatch.setattr(place.cloud._observer, "observe", spoil)

    return corrupt_keys_with


def test_an_outcome_that_is_not_valid_json_is_a_miss_that_says_so(
    place: SharedCloud, corrupt: Callable[[str], None]
) -> None:
    corrupt("outcomes/fine-")
    name, _ = place.collect(None, sites=["fine", "prose"])
    sites = {site.site_id: site for site in place.ledger().summaries[f"run-{name}"].sites}
    assert (sites[f"fine-{name}"].reason, sites[f"fine-{name}"].error) == ("unknown", "Unaccounted")
    assert sites[f"prose-{name}"].accepted
