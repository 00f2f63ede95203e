"""Each of these mistakes, planted into a copy of the template and the state machine, makes `make check` fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.packaging import lint

ROOT = Path(__file__).parents[2]
TEMPLATE, MACHINE = "template.yaml", "infra/statemachine/nightly.asl.json"
Linter = Callable[[Path], bool]
pytestmark = pytest.mark.skipif(
    not os.environ.get("NIGHTFOLD_LINTERS"), reason="`make e2e` runs the linters on each planted mistake"
)
LINTERS = "linters"
MISTAKES = {  # in which file, what was right, what is wrong, and who finds it: our own test of that name, or a linter
    "an unknown runtime": (TEMPLATE, "Runtime: python3.13", "Runtime: python3.31", "template"),
    "a function timeout under the SDK's": (TEMPLATE, "Timeout: 630", "Timeout: 590", "statemachine"),
    "a typo in an IAM action": (TEMPLATE, "Action: ssm:GetParameter\n", "Action: ssm:GetParametre\n", LINTERS),
    "a wildcard action": (TEMPLATE, "Action: ssm:GetParameter\n", "Action: ssm:*\n", "template"),
    "a Next to a missing state": (MACHINE, '"Next": "StoreOutcome"', '"Next": "StoreOutcomes"', "statemachine"),
    "encryption off": (TEMPLATE, "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false", "operations"),
    "a schedule without a dead-letter queue": (
        TEMPLATE,
        "            DeadLetterConfig: { Arn: !GetAtt NightUndelivered.Arn }\n",
        "",
        "operations",
    ),
    "a key in an environment variable": (
        TEMPLATE,
        "          ANTHROPIC_BASE_URL: !Ref AnthropicBaseUrl\n",
        "          ANTHROPIC_BASE_URL: !Ref AnthropicBaseUrl\n          ANTHROPIC_API_KEY: sk-ant-secret\n",
        "operations",
    ),
    "an error name that no class has": (MACHINE, '"Overloaded"', '"OverLoaded"', "statemachine"),
    "a property that SAM does not know": (TEMPLATE, "      Handler: planner", "      Handlr: planner", LINTERS),
    "a property of a schedule that SAM does not know": (
        TEMPLATE,
        "ScheduleExpressionTimezone",
        "ScheduleTimezone",
        LINTERS,
    ),
}
AWS, OTHER = lint.states_language_service, lint.asl_validator
# Mistakes that only one of the state machine's linters finds; our own tests are not run.
OF_ONE_LINTER: dict[str, tuple[str, str, Linter, Linter]] = {
    "a backoff that shrinks": ('"BackoffRate": 3', '"BackoffRate": 0.5', AWS, OTHER),
    "a jitter that does not exist": ('"JitterStrategy": "FULL"', '"JitterStrategy": "SOME"', AWS, OTHER),
    "a longest delay of zero": ('"MaxDelaySeconds": 120', '"MaxDelaySeconds": 0', AWS, OTHER),
    "items of an unknown kind": ('"InputType": "JSON"', '"InputType": "JASON"', AWS, OTHER),
    "a task without any time": ('"TimeoutSeconds": 330', '"TimeoutSeconds": 0', OTHER, AWS),
    "an invalid path": ('"OutputPath": "$.state"', '"OutputPath": "$.state["', OTHER, AWS),
    "two concurrency fields": ('"MaxConcurrencyPath"', '"MaxConcurrency": 4, "MaxConcurrencyPath"', OTHER, AWS),
    "a name that is used twice": ('"NetworkFailure"', '"PublishDigest"', OTHER, AWS),
}


def complains(folder: Path, judge: str) -> bool:
    if judge == LINTERS:
        return lint.main(folder) != 0
    test = f"tests/unit/infra/test_{judge}.py"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--noconftest", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "NIGHTFOLD_DESCRIBED_IN": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode != 0  # noqa: S603


def described(folder: Path) -> Path:
    shutil.copy(ROOT / TEMPLATE, folder / TEMPLATE)
    (folder / MACHINE).parent.mkdir(parents=True)
    shutil.copy(ROOT / MACHINE, folder / MACHINE)
    return folder


@pytest.mark.parametrize("judge", ["template", "statemachine", "operations", LINTERS])
def test_a_faithful_copy_passes(judge: str, tmp_path: Path) -> None:
    assert not complains(described(tmp_path), judge)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake: str, tmp_path: Path) -> None:
    name, right, wrong, judge = MISTAKES[mistake]
    planted = described(tmp_path) / name
    before = planted.read_text(encoding="utf-8")
    assert right in before
    planted.write_text(before.replace(right, wrong, 1), encoding="utf-8")
    assert complains(tmp_path, judge)


@pytest.mark.parametrize("mistake", OF_ONE_LINTER)
def test_each_linter_of_the_state_machine_finds_what_the_other_misses(mistake: str, tmp_path: Path) -> None:
    right, wrong, finds, misses = OF_ONE_LINTER[mistake]
    text = (ROOT / MACHINE).read_text(encoding="utf-8")
    assert right in text
    planted = tmp_path / "nightly.asl.json"
    planted.write_text(text.replace(right, wrong), encoding="utf-8")
    assert finds(planted)
    assert not misses(planted)
