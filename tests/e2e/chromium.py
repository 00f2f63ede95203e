"""A headless Chromium from the system's packages, for tests."""

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WANTED = "NIGHTFOLD_BROWSER"  # set by `make e2e`
SCREENSHOTS = "NIGHTFOLD_SCREENSHOTS"  # names the folder for the screenshots


def missing() -> str | None:
    """Why no browser can be used; None if one can."""
    binary, driver = _found()
    if not binary or not driver:
        return "Chromium and its driver are not installed: apt-get install chromium chromium-driver"
    return None if os.environ.get(WANTED) else f"a minute in a browser, not part of `make test`: make e2e ({WANTED}=1)"


def _found() -> tuple[str | None, str | None]:
    return next(filter(None, map(shutil.which, BINARIES)), None), shutil.which("chromedriver")


class Browser:
    """One browser window."""

    def __init__(self, driver: webdriver.Chrome, screenshots: Path) -> None:
        self.driver, self._screenshots = driver, screenshots

    def open(self, page: Path, *, width: int = 1280, dark: bool = False, height: int = 800) -> None:
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = "dark" if dark else "light"
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        self.driver.get(page.as_uri())

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def js(self, expression: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def complaints(self) -> list[str]:
        """The console's messages since the page was opened, including refused scripts."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> dict[str, str | None]:
        """The addresses that the page has requested since it was opened, each with what blocked the request."""
        log = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        events = [json.loads(entry["message"])["message"] for entry in log]
        failed = {
            event["params"]["requestId"]: event["params"].get("blockedReason")
            for event in events
            if event["method"] == "Network.loadingFailed"
        }
        return {
            event["params"]["request"]["url"]: failed.get(event["params"]["requestId"])
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        }

    def barriers(self) -> list[str]:
        """What axe-core finds: contrast, names, roles, order of headings, landmarks, …"""
        source = files("axe_selenium_python").joinpath("node_modules", "axe-core", "axe.min.js")
        self.driver.execute_script(source.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "axe.run({resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
        )
        return [
            f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            for node in each["nodes"][:3]
        ]

    def screenshot(self, name: str, *, whole: bool = False) -> Path:
        """A PNG of the visible part, or of the whole page."""
        clip = {}
        if whole:
            size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
            clip = {
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6_000), "scale": 1},
            }
        self._screenshots.mkdir(parents=True, exist_ok=True)
        file = self._screenshots / f"{name}.png"
        file.write_bytes(base64.b64decode(self.cdp("Page.captureScreenshot", format="png", **clip)["data"]))
        return file

    def pdf(self) -> bytes:
        """The page as it is printed. Chromium prints in a process of its own, which may fail to start: then again."""
        for _ in range(3):
            try:
                return base64.b64decode(self.cdp("Page.printToPDF", printBackground=True)["data"])
            except WebDriverException as error:
                failed = error
                time.sleep(1)
        raise failed

    def picture(self, file: Path) -> Path:
        """A WebP of the visible part."""
        taken = self.cdp("Page.captureScreenshot", format="webp", quality=82)
        file.write_bytes(base64.b64decode(taken["data"]))
        return file


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A fresh browser with an empty profile."""
    binary, driver_path = _found()
    options = webdriver.ChromeOptions()
    options.binary_location = binary or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        driver.set_script_timeout(110)  # selenium itself gives up on the driver after 120 s
        yield Browser(driver, Path(os.environ.get(SCREENSHOTS) or Path(".nightfold") / "screenshots").absolute())
    finally:
        driver.quit()
