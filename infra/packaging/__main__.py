"""`python -m infra.packaging`: packages of all functions, or of one for SAM."""

import sys
from pathlib import Path

import click

from infra.packaging import packages, template
from infra.packaging.dependencies import ARCHITECTURES, ROOT, CannotBuild
from infra.packaging.package import assemble


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="[default: the template's]")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".aws-sam" / "build",
    help="Where folders, zips and the template for `sam deploy` go.  [default: .aws-sam/build]",
)
@click.option("--function", "only", metavar="LOGICAL_ID", help="Build only this function, directly into --into.")
def build(architecture: str | None, into: Path, only: str | None) -> None:
    """Build every function of template.yaml as a folder and a zip."""
    described = template.read()
    architecture = architecture or described.architecture
    if only is None:
        for made in packages.build(into, architecture):
            click.echo(f"{made.archive}  {made.size / 1e6:.1f} MB  sha256 {made.sha256}")
    elif only in described.functions:
        assemble(described.functions[only], architecture, into)
    else:
        raise CannotBuild(f"template.yaml has no function {only}; it has {', '.join(described.functions)}.")


def main() -> int:
    try:
        build.main(prog_name="python -m infra.packaging", standalone_mode=False)
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        return 64
    except CannotBuild as error:
        click.echo(str(error), err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
