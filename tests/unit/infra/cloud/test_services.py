"""One row for each AWS service, and nothing about a single service elsewhere."""

import ast
from importlib.util import find_spec
from pathlib import Path

import botocore.session
import pytest

from infra.cloud import services
from infra.cloud.iam import SAME_PERMISSION
from infra.cloud.services import SERVICES, Service

CLOUD = Path(services.__file__).parent
GENERAL = ("aws_response.py", "http_server.py", "iam.py", "sam_template.py", "moto_patches/interception.py")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_row_is_found_by_each_of_its_names(service: Service) -> None:
    assert services.named(service.name) is service
    assert services.signed_for(service.scope) is service
    assert services.of_moto(service.moto or service.scope) is service
    assert not service.moto or find_spec(f"moto.{service.moto}.urls")


def test_the_names_are_botocores() -> None:
    session = botocore.session.Session()
    models = [session.get_service_model(name) for name in ("s3", "sqs", "ssm", "sns", "lambda", "iam", "sts", "logs")]
    models += [session.get_service_model(name) for name in ("stepfunctions", "cloudformation", "scheduler")]
    known = {(model.service_id.hyphenize(), model.signing_name) for model in models}
    assert {(service.name, service.scope) for service in SERVICES} == known


def test_errors_use_the_services_protocol() -> None:
    session = botocore.session.Session()
    for service in SERVICES:
        name = {"sfn": "stepfunctions", "cloudwatch-logs": "logs"}.get(service.name, service.name)
        protocol = session.get_service_model(name).metadata["protocol"]
        assert service.errors == {"rest-xml": "s3", "query": "query"}.get(protocol, "json"), service.name


def test_a_service_without_a_row_has_the_defaults() -> None:
    assert (services.named("athena").errors, services.signed_for("athena").address) == (
        "json",
        "athena.us-east-1.amazonaws.com",
    )


def test_permissions_use_the_services_signing_name() -> None:
    assert SAME_PERMISSION["lambda:Invoke"] == "lambda:InvokeFunction"
    assert SAME_PERMISSION["sqs:SendMessageBatch"] == "sqs:SendMessage"


@pytest.mark.parametrize("module", GENERAL)
def test_general_modules_name_no_single_service(module: str) -> None:
    """Except S3 and Lambda, whose operations are identified by the shape of a request instead of its target."""
    tree = ast.parse((CLOUD / module).read_text("utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert texts
    assert not texts & ({each for service in SERVICES for each in (service.name, service.scope)} - {"s3", "lambda"})
