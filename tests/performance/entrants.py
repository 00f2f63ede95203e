"""Who takes part in the race: each is set up here, or says why it cannot be."""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path

from infra.packaging import packages
from infra.packaging.dependencies import CannotBuild, find_uv
from tests.performance.contestant import OURS, Contestant
from tests.performance.part import Options
from tests.performance.watched_process import ROOT
from tests.performance.workloads import AT_ONCE
from tests.support import runtime_emulator as emulator

FOLDER = Path(__file__).with_name("contestants")
SERIAL = "serial"


def contestants(options: Options) -> list[Contestant]:
    """All of them, set up. One that cannot take part here says why."""
    venv, no_python = FOLDER / ".venv/bin/python", _sync(options)
    no_node = _build_typescript(options)
    scripts = {
        SERIAL: "serial.py",
        "all at once": "uncapped.py",
        "cap, budget, timeout": "capped.py",
        "asyncio.Semaphore": "asyncio_semaphore.py",
        "LangGraph Send": "langgraph_send.py",
    }
    found = [
        Contestant(
            name, (str(venv), str(FOLDER / file), "{prompts}", "{results}"), sources=(FOLDER / file,), skipped=no_python
        )
        for name, file in scripts.items()
    ]
    typescript = FOLDER / "typescript"
    found.append(
        Contestant(
            "TypeScript p-limit",
            ("node", str(typescript / "collect.mjs"), "{prompts}", "{results}"),
            sources=(typescript / "collect.ts",),
            skipped=no_node,
        )
    )
    return [*found, *_nightfolds(options)]


def _nightfolds(options: Options) -> list[Contestant]:
    command = str(Path(sys.executable).with_name("nightfold"))
    common = ("--json", "--state-dir", "{results}", "--concurrency", str(AT_ONCE), "--set")
    candidates, timeout = "runs/*/candidates/*.json", "request_timeout_s={timeout_s}"
    night = (
        *(sys.executable, "-m", "tests.performance.fast_run", "{sites}", "{results}"),
        *("--concurrency", str(AT_ONCE), "--request-timeout-s", "{timeout_s}"),
    )
    hurry = ("--speed", "{hurry}")
    in_process = Contestant(
        OURS[0],
        (command, "run", "--sites", "{sites}", *common, timeout),
        (*night, *hurry),
        (command, "redrive", *common, timeout),
        candidates,
    )
    if not emulator.available():
        return [in_process, Contestant(OURS[1], skipped="the Runtime Interface Emulator is a Linux program")]
    options.say("packages for this machine")
    try:
        built = packages.for_this_machine()
        emulator.Emulator(built, options.work / "never-opened")  # downloads what it needs
    except CannotBuild as error:
        return [in_process, Contestant(OURS[1], skipped=str(error))]
    packaged = (*night, "--packages", str(built))
    return [in_process, Contestant(OURS[1], packaged, (*packaged, *hurry), (*packaged, "--redrive"), candidates)]


def _sync(options: Options) -> str:
    """Install what the Python contestants need. Empty, or why that is not possible."""
    try:
        uv = find_uv()
    except CannotBuild as error:
        return str(error)
    options.say("the Python contestants' packages")
    return _prepare([uv, "sync", "--locked", "--quiet"], FOLDER)


def _build_typescript(options: Options) -> str:
    folder = FOLDER / "typescript"
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node.js was not found"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S607
    if (major := re.match(r"v(\d+)", version)) is None or int(major[1]) < 20:
        return f"Node.js {version.strip()} is too old; it needs 20"
    built = folder / "collect.mjs"
    sources = [folder / name for name in ("collect.ts", "package.json", "package-lock.json")]
    if built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return ""
    options.say("the TypeScript contestant's packages")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    return _prepare(["npm", "ci", *quiet], folder) or _prepare(["npm", "run", "--silent", "build"], folder)


def _prepare(command: Sequence[str], folder: Path) -> str:
    not_theirs = {"VIRTUAL_ENV", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT"}
    environment = {name: value for name, value in os.environ.items() if name not in not_theirs}
    environment["UV_COMPILE_BYTECODE"] = "1"  # as `make` does for Nightfold
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0:
        return ""
    last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or [f"exit status {done.returncode}"]
    return f"{' '.join(Path(word).name for word in command[:2])} failed: {last[0].strip()[:200]}"


def lines_of_code(files: Sequence[Path]) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    return sum(_lines_of(file.read_text("utf-8"), file.suffix) for file in files)


def _lines_of(text: str, suffix: str) -> int:
    if suffix == ".py":
        return len(_python_lines(text))
    if suffix == ".ts":
        text = re.sub(r"/\*.*?\*/|^\s*//[^\n]*", "", text, flags=re.DOTALL | re.MULTILINE)
    return sum(1 for line in text.splitlines() if line.strip() and not (suffix == ".yaml" and line.lstrip()[0] == "#"))


def _python_lines(text: str) -> set[int]:
    lines: set[int] = set()
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in blank:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def ours_to_keep() -> list[Path]:
    """What you have with Nightfold: the functions, the template, the state machine."""
    kinds = {".py", ".txt", ".js", ".css", ".j2"}
    functions = sorted(file for file in (ROOT / "functions").rglob("*") if file.suffix in kinds and file.is_file())
    return [*functions, ROOT / "template.yaml", *sorted((ROOT / "infra/statemachine").glob("*.json"))]
