"""Which resources of the template are files of the state directory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

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
    the bucket's name."""

    def deployed(kind: str) -> list[tuple[str, str]]:
        return [(each, deployment.physical[each]) for each, its_kind in deployment.kinds.items() if its_kind == kind]

    [(_, bucket)] = deployed("AWS::S3::Bucket")  # the state directory has room for one, and for one parameter
    s3.attach(bucket, Objects(state), stored)
    [(logical_id, parameter)] = deployed("AWS::SSM::Parameter")
    ssm.attach(parameter, state, state.path / f"{logical_id.lower()}.json")
    for logical_id, url in deployed("AWS::SQS::Queue"):
        sqs.attach(url, Messages(state, logical_id))
    (state.path / "logs").mkdir(exist_ok=True)
    for logical_id, group in deployed("AWS::Logs::LogGroup"):  # PlannerLogs has what Planner prints
        logs.attach(group, state.path / "logs" / f"{logical_id.removesuffix('Logs')}.log")
    return bucket
