"""What linters say of the template and the state machine: `python -m infra.packaging.lint [FOLDER]`.

`sam validate --lint` sees the template as it is; cfn-lint and checkov see it as SAM expands it, since neither looks
into SAM any more; asl-validator (npm) sees the state machine, which the others take for text. Each runs in an
environment of its own, at a pinned version.
Ends with the number of linters that complained.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.packaging.dependencies import ROOT, find_uv
from infra.packaging.expanded import expand


def main(folder: Path = ROOT) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        expanded = Path(temporary) / "template.json"
        expanded.write_text(json.dumps(expand((folder / "template.yaml").read_text()), indent=1))
        checkov = ["checkov", "--file", str(expanded), "--framework", "cloudformation", "--compact", "--quiet"]
        validate = ["sam", "validate", "--lint", "--region", "us-east-1"]
        complained = [
            _tool("cfn-lint==1.58.0", "cfn-lint", "--regions", "us-east-1", "--", str(expanded)),
            _tool("checkov==3.3.30", *checkov, "--skip-download"),
            _tool("aws-sam-cli==1.170.0", *validate, "--template-file", str(folder / "template.yaml")),
            _asl_validator(folder / "infra/statemachine/nightly.asl.json"),
        ]
    return sum(complained)


def _tool(requirement: str, *command: str) -> bool:
    return _run(find_uv(), "tool", "run", "--quiet", "--from", requirement, *command)


def _asl_validator(definition: Path) -> bool:
    if shutil.which("npx") is None:
        sys.stderr.write("asl-validator skipped: there is no npx (Node.js) here\n")
        return False
    return _run("npx", "--yes", "--loglevel=error", "asl-validator@4.0.0", "--json-path", str(definition))


def _run(*command: str) -> bool:
    """Whether the linter complained; what it said is shown only then."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        sys.stderr.write(f"{ended.stdout}{ended.stderr}\n")
    return ended.returncode != 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
