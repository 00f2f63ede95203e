"""The page of `make bench`: one HTML file that asks for nothing from outside and runs no script."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tests.performance.charts import draw, legend
from tests.performance.part import Chart
from tests.performance.results import NEWEST, Results
from tests.performance.shown import Shown, is_numbers, spoken

HERE = Path(__file__).parent


def render(results: Results, shown: Mapping[str, Shown]) -> str:
    """`index.html`. Everything is escaped but our own style sheet and the drawings."""
    style = HERE.joinpath("page.css").read_text(encoding="utf-8")
    complaints = [(name, each) for name, found in results.complaints.items() for each in found]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            style=Markup(style),  # noqa: S704
            policy=_policy(style),
            results=results,
            newest=NEWEST,
            complaints=complaints,
            sections=[
                (name, part, [_drawn(chart, f"{name}-{each}") for each, chart in enumerate(part.charts)])
                for name, part in shown.items()
            ],
            missing=[name for name in results.seconds if name not in shown],
        )
    )


def _drawn(chart: Chart, name: str) -> tuple[Chart, Markup | None, str]:
    """The chart, its drawing, and why there is none: a chart that cannot be drawn costs nobody the page."""
    try:
        return chart, Markup(draw(chart, name)), ""  # noqa: S704
    except Exception as error:
        return chart, None, f"{type(error).__name__}: {error}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["spoken"] = spoken
    environment.globals |= {"is_numbers": is_numbers, "legend": legend}
    return environment


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
