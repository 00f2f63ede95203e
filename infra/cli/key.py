"""`nightfold key`."""

import json
import sys

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import to_stderr, to_stdout, visible

LIMIT = 10_000  # characters that are read, many more than a key has


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="", nargs=-1, type=click.UNPROCESSED)
@json_option
@installation_options
def key(arguments: tuple[str, ...], as_json: bool, at: Installation) -> int:
    """Store the API key of a deployed stack.

    The key comes from standard input or from a prompt that does not show it, never from an argument:
    `printenv ANTHROPIC_API_KEY | nightfold key --stack NAME`. It is stored encrypted, and never read back.
    """
    from nightfold.errors import InvalidInput
    from nightfold.text import is_api_key

    if arguments:
        raise InvalidInput(
            "key: takes no arguments, only options that --help lists. If you typed the key, your shell's history may "
            "contain it now: revoke it, and give the next one on standard input or at the prompt"
        )
    place = at.api_key
    typed = _read()
    if not typed:
        raise InvalidInput("key: nothing was typed, or standard input is empty")
    if not is_api_key(typed):
        raise InvalidInput(
            f"key: must be one word of printable ASCII, at most 512 characters, and these {len(typed):,} are not; "
            "perhaps a line break or a quotation mark was copied with it"
        )
    if not typed.startswith("sk-ant-"):
        to_stderr("Warning: the key does not begin with sk-ant-, as keys of the Claude API do.")
    replaced = place.put(typed)
    if as_json:
        to_stdout([json.dumps({"parameter": place.where, "replaced": replaced}, indent=2)])
    else:
        to_stdout([f"the API key is stored in {visible(place.where)}; the next run uses it"])
    if replaced:
        to_stderr("A collector that is still warm uses the former key until it ends, or until Claude refuses that key.")
    return 0


def _read() -> str:
    """What was piped or typed, without the white space around it."""
    if sys.stdin.isatty():
        return str(click.prompt("API key", default="", hide_input=True, show_default=False, err=True)).strip()
    return sys.stdin.buffer.read(LIMIT).decode("ascii", "replace").strip()
