"""The page's template, compiled once, with the filters that it uses."""

from contextlib import suppress
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined, Template
from jinja2.bccache import Bucket

from nightfold.amounts import counted, dollars, duration, plural, price
from nightfold.results import text_of
from nightfold.text import one_line
from reporter.schedule import day_and_time


class _CompiledTemplates(FileSystemBytecodeCache):
    """Keeps the template's byte code next to Python's: compiling it takes longer than the rest of the page. If
    nothing can be written, as on Lambda, it is compiled once per execution environment."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


@cache
def template() -> Template:
    environment = Environment(
        loader=PackageLoader("reporter", "page"),
        bytecode_cache=_CompiledTemplates(str(Path(__file__).with_name("__pycache__"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    environment.filters |= {
        "dollars": dollars,
        "price": price,
        "duration": duration,
        "counted": counted,
        "plural": plural,
        "text": text_of,
        "visible": visible,
        "day_and_time": day_and_time,
        "percent": lambda share: f"{share * 100:.0f} %" if share < 0.995 or share == 1 else f"{share * 100:.1f} %",
    }
    return environment.get_template("page.html.j2")


def visible(text: str, limit: int) -> str:
    """Text of several lines in which nothing acts: each line as `one_line` has it."""
    cut = text[:limit]
    lines = [one_line(line, limit) for line in cut.splitlines()]
    return "\n".join(lines) + ("\n…" if len(text) > limit else "")
