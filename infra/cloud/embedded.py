"""The embedded cloud: `template.yaml` deployed into this process, with the real state machine and the real handlers.

    with Cloud(Path(".nightfold")) as cloud:
        execution = cloud.wait(cloud.start({"mode": "collect"}))

The user's AWS configuration is not used, and only loopback is contacted (apart from the collector's Messages API).
A process has one embedded cloud at a time, because the simulated AWS under it is process-wide.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Self

from infra.cloud import sam_template as template
from infra.cloud import storage
from infra.cloud.harness import Failures
from infra.cloud.lambdas import sandbox
from infra.cloud.lambdas.invoke import Event, Lambdas, Runtime
from infra.cloud.moto_patches import cloudformation, imports, interception, stepfunctions
from infra.cloud.observer import Observer
from infra.cloud.role_sessions import RoleSessions
from infra.cloud.router import Around, Router
from infra.cloud.state_machine import StateMachine
from infra.state.directory import StateDirectory

ROOT = Path(__file__).parents[2]

_one_at_a_time = threading.Lock()


class Cloud:
    """One deployment of the template into a state directory.

    Entering raises StateDirInUse, CorruptState. `notices` then holds what the user should know.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        speed: float = 1.0,
        parameters: Mapping[str, str] | None = None,
        secret: str | None = None,
        template: Path = ROOT / "template.yaml",
        observe: Callable[[Event], None] | None = None,
        iam: bool = True,
        around: Around | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        """`speed`: how many times faster than real time AWS's retries, waits and timeouts pass. `parameters`:
        of the template. `secret`: the API key, kept only in memory. `observe` is called from many threads.
        For tests: `around` wraps AWS calls, `runtime` runs the functions outside this process. Their own exceptions
        end the wait for the run, as HarnessFailed."""
        self._state = StateDirectory(state_dir)
        self._speed, self._parameters, self._secret = speed, dict(parameters or {}), secret
        self._template = template
        self._harness = Failures()
        self._observer, self._runtime = Observer(observe), runtime and self._harness.noting(runtime)
        self._role_sessions = RoleSessions(enforced=iam)
        self._router = Router(self._role_sessions, around and self._harness.noting(around))
        self._machine = machine = StateMachine(self.client, self._harness)
        self._state.when_full = machine.give_up_soon
        # The operations on executions are the state machine's own; `start` adds the import of the handlers.
        self.wait, self.execution, self.stop = machine.wait, machine.execution, machine.stop
        self.let_calls_finish, self.settled = machine.let_calls_finish, machine.settled

    # --- Opening and closing ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("This process already has an embedded cloud: close it first.")
        with ExitStack() as stack:
            stack.callback(_one_at_a_time.release)
            self._state.open()
            stack.callback(self._state.close)
            imports.load()
            stack.enter_context(sandbox.layered_process())
            stack.enter_context(interception.intercepted(self._router, self._role_sessions.permit))
            stack.enter_context(storage.durable())
            stack.enter_context(
                stepfunctions.prepared(
                    speed=self._speed,
                    session=self._machine_session,
                    ended=self._machine.execution_ended,
                    waits=self._observer.branch_waits,
                    branches=self._machine.branches,
                )
            )
            stack.callback(self._machine.close)
            self._deploy(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        try:
            if raised is None:
                self._harness.raise_first()
        finally:
            self._open.close()

    @property
    def state_dir(self) -> Path:
        return self._state.path

    @property
    def notices(self) -> list[str]:
        return self._state.notices

    # --- What was deployed -----------------------------------------------------------------------------------------

    def output(self, name: str) -> str:
        """An output of the stack."""
        return self._deployment.outputs[name]

    def physical(self, logical_id: str) -> str:
        """A bucket's name, a queue's URL, a function's name, the state machine's ARN."""
        return self.machine_arn if logical_id == self._machine_id else self._deployment.physical[logical_id]

    def client(self, service: str, **kwargs: Any) -> Any:
        """A boto3 client with full access, like the user who deployed the stack."""
        return self._role_sessions.session(None).client(service, **kwargs)

    def client_as(self, logical_id: str, service: str, **kwargs: Any) -> Any:
        """A boto3 client with this function's role, to test what that role is denied."""
        return self._role_sessions.session(self._lambdas.find(logical_id).role_arn).client(service, **kwargs)

    # --- Running ---------------------------------------------------------------------------------------------------

    def warm(self) -> None:
        """Import the handlers: on Lambda the cold starts of different functions overlap, here they would queue up."""
        self._lambdas.warm()

    def start(self, event: Any, name: str | None = None) -> str:
        """StartExecution on the template's state machine. Returns the execution's ARN."""
        self.warm()
        return self._machine.start(event, name)

    def invoke(self, function: str, event: Any) -> tuple[Any, str | None]:
        """lambda:Invoke by the function's logical id: the result and None, or the failure and its errorType."""
        answered = self.client("lambda").invoke(
            FunctionName=self.physical(function), Payload=json.dumps(event).encode()
        )
        payload = json.loads(answered["Payload"].read())
        return payload, payload.get("errorType") if "FunctionError" in answered else None

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> AbstractContextManager[str]:
        """Serves this cloud over HTTP while the context is open, and gives its URL. Callers sign with `access_key`,
        which has full access, or with the credentials of a role."""
        from infra.cloud.http_server import served

        return served(self._router, self._role_sessions.knows, port, host)

    @property
    def access_key(self) -> str:
        """The key that callers over HTTP sign with, drawn at random each time; it has no secret key."""
        return self._role_sessions.administrator["AccessKeyId"]

    # --- Inside ----------------------------------------------------------------------------------------------------

    def _deploy(self, stack: ExitStack) -> None:
        root = self._template.parent
        with sandbox.inside(sandbox.OUTSIDE_FUNCTIONS):
            expanded = template.expand(self._template, self._parameters)
            code = {function: (root / folder).resolve() for function, folder in expanded.code.items()}
            self._deployment = cloudformation.deploy(expanded.cloudformation, self._parameters, code)
        outputs = self._deployment.outputs
        self._machine_id = expanded.machine
        self._router.machine_role = outputs[template.MACHINE_ROLE]
        self._role_sessions.deployed(self._deployment.policies)
        self._router.bucket = storage.attach(self._deployment, self._state, self._observer.stored)
        self._lambdas = self._router.lambdas = Lambdas(
            self._deployment.functions,
            credentials=self._role_sessions.credentials,
            session=self._role_sessions.functions,
            logs=self._state.path / "logs",
            speed=self._speed,
            observe=self._observer,
            runtime=self._runtime,
        )
        stack.callback(self._lambdas.close)
        self.machine_arn = self._machine.arn = cloudformation.create_state_machine(
            outputs[template.MACHINE_NAME], expanded.filled_definition(root, outputs), self._router.machine_role
        )
        if self._secret is not None:
            name = outputs["ApiKeyName"]
            self.client("ssm").put_parameter(Name=name, Value=self._secret, Type="SecureString")

    def _machine_session(self) -> Any:
        return self._role_sessions.session(self._router.machine_role)
