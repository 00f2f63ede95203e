"""What a cold start imports, by names and numbers: a time would measure the machine.

`make bench-cold-start` has the milliseconds. The budgets leave a tenth of room; who needs more raises them on purpose.
"""

import json
import subprocess
import sys

import pytest

NEVER = {
    "aws_xray_sdk",
    "hypothesis",
    "infra",
    "moto",
    "pytest",
    "requests",
    "rich",
    "samtranslator",
    "werkzeug",
    "yaml",
}
MODEL_API = {"anthropic", "anyio", "httpx2"}
BUDGETS = {  # modules beyond Python's own start, and what the function has no business with
    "planner": (530, NEVER | MODEL_API | {"jinja2", "collector", "aggregator", "reporter"}),
    "pacer": (515, NEVER | MODEL_API | {"jinja2", "planner", "collector", "aggregator", "reporter"}),
    "collector": (3_900, NEVER | {"jinja2", "planner", "pacer", "aggregator", "reporter"}),  # 1,650 as built
    "aggregator": (515, NEVER | MODEL_API | {"jinja2", "planner", "collector", "reporter"}),
    "reporter": (550, NEVER | MODEL_API | {"planner", "collector", "aggregator"}),
}
HEAVY_PARTS = ("aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.parser")


@pytest.mark.parametrize("function", BUDGETS)
def test_a_handler_imports_no_more_than_it_needs(function: str) -> None:
    code = f"import json, sys; old = set(sys.modules); import {function}.handler; new = set(sys.modules) - old"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", f"{code}; print(json.dumps(sorted(new)))"], capture_output=True, text=True, check=True
    )
    modules = json.loads(done.stdout)
    budget, forbidden = BUDGETS[function]
    assert f"{function}.handler" in modules
    assert {module.partition(".")[0] for module in modules} & forbidden == set()
    assert [module for module in modules if module.startswith(HEAVY_PARTS)] == []
    assert len(modules) <= budget
