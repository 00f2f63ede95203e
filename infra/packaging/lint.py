"""Runs linters on the template and the state machine: `python -m infra.packaging.lint [FOLDER]`.

SAM's own translator reads the template as `sam deploy` does; cfn-lint and checkov read its output, as
neither reads SAM any more. Two npm linters read the state machine, which is only text to the others: each finds
mistakes that the other misses. All are locked with hashes: cfn-lint by uv.lock, the others by the files in linters/,
in a separate environment that is created once.
Exits with the number of linters that complained.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]

from infra.packaging.dependencies import ROOT, CannotBuild, find_uv, one_at_a_time
from infra.packaging.expanded import expand

LOCKS = Path(__file__).with_name("linters")


def main(folder: Path = ROOT) -> int:
    machine = folder / "infra/statemachine/nightly.asl.json"
    try:
        document = expand((folder / "template.yaml").read_text(encoding="utf-8"))
    except InvalidDocumentException as error:
        sys.stderr.write(f"{error.message}\n" + "".join(f"{cause.message}\n" for cause in error.causes))
        return 1
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor() as linters:
        expanded = Path(temporary) / "template.json"
        expanded.write_text(json.dumps(document, indent=1))
        complains = [linters.submit(lint, expanded) for lint in (cfn_lint, checkov)]
        if shutil.which("npm") is None:
            sys.stderr.write("The state machine's linters are skipped: npm (Node.js) is not installed.\n")
        else:
            complains += [linters.submit(lint, machine) for lint in (asl_validator, states_language_service)]
        return sum(each.result() for each in complains)


def cfn_lint(expanded: Path) -> bool:
    command = Path(sys.executable).with_name("cfn-lint")
    return _complains(str(command), "--regions", "us-east-1", "--", str(expanded))


def checkov(expanded: Path) -> bool:
    command = str(_made_once("checkov.txt", _python_tools) / "bin/checkov")
    given = ["--file", str(expanded), "--framework", "cloudformation", "--compact", "--quiet", "--skip-download"]
    return _complains(command, *given)


def asl_validator(machine: Path) -> bool:
    command = _made_once("package-lock.json", _node_tools) / "node_modules/.bin/asl-validator"
    return _complains(str(command), "--json-path", str(machine))


def states_language_service(machine: Path) -> bool:
    script = _made_once("package-lock.json", _node_tools) / "states.cjs"
    return _complains("node", str(script), str(machine))


def _made_once(lock: str, make: Callable[[Path], None]) -> Path:
    """The environment that a lock file describes, in a separate folder for each version of linters/."""
    files = sorted(file for file in LOCKS.iterdir() if file.is_file())
    fingerprint = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    with one_at_a_time() as work:
        made = work / f"linters-{fingerprint[:12]}" / Path(lock).stem
        if not made.is_dir():
            for former in work.glob("linters-*"):
                if former != made.parent:
                    shutil.rmtree(former)
            begun = made.with_suffix(".begun")
            shutil.rmtree(begun, ignore_errors=True)
            make(begun)
            begun.rename(made)
    return made


def _python_tools(folder: Path) -> None:
    _run(find_uv(), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder))
    lock = str(LOCKS / "checkov.txt")
    _run(find_uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder / "bin/python"), lock)


def _node_tools(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "states.cjs"):
        shutil.copy(LOCKS / name, folder)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder))


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise CannotBuild(f"{command[0]} {command[1]} failed:\n{ended.stderr.strip()}")


def _complains(*command: str) -> bool:
    """Whether the linter complained; its output is shown only then."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        sys.stderr.write(f"{ended.stdout}{ended.stderr}\n")
    return ended.returncode != 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
