"""The first real run after a deployment: `make smoke STACK=nightfold`.

Starts a run that is narrowed to two sites of the stack's own list, which it only reads, waits for its end, and checks
census, queue and logs. It spends what two answers cost. Exits with 0 if all checks pass; otherwise it shows those
that fail.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3

SITES = 2
PATIENCE_S = 1_800
LATE_S = 90  # SQS's approximate counts and CloudWatch's logs lag by a minute or more
POLL_S = 5

Clients = Callable[[str], Any]
Pause = Callable[[float], None]


def main(stack: str, clients: Clients = boto3.client, pause: Pause = time.sleep) -> int:
    """The exit code."""
    found = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
    s3, bucket = clients("s3"), outputs["BucketName"]
    sites = json.loads(s3.get_object(Bucket=bucket, Key="config/sites.json")["Body"].read())
    states, name = clients("stepfunctions"), f"smoke-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    start = states.start_execution(
        stateMachineArn=outputs["StateMachineArn"], name=name, input=json.dumps({"limit": SITES})
    )
    _say(f"started {start['executionArn']}")
    execution = _ended(states, start["executionArn"], pause)
    if not _holds(f"the execution succeeded ({execution['status']})", execution["status"] == "SUCCEEDED"):
        _say(f"     {execution.get('error')}: {execution.get('cause')}")
        return 1
    summary = json.loads(s3.get_object(Bucket=bucket, Key=f"runs/{name}/summary.json")["Body"].read())
    missed = sum(summary["missed"].values())
    census = f"planned {summary['planned']} = accepted {summary['accepted']} + missed {missed}"
    checks = [_holds(census, summary["planned"] == summary["accepted"] + missed == min(SITES, len(sites)))]
    waiting = _at_least(missed, lambda: _waiting(clients("sqs"), outputs["MissQueueUrl"]), pause)
    checks.append(_holds(f"the miss queue has what was missed ({waiting} waiting)", waiting >= missed))
    logs, group = clients("logs"), _log_group(clients("cloudformation"), stack)
    lines = _at_least(summary["planned"], lambda: _lines(logs, group, name), pause)
    checks.append(_holds(f"the collector logged every call ({lines} lines)", lines >= summary["planned"]))
    return 0 if all(checks) else 1


def _ended(states: Any, arn: str, pause: Pause) -> Any:
    for _ in range(PATIENCE_S // POLL_S):
        execution = states.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        pause(POLL_S)
    raise SystemExit(f"{arn} is still running after {PATIENCE_S} s; look at it in the Step Functions console")


def _at_least(number: int, count: Callable[[], int], pause: Pause) -> int:
    """What was counted, as soon as it is enough, at the latest after LATE_S."""
    for _ in range(LATE_S // POLL_S):
        if (counted := count()) >= number:
            return counted
        pause(POLL_S)
    return count()


def _waiting(sqs: Any, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])


def _lines(logs: Any, group: str, run_id: str) -> int:
    """Lines of the collector about this run, on all pages: one may be empty and still have a next."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'{{ $.run_id = "{run_id}" }}'
    )
    return sum(len(page["events"]) for page in pages)


def _log_group(cloudformation: Any, stack: str) -> str:
    resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="CollectorLogs")
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def _holds(what: str, holds: bool) -> bool:
    _say(f"{'ok  ' if holds else 'FAIL'} {what}")
    return holds


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m infra.packaging.smoke STACK")
    sys.exit(main(sys.argv[1]))
