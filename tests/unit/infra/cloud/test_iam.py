"""Role policies are evaluated as IAM evaluates them."""

import pytest

from infra.cloud.iam import Roles

READER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::box/open/*", "arn:aws:s3:::box/?.txt"]},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::box/open/secret/*"},
    ],
}


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", "arn:aws:s3:::box/open/a", True),
        ("s3:getobject", "arn:aws:s3:::box/open/a", True),
        ("s3:GetObject", "arn:aws:s3:::box/a.txt", True),
        ("s3:GetObject", "arn:aws:s3:::box/ab.txt", False),
        ("s3:GetObject", "arn:aws:s3:::box/aXtxt", False),
        ("s3:GetObject", "arn:aws:s3:::boxy/open/a", False),
        ("s3:PutObject", "arn:aws:s3:::box/open/a", False),
        ("s3:GetObject", "arn:aws:s3:::box/open/secret/a", False),
        ("s3:HeadObject", "arn:aws:s3:::box/open/a", True),
        ("sqs:SendMessageBatch", "arn:aws:sqs:::queue", True),
        ("sqs:DeleteMessage", "arn:aws:sqs:::queue", False),
        ("sts:GetCallerIdentity", "*", True),
    ],
)
def test_a_role_may_do_what_its_policies_say(action: str, resource: str, allowed: bool) -> None:
    assert Roles({"reader": [READER]}).allow("reader", action, resource) is allowed


def test_a_role_without_policies_may_do_nothing() -> None:
    assert not Roles({"bare": []}).allow("bare", "s3:GetObject", "*")
    assert not Roles({}).allow("unknown", "s3:GetObject", "*")


def test_a_caller_without_a_role_has_full_access() -> None:
    assert Roles({}).allow(None, "s3:DeleteBucket", "arn:aws:s3:::box")


def test_a_policy_may_be_a_single_statement() -> None:
    document = {
        "Statement": {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/x"}
    }
    assert Roles({"one": [document]}).allow("one", "ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/x")


def test_an_allow_is_not_lost_among_more_resources_than_are_cached() -> None:
    roles = Roles({"reader": [READER]})
    assert all(roles.allow("reader", "s3:GetObject", f"arn:aws:s3:::box/open/{each}") for each in range(10_500))
