"""Chooses the Messages API that a run uses: the real one, or the simulated one in this process."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra import loopback
from infra.messages_api.scenario import Scenario, ScenarioError, read_scenario
from nightfold.errors import InvalidInput
from nightfold.text import is_api_key

SCENARIO = Path("events/scenario.json")  # the simulated night of `run`
ANTHROPIC = "https://api.anthropic.com"
BASE_URL_PATTERN = r"https?://\S+[^/\s]"  # AnthropicBaseUrl's AllowedPattern in template.yaml
NO_KEY = """\
No ANTHROPIC_API_KEY is set, so the Messages API is a simulated one.
The workflow is the real one, the answers are made up, nothing is paid.
For real candidates: export ANTHROPIC_API_KEY=sk-ant-…"""


@dataclass(frozen=True)
class Endpoint:
    """A Messages API, not yet opened."""

    notice: str  # shown to the user before the run
    speed: float = 1.0
    key: str = "simulated"
    base_url: str = ""  # of the real one
    scenario: Scenario | None = None  # of the simulated one
    seed: int = 0
    unasked: bool = False  # simulated for want of a key

    @property
    def simulated(self) -> bool:
        return self.scenario is not None

    def parameters(self, url: str) -> dict[str, str]:
        """The template's parameters for a run that uses it. `url`: what `open` gave."""
        return {"AnthropicBaseUrl": url, "MessagesApi": "simulated" if self.simulated else "real"}

    @contextmanager
    def open(self) -> Iterator[str]:
        """The URL for ANTHROPIC_BASE_URL, as long as the context is open."""
        if self.scenario is None:
            yield self.base_url
            return
        from infra.messages_api import MessagesAPI

        with MessagesAPI(self.scenario, seed=self.seed, speed=self.speed, keep_prompts=False) as api:
            yield api.url


@dataclass(frozen=True)
class Simulation:
    """The options for the simulated API."""

    asked_for: bool = False
    scenario_file: Path | None = None
    seed: int | None = None
    speed: float | None = None


def choose_endpoint(
    environment: Mapping[str, str], simulation: Simulation, *, default_scenario: Path | None
) -> Endpoint:
    """Simulated on request, or without a key. Raises InvalidInput. `default_scenario` None: everything is fine."""
    speed, seed = simulation.speed, simulation.seed
    asked_for = simulation.asked_for or simulation.scenario_file is not None
    if speed is not None and not (math.isfinite(speed) and speed > 0):
        raise InvalidInput(f"--speed: must be a number above 0, not {speed}")
    key = environment.get("ANTHROPIC_API_KEY", "").strip()
    if key and not asked_for:
        given = [name for name, value in (("--speed", speed), ("--seed", seed)) if value is not None]
        if given:
            raise InvalidInput(f"{given[0]}: only a simulated run can have it; add --simulate")
        if not is_api_key(key):
            raise InvalidInput(
                f"ANTHROPIC_API_KEY: must be one word of printable ASCII, and these {len(key):,} characters are not; "
                "perhaps a line break or a quotation mark was copied with it"
            )
        return _real(key, environment.get("ANTHROPIC_BASE_URL", "").strip())
    file = simulation.scenario_file or default_scenario
    try:
        scenario = read_scenario(file) if file is not None else Scenario()
    except ScenarioError as error:
        raise InvalidInput(f"--scenario: {'; '.join(str(error).splitlines()[:3])}") from None
    notice = "Simulated Messages API: the answers are made up, nothing is paid." if asked_for else NO_KEY
    if environment.get("ANTHROPIC_BASE_URL") and not asked_for:
        notice += "\nANTHROPIC_BASE_URL is set, but not used without a key."
    return Endpoint(notice, speed=speed or scenario.speed, scenario=scenario, seed=seed or 0, unasked=not asked_for)


def _real(key: str, base_url: str) -> Endpoint:
    base_url = base_url.rstrip("/") or ANTHROPIC
    shown = shown_url(base_url)
    try:
        host = urlsplit(base_url).hostname
    except ValueError:  # a bracket without its counterpart
        host = None
    if not host or not re.fullmatch(BASE_URL_PATTERN, base_url):
        raise InvalidInput(f"ANTHROPIC_BASE_URL: {shown!r} is not a URL that starts with http:// or https://")
    notice = f"Collecting from {shown}, with your ANTHROPIC_API_KEY."
    if base_url.startswith("http://") and not loopback.is_loopback(host):
        notice += f"\nWarning: http:// sends your key, the prompts and the answers to {host} unencrypted; use https://."
    return Endpoint(notice, key=key, base_url=base_url)


def shown_url(url: str) -> str:
    """A URL that is safe to print: without user name, password and query, even if the URL is malformed."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    _, at, address = rest.rpartition("@")
    address = address.partition("?")[0].partition("#")[0]
    return f"{scheme}{separator}{'…@' if at else ''}{address}"
