"""The system's Chromium, driven without a window: what tests of pages look with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRE = "LATM_REQUIRE_BROWSER"
MISSING = "no Chromium is installed (Debian: apt-get install chromium)"


def program() -> str | None:
    """Where the browser is."""
    return next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


@contextmanager
def browsing() -> Generator[Any, None, None]:
    """A browser, for as long as the block; without one the test is skipped, or fails where it is required."""
    found = program()
    if found is None:
        if os.environ.get(REQUIRE):
            pytest.fail(f"{MISSING}, and {REQUIRE} is set")
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, and in most containers, its own sandbox cannot be had; the page is ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Looking:
    """A page that was opened, and all that it said and asked for."""

    def __init__(self, browser: Any, file: Path, *, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = file.resolve().as_uri()
        self.page.goto(self.url)

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds hard to read, to reach or to understand; by some rules only, or by all."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]

    def width(self) -> int:
        """CSS pixels that the page takes from left to right."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def close(self) -> None:
        """Close it."""
        self.context.close()
