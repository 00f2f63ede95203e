"""The first real run after a deployment: `make smoke STACK=nightfold`.

Starts a run of the first two sites of the stack's own list, waits, and checks census, queue and logs. It spends what
two answers cost. Ends with 0 if everything is as promised; otherwise it says what is not.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import boto3

PATIENCE_S = 1_800


def main(stack: str) -> int:
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
    s3, states, sqs = boto3.client("s3"), boto3.client("stepfunctions"), boto3.client("sqs")
    key, bucket = "config/sites.json", outputs["BucketName"]
    whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    name = f"smoke-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(json.loads(whole)[:2]).encode())
        arn = states.start_execution(stateMachineArn=outputs["StateMachineArn"], name=name, input="{}")["executionArn"]
        _say(f"started {arn}")
        execution = _ended(states, arn)
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=whole)  # the list as it was
    summary = json.loads(s3.get_object(Bucket=bucket, Key=f"runs/{name}/summary.json")["Body"].read())
    waiting = sqs.get_queue_attributes(
        QueueUrl=outputs["MissQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"]
    missed = sum(summary["missed"].values())
    checks = {
        f"the execution succeeded ({execution['status']})": execution["status"] == "SUCCEEDED",
        f"planned {summary['planned']} = accepted {summary['accepted']} + missed {missed}": (
            summary["planned"] == summary["accepted"] + missed == min(2, len(json.loads(whole)))
        ),
        f"the miss queue holds what was missed ({waiting} waiting)": int(waiting) >= missed,
        "the collector logged one line for each call": _logged(stack, name) >= summary["planned"],
    }
    for what, holds in checks.items():
        _say(f"{'ok  ' if holds else 'FAIL'} {what}")
    return 0 if all(checks.values()) else 1


def _ended(states: Any, arn: str) -> Any:
    for _ in range(PATIENCE_S // 5):
        execution = states.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(5)
    raise SystemExit(f"{arn} is still running after {PATIENCE_S} s; look at it in the Step Functions console")


def _logged(stack: str, run_id: str) -> int:
    """Lines of the collector about this run. CloudWatch takes a few seconds to show them."""
    resource = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId="CollectorLogs"
    )
    group, logs = resource["StackResourceDetail"]["PhysicalResourceId"], boto3.client("logs")
    for _ in range(12):
        pattern = f'{{ $.run_id = "{run_id}" }}'
        events = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
        if events:
            return len(events)
        time.sleep(5)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m infra.packaging.smoke STACK")
    sys.exit(main(sys.argv[1]))
