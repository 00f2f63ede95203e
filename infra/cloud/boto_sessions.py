"""boto3 sessions that share what is dear: the parsed service models and, for equal arguments, the client itself.

A client costs 10-20 ms, making one is not thread-safe, and using one is: in threads of one process each kind of
client is made once, for all functions together.
"""

import os
import threading
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import boto3
import botocore.auth
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.utils import parse_timestamp

from infra.cloud.lambdas import sandbox

_said: Any = threading.local()


class QuickLoader(botocore.loaders.Loader):
    """botocore's loader looks into 400 folders before it loads a model; this one only looks for their names."""

    @botocore.loaders.instance_cache
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return sorted({name for folder in cast(Any, self)._potential_locations() for name in os.listdir(folder)})  # noqa: PTH208


_loader: Any = QuickLoader()


class SharedClients(boto3.Session):
    """One caller's session. Clients asked for with equal arguments are one client.

    Without credentials it is every function's: each call is signed with those of the function that makes it."""

    def __init__(self, credentials: dict[str, str] | None) -> None:
        session = botocore.session.Session()
        session.register_component("data_loader", _loader)
        session.set_default_client_config(
            Config(
                user_agent="nightfold-local",  # botocore builds its own anew per call
                request_checksum_calculation="when_required",  # else each body is sent in pieces, with a trailer
                response_checksum_validation="when_required",
            )
        )
        emitter, parsers = (cast(Any, session).get_component(n) for n in ("event_emitter", "response_parser_factory"))
        emitter.register_first("choose-signer", _only_name_the_caller)
        parsers.set_parser_defaults(timestamp_parser=_moment)
        session.register("before-parameter-build", _remember_parameters)
        cast(Any, session)._credentials = (
            Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
            if credentials
            else _OfTheFunction()
        )
        with _nobodys_environment():
            super().__init__(botocore_session=session, region_name="us-east-1")
        self._shared: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, *args: Any, **kwargs: Any) -> Any:
        wanted = repr(args) + repr(sorted((name, _comparable(value)) for name, value in kwargs.items()))
        client = self._shared.get(wanted)
        if client is None:
            with self._lock, _nobodys_environment():
                client = self._shared.get(wanted)
                if client is None:
                    client = self._shared[wanted] = _addressed_once(super().client(*args, **kwargs))
        return client


def _addressed_once(client: Any) -> Any:
    """The client, which finds out where an operation goes once for each bucket, and not from rules at every call."""
    resolve, known = client._ruleset_resolver.construct_endpoint, dict[tuple[str, Any], Any]()

    def construct_endpoint(operation_model: Any, call_args: Any, request_context: Any) -> Any:
        wanted = operation_model.name, (call_args or {}).get("Bucket")
        if wanted not in known:
            known[wanted] = resolve(operation_model, call_args, request_context)
        return known[wanted]

    client._ruleset_resolver.construct_endpoint = construct_endpoint
    return client


class _OfTheFunction(Credentials):
    """The credentials in the environment of the function that is running."""

    def __init__(self) -> None:
        super().__init__("", "")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        function = sandbox.running() or sandbox.NOBODY
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return ReadOnlyCredentials(*(function.environment.get(name, "") for name in names))


def _nobodys_environment() -> AbstractContextManager[None]:
    """A function's clients are made in the function's environment, everybody else's never in the user's."""
    return sandbox.inside(sandbox.NOBODY) if sandbox.running() is None else nullcontext()


def parameters_of_this_call() -> dict[str, Any]:
    """What the current thread passed to the client method that it is in."""
    return getattr(_said, "parameters", {})


class _Caller(botocore.auth.BaseSigner):
    """Says whose call it is, in the place where AWS reads it. Nobody checks a signature here, and making one takes as
    long as half of an answer."""

    REQUIRES_REGION = True

    def __init__(self, credentials: Any, service_name: str, region_name: str) -> None:
        self._key, self._scope = credentials.access_key, f"20260101/{region_name}/{service_name}/aws4_request"

    def add_auth(self, request: Any) -> None:
        credential = f"Credential={self._key}/{self._scope}"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"


botocore.auth.AUTH_TYPE_MAPS["nightfold"] = _Caller


def _only_name_the_caller(**event: Any) -> str | None:
    return "nightfold" if event["signature_version"] in {"v4", "s3v4"} else None  # a presigned link is signed


def _moment(value: Any) -> datetime:
    """botocore tries out what a time might be written like, which is a fifth of a GetObject."""
    return parsedate_to_datetime(value) if str(value).endswith(" GMT") else parse_timestamp(value)


def _remember_parameters(**event: Any) -> None:
    _said.parameters = event["params"]


def _comparable(value: Any) -> str:
    return repr(getattr(value, "_user_provided_options", value))
