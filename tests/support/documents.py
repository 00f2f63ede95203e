"""The generated parts of the documents: `make docs` writes them, `tests/unit/infra/test_documents.py` compares them.

A generated part is the text between `<!-- name -->` and `<!-- /name -->`; `PARTS` has the generator of each name.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from infra.cli.main import nightfold
from infra.packaging import costs
from nightfold.settings import AUTO, MOST_AT_ONCE, RunConfiguration
from reporter import words
from tests.support import failure_table, stack_commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "infra/docs").glob("*.md")))
_PART = re.compile(r"<!-- (?P<name>[a-z ]+) -->\n(?P<content>.*?)<!-- /(?P=name) -->", re.DOTALL)


def _commands() -> str:
    """Each command's own help, at a fixed width, from click itself."""
    settings: dict[str, Any] = {**nightfold.context_settings, "terminal_width": 100}
    with click.Context(nightfold, info_name="nightfold", **settings) as top:
        texts = [top.get_help()]
        for name in nightfold.list_commands(top):
            command = nightfold.get_command(top, name)
            if command is not None and not command.hidden:
                with click.Context(command, info_name=name, parent=top, terminal_width=100) as context:
                    texts.append(command.get_help(context))
    return "\n\n".join(f"```text\n{text}\n```" for text in texts)


_NOT_BOUNDED = {  # by numbers in the schema
    "max_concurrency": f"`{AUTO}`, or 1 to {MOST_AT_ONCE:,}",
    "model": "a model id",
    "question": "a folder's name",
}


def _configuration() -> str:
    """Every field of the configuration, from its model."""
    lines = ["| field | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, schema in RunConfiguration.model_json_schema()["properties"].items():
        numeric = next((each for each in schema.get("anyOf", [schema]) if each["type"] != "null"), schema)
        low = numeric.get("minimum", numeric.get("exclusiveMinimum"))
        above = "above " if "exclusiveMinimum" in numeric else ""
        allowed = f"{above}{low:,} to {numeric['maximum']:,}" if low is not None else _NOT_BOUNDED[name]
        default = "none" if schema["default"] is None else f"`{schema['default']}`"
        lines.append(f"| `{name}` | {default} | {allowed} | {schema['description']} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "commands": _commands,
    "configuration": _configuration,
    "costs": costs.markdown,
    "failures": failure_table.markdown,
    "failures in short": failure_table.short_markdown,
    "misses": words.markdown,
    "permissions": stack_commands.markdown,
}


def parts(document: str) -> Iterator[tuple[str, str]]:
    """Name and content of every generated part in a document's text."""
    for part in _PART.finditer(document):
        if part["name"] in PARTS:
            yield part["name"], part["content"].strip("\n")


def regenerated(document: str) -> str:
    """The text with every generated part as it should be."""

    def fresh(part: re.Match[str]) -> str:
        name = part["name"]
        return f"<!-- {name} -->\n{PARTS[name]()}\n<!-- /{name} -->" if name in PARTS else part[0]

    return _PART.sub(fresh, document)


def main() -> None:
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = regenerated(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")  # noqa: T201


if __name__ == "__main__":
    main()
