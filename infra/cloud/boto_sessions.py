"""boto3 sessions that share what is expensive: the parsed service models and, for equal arguments, the client itself.

Creating a client takes 10-20 ms and is not thread-safe; using one is. So each kind of client is created once and shared
by all functions, which run as threads of one process.
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

_last_call: Any = threading.local()


class QuickLoader(botocore.loaders.Loader):
    """botocore's loader reads 400 folders before it loads a model; this one only lists their names."""

    @botocore.loaders.instance_cache
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return sorted({name for folder in cast(Any, self)._potential_locations() for name in os.listdir(folder)})  # noqa: PTH208


_loader: Any = QuickLoader()


class SharedClients(boto3.Session):
    """One caller's session. Equal arguments give the same client.

    Without credentials the session belongs to all functions: each call is signed with the calling function's."""

    def __init__(self, credentials: dict[str, str] | None) -> None:
        session = botocore.session.Session()
        session.register_component("data_loader", _loader)
        session.set_default_client_config(
            Config(
                user_agent="nightfold-local",  # botocore otherwise builds one for each call
                request_checksum_calculation="when_required",  # otherwise each body is sent in chunks, with a trailer
                response_checksum_validation="when_required",
            )
        )
        emitter, parsers = (cast(Any, session).get_component(n) for n in ("event_emitter", "response_parser_factory"))
        emitter.register_first("choose-signer", _choose_signer)
        parsers.set_parser_defaults(timestamp_parser=_parse_timestamp)
        session.register("before-parameter-build", _remember_parameters)
        cast(Any, session)._credentials = (
            Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
            if credentials
            else _FunctionCredentials()
        )
        with _clean_environment():
            super().__init__(botocore_session=session, region_name="us-east-1")
        self._shared: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, *args: Any, **kwargs: Any) -> Any:
        wanted = repr(args) + repr(sorted((name, _comparable(value)) for name, value in kwargs.items()))
        client = self._shared.get(wanted)
        if client is None:
            with self._lock, _clean_environment():
                client = self._shared.get(wanted)
                if client is None:
                    client = self._shared[wanted] = _with_cached_endpoints(super().client(*args, **kwargs))
        return client


def _with_cached_endpoints(client: Any) -> Any:
    """The client, which resolves an operation's endpoint once for each bucket instead of at every call."""
    resolve, known = client._ruleset_resolver.construct_endpoint, dict[tuple[str, Any], Any]()

    def construct_endpoint(operation_model: Any, call_args: Any, request_context: Any) -> Any:
        wanted = operation_model.name, (call_args or {}).get("Bucket")
        if wanted not in known:
            known[wanted] = resolve(operation_model, call_args, request_context)
        return known[wanted]

    client._ruleset_resolver.construct_endpoint = construct_endpoint
    return client


class _FunctionCredentials(Credentials):
    """The credentials in the environment of the running function."""

    def __init__(self) -> None:
        super().__init__("", "")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        function = sandbox.running() or sandbox.OUTSIDE_FUNCTIONS
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return ReadOnlyCredentials(*(function.environment.get(name, "") for name in names))


def _clean_environment() -> AbstractContextManager[None]:
    """A function's clients are created in its environment, all others in a clean one, never in the user's."""
    return sandbox.inside(sandbox.OUTSIDE_FUNCTIONS) if sandbox.running() is None else nullcontext()


def parameters_of_this_call() -> dict[str, Any]:
    """The parameters of the client method that the current thread is calling."""
    return getattr(_last_call, "parameters", {})


class _UnsignedCaller(botocore.auth.BaseSigner):
    """Names the caller where AWS expects it. Signatures are not checked here, and computing one would take half as
    long as the whole response."""

    REQUIRES_REGION = True

    def __init__(self, credentials: Any, service_name: str, region_name: str) -> None:
        self._key, self._scope = credentials.access_key, f"20260101/{region_name}/{service_name}/aws4_request"

    def add_auth(self, request: Any) -> None:
        credential = f"Credential={self._key}/{self._scope}"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"


botocore.auth.AUTH_TYPE_MAPS["nightfold"] = _UnsignedCaller


def _choose_signer(**event: Any) -> str | None:
    return "nightfold" if event["signature_version"] in {"v4", "s3v4"} else None  # presigned URLs keep their signature


def _parse_timestamp(value: Any) -> datetime:
    """botocore tries several time formats, which takes a fifth of a GetObject."""
    return parsedate_to_datetime(value) if str(value).endswith(" GMT") else parse_timestamp(value)


def _remember_parameters(**event: Any) -> None:
    _last_call.parameters = event["params"]


def _comparable(value: Any) -> str:
    return repr(getattr(value, "_user_provided_options", value))
