"""What each command for a stack needs of IAM, one row a command: for the tests, and for the table in deploy.md."""

import shlex
from collections.abc import Mapping, Set

RECORDS = frozenset({"cloudformation:DescribeStacks", "s3:GetObject", "s3:ListBucket"})  # what reading them takes
PARKED = frozenset(  # what taking misses out of the parked queue takes
    {
        "cloudformation:DescribeStacks",
        "s3:PutObject",
        *(f"sqs:{action}" for action in ("GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility")),
        "sqs:DeleteMessage",
    }
)
CONFIGURATION = frozenset({"cloudformation:DescribeStacks", "ssm:GetParameter"})

PLANNING = frozenset({"cloudformation:DescribeStacks", "s3:GetObject", "ssm:GetParameter"})
STARTING = PLANNING | {"states:StartExecution"}
FOLLOWING = RECORDS | {"states:DescribeExecution"}

NEEDED: Mapping[str, Set[str]] = {
    "plan": PLANNING,
    "run": STARTING | FOLLOWING,
    "run --detach": STARTING,
    "redrive": STARTING | FOLLOWING,
    "watch RUN": FOLLOWING,
    "stop RUN": FOLLOWING | {"states:StopExecution"},
    "results": RECORDS,
    "report": RECORDS,
    "misses": RECORDS | {"sqs:GetQueueAttributes"},
    "unpark": PARKED | {"sqs:SendMessage"},
    "drop SITE": PARKED,
    "memory SITE": RECORDS,
    "memory SITE --forget": RECORDS | {"s3:PutObject"},
    "config": CONFIGURATION,
    "config FIELD=VALUE": CONFIGURATION | {"ssm:PutParameter"},
    "sites": CONFIGURATION | {"s3:GetObject"},
    "sites FILE": CONFIGURATION | {"s3:GetObject", "s3:PutObject"},
    "key": {"cloudformation:DescribeStacks", "ssm:PutParameter"},
    "smoke": STARTING | FOLLOWING | {"logs:FilterLogEvents", "sqs:GetQueueAttributes"},
    "doctor": CONFIGURATION
    | {
        "s3:GetObject",
        "lambda:GetAccountSettings",
        "scheduler:GetSchedule",
        "sns:ListSubscriptionsByTopic",
        "sqs:GetQueueAttributes",
        "ssm:DescribeParameters",
        "states:DescribeStateMachine",
    },
}
BROUGHT_BY: Mapping[str, str] = {  # of each action, the first row that has it
    action: command for command in reversed([*NEEDED]) for action in NEEDED[command]
}
FINDS_WHAT_IS_MISSING = frozenset({"doctor"})  # permissions too: it goes on without
AT_TIMES: Mapping[str, Mapping[str, str]] = {  # what a command needs besides, and when
    "misses": {"states:DescribeExecution": "while a run has not closed its census"},
}
_BRANCHES = dict.fromkeys(("states:ListMapRuns", "states:DescribeMapRun"), "to show how many branches run")
_NO_PACE = {"s3:ListBucket": "while there is no `config/pace.json`"}
NOT_ASKED_FOR: Mapping[str, Mapping[str, str]] = {  # what it can do without, or what only AWS asks for
    "plan": _NO_PACE,
    "run --detach": _NO_PACE,
    "doctor": {"s3:ListBucket": "while there is no site list"},
    **dict.fromkeys(("run", "redrive", "smoke"), _BRANCHES),
    "watch RUN": {"states:ListExecutions": "without RUN", **_BRANCHES},
}
BESIDES: Mapping[str, Set[str]] = {  # all that a command may call beside what it needs
    command: {"sts:GetCallerIdentity", *AT_TIMES.get(command, ()), *NOT_ASKED_FOR.get(command, ())}
    for command in NEEDED
}
TYPED: Mapping[str, str] = {  # how the tests type a command that takes more than its name
    "run": "run --limit 1",
    "run --detach": "run --limit 1 --detach",
    "watch RUN": "watch RUN",
    "stop RUN": "stop RUN --yes",
    "unpark": "unpark --yes",
    "drop SITE": "drop meadow --yes",
    "memory SITE": "memory harbour",
    "memory SITE --forget": "memory harbour --forget --yes",
    "config FIELD=VALUE": "config remember=3 --yes",
    "sites FILE": "sites events/sites-with-articles.json --yes",
}
GIVEN: Mapping[str, str] = {  # what the tests give a command on standard input
    "key": "sk-ant-a-key",
}


def typed(command: str) -> list[str]:
    """The words of a row's command, without `nightfold` and `--stack`."""
    return shlex.split(TYPED.get(command, command))


def markdown() -> str:
    lines = ["| command | actions |", "| --- | --- |"]
    for command, actions in NEEDED.items():
        always = [f"`{action}`" for action in sorted(actions)]
        at_times = [*AT_TIMES.get(command, {}).items(), *NOT_ASKED_FOR.get(command, {}).items()]
        besides = [f"`{action}` {when}" for action, when in at_times]
        lines.append(f"| `{command}` | {', '.join([*always, *besides])} |")
    return "\n".join(lines)
