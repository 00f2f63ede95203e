"""The tree is the architecture: who may import whom, what importing does, and how large things are."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clouds import PATIENCE_S

ROOT = Path(__file__).parents[2]
TREE = ROOT / "functions"
MODULES = {
    ".".join(path.relative_to(TREE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(TREE.rglob("*.py"))
}
FUNCTIONS = sorted({name.partition(".")[0] for name in MODULES} - {"nightfold", "questions"})
# One module per outside system; a step is given them.
ADAPTERS = {
    "aggregator.miss_queue",
    "collector.claude",
    "collector.connections",
    "nightfold.observability",
    "nightfold.storage",
    "planner.configuration",
    "planner.executions",
    "planner.miss_queue",
    "reporter.links",
    "reporter.topic",
}
STEPS = {"aggregator.aggregate", "collector.collect", "pacer.pace_run", "planner.plan"}
NIGHTFOLD = {
    "amounts",
    "answers",
    "branch",
    "budget",
    "complaints",
    "contract",
    "errors",
    "failure_message",
    "memory",
    "misses",
    "observability",
    "question",
    "results",
    "run_folders",
    "settings",
    "sites",
    "storage",
    "stored",
    "text",
    "waves",
}


def imports(path: Path) -> Iterator[str]:
    """Every module that the module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(*packages: str) -> set[str]:
    return {name for name in MODULES for module in imports(MODULES[name]) if module.split(".")[0] in packages}


def test_the_scans_below_see_something() -> None:
    assert {"planner", "pacer", "collector", "aggregator"} <= set(FUNCTIONS)
    assert len(MODULES) >= 25
    assert "nightfold.contract" in set(imports(MODULES["planner.plan"]))
    assert "anthropic" in set(imports(MODULES["collector.claude"]))
    assert set(MODULES) >= ADAPTERS | STEPS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_imports_another(function: str) -> None:
    others = set(FUNCTIONS) - {function}
    for name in MODULES:
        if name.partition(".")[0] == function:
            assert not {module for module in imports(MODULES[name]) if module.partition(".")[0] in others}, name


def test_nightfold_imports_no_function() -> None:
    assert not [name for name in importers(*FUNCTIONS) if name.startswith("nightfold")]


def test_functions_import_nothing_of_the_laptop() -> None:
    assert not importers("infra", "tests", "moto", "rich", "click")


def test_only_claude_and_its_connections_import_anthropic() -> None:
    assert importers("anthropic", "httpx2", "httpx") == {"collector.claude", "collector.connections"}


def test_the_collector_knows_no_s3_and_no_queue() -> None:
    assert not [
        n for n in MODULES if n.startswith("collector") and {"nightfold.storage.Bucket"} & set(imports(MODULES[n]))
    ]


def test_only_adapters_and_handlers_make_clients() -> None:
    assert importers("boto3") <= ADAPTERS | {name for name in MODULES if name.endswith(".handler")}


def test_imports_point_from_handler_to_step_to_adapter_to_nightfold() -> None:
    for name in MODULES:
        own = {module for module in imports(MODULES[name]) if module in MODULES}
        if not name.endswith(".handler"):
            assert not [module for module in own if module.endswith(".handler")], name
        if name in ADAPTERS:
            assert not own & STEPS, name
        if name.startswith("nightfold"):
            assert not [module for module in own if not module.startswith("nightfold")], name


def test_nightfold_is_a_closed_list() -> None:
    assert {name.partition(".")[2] for name in MODULES if name.startswith("nightfold.")} == NIGHTFOLD


def test_no_module_has_a_name_that_says_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "core"}
    assert not [name for name in MODULES if set(name.split(".")) & nothing]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_tells_its_job(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))


def test_handlers_are_small_and_modules_too() -> None:
    for name, path in MODULES.items():
        lines = path.read_text(encoding="utf-8").splitlines()
        code = [
            line for line in lines if line.strip() and not line.lstrip().startswith(("#", '"""', "import ", "from "))
        ]
        if name.endswith(".handler"):
            assert len(code) <= 40, name
        assert len(lines) <= 200, name


INFRA = ROOT / "infra"
ROOMS = {  # of infra: which other rooms each may import
    "cli": {"cloud", "fingerprint", "messages_api", "stack", "state", "uv"},
    "cloud": {"loopback", "state"},
    "messages_api": {"loopback"},
    "stack": set[str](),
    "state": set[str](),
    "packaging": {"fingerprint", "uv"},
}


def rooms_imported(path: Path) -> set[str]:
    return {module.split(".")[1] for module in imports(path) if module.startswith("infra.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_infra_imports_only_the_rooms_below_it(room: str) -> None:
    paths = sorted((INFRA / room).rglob("*.py"))
    assert paths
    for path in paths:
        assert rooms_imported(path) <= ROOMS[room] | {room}, path


def test_contributing_has_the_same_rules() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"(?m)^\| `infra/(\w+)` \|[^|]+\| (.+) \|$", text))
    assert {room: set(re.findall(r"`(\w+)`", may)) for room, may in written.items()} == {
        room: may & ROOMS.keys() for room, may in ROOMS.items()
    }


def test_every_room_of_infra_has_its_rule() -> None:
    assert {path.parent.name for path in INFRA.glob("*/__init__.py")} == set(ROOMS)
    assert rooms_imported(INFRA / "cli" / "local_run.py") >= {"cloud", "messages_api"}


TESTS = ROOT / "tests"
SUITES = {"chaos", "e2e", "integration", "performance", "unit"}


def test_what_several_suites_share_is_in_support() -> None:
    """A suite imports itself and `tests.support`; the unit tests of the benchmarks are the exception."""
    looked_at = 0
    for suite in SUITES | {"support"}:
        for path in sorted((TESTS / suite).rglob("*.py")):
            others = set(re.findall(r"^\s*from tests\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)) & SUITES
            allowed = {suite, "performance"} if "performance" in path.parts else {suite}
            assert others <= allowed, path
            looked_at += 1
    assert looked_at > 100


EVERYTHING = """
import importlib, os, socket, sys
import boto3, botocore.session

def refuse(*_, **__):
    raise SystemExit("importing made a client, or opened a connection")

boto3.client = boto3.resource = boto3.Session.client = botocore.session.Session.create_client = refuse
socket.socket.connect = refuse
before = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert dict(os.environ) == before, "importing changed the environment"
print(sum(name in sys.modules for name in sys.argv[1:]))
"""


def python(code: str, *arguments: str, environment: dict[str, str], cwd: Path = ROOT) -> str:
    """What the code printed, with nothing else in its environment."""
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env={"PYTHONPATH": os.pathsep.join([str(TREE), *sys.path])} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_everything_in_an_empty_environment_does_nothing(tmp_path: Path) -> None:
    assert int(python(EVERYTHING, *MODULES, environment={}, cwd=tmp_path)) == len(MODULES)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("environment", "made"), [({}, "0"), ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, "1")])
def test_only_on_lambda_the_collector_reads_its_certificates_while_it_is_imported(
    environment: dict[str, str], made: str
) -> None:
    code = "import collector.handler; print(collector.handler.adapters.cache_info().currsize)"
    assert python(code, environment=environment) == made
