"""What `nightfold smoke` finds, and its patience with what AWS shows late."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from infra.cli.checks import Finding, fix, note, ok
from infra.cli.run_result import RunResult
from infra.cli.smoke_checks import POLL_S, smoke_checks
from nightfold.contract import Summary
from nightfold.errors import InvalidInput
from tests.unit.infra.cli.test_results_text import summary as of_sites


@dataclass
class Account:
    """Shows the message that waits and the lines of log after so many seconds."""

    late_s: float = 90.0
    messages_after_s: float = 0.0
    lines_after_s: float = 0.0
    refuses: str = ""
    paused_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.paused_s += seconds

    def waiting(self) -> int:
        if self.refuses:
            raise InvalidInput(f"--stack: {self.refuses}")
        return int(self.paused_s >= self.messages_after_s)

    def logged(self, run_id: str) -> int:
        self.asked.append(run_id)
        return 2 if self.paused_s >= self.lines_after_s else 1


def summary(*errors: str, **more: Any) -> Summary:
    """Of a site for each error; where that is empty, the site is accepted."""
    closed = of_sites(errors.count(""), len(errors) - errors.count(""))
    sites = [
        site.model_copy(update={"error": error or None})
        for site, error in zip(closed.sites, sorted(errors), strict=True)
    ]
    return Summary.model_validate(closed.model_dump() | {"run_id": "smoke-1", "sites": sites} | more)


def checked(account: Account, closed: Summary | None, sites: int = 2, **result: str) -> dict[str, Finding]:
    at: Any = SimpleNamespace(evidence=account, logs="the log", suggest=lambda command: f"nightfold {command}")
    ended = RunResult("smoke-1", "closed" if closed else "broken", closed, **result)  # type: ignore[arg-type]
    return {each.name: each.finding for each in smoke_checks(at, ended, sites, account.pause)}


def test_a_run_that_leaves_what_it_should() -> None:
    account = Account()
    assert checked(account, summary("", "RequestRejected")) == {
        "run": note("smoke-1 is partial: 1 site missed", "nightfold misses"),
        "census": ok("planned 2 = accepted 1 + missed 1"),
        "miss queue": ok("1 message waiting, 1 site missed"),
        "logs": ok("2 lines of the collector about 2 sites, in the log"),
    }
    assert (account.paused_s, account.asked) == (0, ["smoke-1"])


def test_what_aws_shows_late_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    account = Account(messages_after_s=60, lines_after_s=75)
    found = checked(account, summary("", "RequestRejected"))
    assert [found[name].status for name in ("miss queue", "logs")] == ["ok", "ok"]
    assert account.paused_s == 75
    assert capsys.readouterr().err.splitlines() == [
        "0 of 1 messages in the miss queue so far. AWS shows them late; looking for 90 s …",
        "1 of 2 lines of the collector's log so far. AWS shows them late; looking for 90 s …",
    ]


def test_what_does_not_show_up_is_wrong() -> None:
    account = Account(messages_after_s=10_000, lines_after_s=10_000)
    found = checked(account, summary("", "RequestRejected"))
    assert found["miss queue"] == fix("0 messages waiting, 1 site missed", "nightfold misses")
    assert found["logs"] == fix("1 line of the collector about 2 sites, in the log")
    assert account.paused_s == 2 * 90
    assert 90 % POLL_S == 0


def test_files_are_not_waited_for() -> None:
    account = Account(late_s=0, lines_after_s=10_000)
    assert checked(account, summary("", ""))["logs"].status == "fix"
    assert account.paused_s == 0


@pytest.mark.parametrize(
    ("closed", "sites", "status"),
    [
        (summary("", ""), 2, "ok"),
        (summary("", "", planned=3), 3, "fix"),  # one is nowhere
        (summary("", ""), 3, "fix"),  # one was not planned
        (summary("", planned=1), 2, "fix"),
    ],
)
def test_a_census_holds_for_the_sites_that_were_asked_for(closed: Summary, sites: int, status: str) -> None:
    assert checked(Account(), closed, sites)["census"].status == status


def test_a_run_without_an_answer_is_wrong() -> None:
    found = checked(Account(), summary("AccessDenied", "NotAttempted", not_attempted=1))
    assert found["run"] == fix(
        "smoke-1 is failed: no site was accepted (AccessDenied, NotAttempted)", "nightfold misses"
    )
    assert found["logs"] == ok("2 lines of the collector about 1 site, in the log")


def test_a_run_without_a_census_is_named_with_its_cause() -> None:
    found = checked(Account(), None, error="States.Runtime", cause="an item is missing")
    assert found == {"run": fix("smoke-1 has no census: States.Runtime: an item is missing", "nightfold doctor")}


def test_what_may_not_be_looked_at_is_wrong_too() -> None:
    found = checked(Account(refuses="these AWS credentials do not allow sqs:GetQueueAttributes"), summary("", ""))
    assert found["miss queue"] == fix("not known: these AWS credentials do not allow sqs:GetQueueAttributes")
    assert found["logs"].status == "ok"
