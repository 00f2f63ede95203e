"""Which resources of the template are files of the state directory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from infra.cloud import sam_template as template
from infra.cloud.moto_patches import logs, s3, sqs, ssm
from infra.cloud.moto_patches.cloudformation import Deployment
from infra.state.directory import StateDirectory
from infra.state.message_files import Messages
from infra.state.object_files import Objects


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, `attach` takes effect."""
    with ExitStack() as patches:
        for service in (logs, s3, sqs, ssm):
            patches.enter_context(service.durable())
        yield


def attach(deployment: Deployment, state: StateDirectory, stored: Callable[[str, bytes], None]) -> str:
    """From now on bucket, queues, configuration and logs are files. `stored` is called for each object written. Returns
    the bucket's name. Raises BadTemplate if the state directory has no place for what was deployed."""
    of_kind: dict[str, list[str]] = {}
    for logical_id, kind in deployment.kinds.items():
        of_kind.setdefault(kind, []).append(logical_id)
    for kind in ("AWS::S3::Bucket", "AWS::SSM::Parameter"):
        if len(of_kind.get(kind, [])) > 1:
            raise template.BadTemplate(
                f"The state directory has room for one {kind}; the template has {of_kind[kind]}."
            )
    bucket = ""
    for logical_id in of_kind.get("AWS::S3::Bucket", []):
        bucket = deployment.physical[logical_id]
        s3.attach(bucket, Objects(state), stored)
    for logical_id in of_kind.get("AWS::SQS::Queue", []):
        sqs.attach(deployment.physical[logical_id], Messages(state, logical_id))
    for logical_id in of_kind.get("AWS::SSM::Parameter", []):
        ssm.attach(deployment.physical[logical_id], state, state.path / f"{logical_id.lower()}.json")
    (state.path / "logs").mkdir(exist_ok=True)
    for logical_id in of_kind.get("AWS::Logs::LogGroup", []):  # PlannerLogs has what Planner prints
        logs.attach(deployment.physical[logical_id], state.path / "logs" / f"{logical_id.removesuffix('Logs')}.log")
    return bucket
