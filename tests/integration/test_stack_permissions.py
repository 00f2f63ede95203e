"""What a command for a stack needs and may do, under the operator's policy as the template deploys it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.served_stack import Served
from tests.support.stack_commands import (
    AT_TIMES,
    BROUGHT_BY,
    FINDS_WHAT_IS_MISSING,
    GIVEN,
    NEEDED,
    NOT_ASKED_FOR,
    typed,
)


def leave_a_run_without_census(stack: Served) -> None:
    newest = max((stack.state_dir / "runs").iterdir(), key=lambda run: run.name.partition("-")[2])
    (newest / "summary.json").unlink()


TIMES: dict[str, Callable[[Served], None]] = {"while a run has not closed its census": leave_a_run_without_census}


@pytest.mark.parametrize("command", [command for command in NEEDED if command not in FINDS_WHAT_IS_MISSING])
def test_a_command_needs_these_permissions_and_no_other(fresh: Served, command: str) -> None:
    """Each action is taken away once, from the first command that needs it."""
    given = GIVEN.get(command)
    for action in (action for action in NEEDED[command] if BROUGHT_BY[action] == command):
        words = [*fresh.words(command), "--region", "us-east-1"]
        refused = fresh.stack(*words, key=fresh.key_of(NEEDED[command] - {action}), given=given)
        assert (refused.code, refused.out) == (64, "")
        assert f"do not allow {action}; attach the policy" in refused.err.splitlines()[-1]
    done = fresh.stack(*fresh.words(command), key=fresh.key_of(NEEDED[command]), given=given)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("command", "action", "when"), [(command, *row) for command, rows in AT_TIMES.items() for row in rows.items()]
)
def test_a_command_needs_this_permission_at_times(fresh: Served, command: str, action: str, when: str) -> None:
    TIMES[when](fresh)
    refused = fresh.stack(*typed(command), key=fresh.key_of(NEEDED[command]))
    assert (refused.code, f"do not allow {action}" in refused.err) == (64, True)
    done = fresh.stack(*typed(command), key=fresh.key_of(NEEDED[command] | {action}))
    assert done.code == 0, done.err


def test_to_watch_a_run_that_is_not_named_one_has_to_be_found(fresh: Served) -> None:
    (action,) = [action for action, when in NOT_ASKED_FOR["watch RUN"].items() if when == "without RUN"]
    refused = fresh.stack("watch", key=fresh.key_of(NEEDED["watch RUN"]))
    assert (refused.code, f"do not allow {action}" in refused.err) == (64, True)
    done = fresh.stack("watch", key=fresh.key_of(NEEDED["watch RUN"] | {action}))
    assert (done.code, "no run of the stack nightfold is under way" in done.err) == (64, True)


def test_the_operators_policy_ends_at_the_stack(fresh: Served) -> None:
    key = fresh.operators_key()
    assert fresh.stack("results", key=key).code == 0
    refused = fresh.stack("results", "--stack", "other", key=key)
    assert (refused.code, "do not allow cloudformation:DescribeStacks" in refused.err) == (64, True)


def test_a_role_that_may_not_be_assumed_is_no_matter_of_the_operators_policy(fresh: Served, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/auditor"
    keys = f"aws_access_key_id = {fresh.operators_key()}\naws_secret_access_key = local"
    (tmp_path / "config").write_text(
        f"[profile me]\n{keys}\n[profile auditor]\nrole_arn = {role}\nsource_profile = me\n"
    )
    refused = fresh.stack("results", "--profile", "auditor", AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert (refused.code, refused.out) == (64, "")
    assert "AWS refused sts:AssumeRole: AccessDenied: " in refused.err
    assert len(refused.err.splitlines()) == 1
