"""The report in a real browser: light and dark, phone and desk, keyboard and screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import Looking, browsing
from latm.library import Library
from latm.report import gather, page
from unit.report.filled import fill

OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
# What can be reached by the keyboard, in order, less what is in a closed part.
REACHABLE = """
Array.from(document.querySelectorAll('a[href], summary, [tabindex="0"]'))
  .filter(each => each.checkVisibility()).length
"""
FOCUSED = """
document.activeElement === document.body ? null : document.activeElement.outerHTML.slice(0, 200)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a library in which everything has happened."""
    folder = tmp_path_factory.mktemp("report")
    fill(folder / "latm.db")
    library = Library(f"sqlite:///{folder / 'latm.db'}")
    file = folder / "report.html"
    file.write_text(page(gather(library, enough=9)), encoding="utf-8")
    library.close()
    return file


@pytest.fixture
def browser() -> Iterator[Any]:
    # Not for longer: while it is there, its event loop counts as running in this thread.
    with browsing() as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_everywhere_and_asks_for_nothing(browser: Any, file: Path, scheme: str) -> None:
    for width in (390, 1280):
        looking = Looking(browser, file, width=width, scheme=scheme)
        assert looking.width() <= width
        looking.page.evaluate(OPEN_ALL)
        assert looking.width() <= width
        # What else there is to find does not depend on colours.
        assert looking.violations(*([] if scheme == "light" else ["color-contrast"])) == []
        assert looking.complaints == []
        assert looking.requests == [looking.url]
        looking.close()


def test_the_look_for_violations_finds_one(browser: Any, file: Path) -> None:
    looking = Looking(browser, file)
    looking.page.evaluate("document.querySelector('.verdict').style.color = 'var(--line)'")
    assert [each.partition(":")[0] for each in looking.violations()] == ["color-contrast"]


def test_all_of_it_is_reached_by_keyboard(browser: Any, file: Path) -> None:
    looking = Looking(browser, file)
    page = looking.page
    page.keyboard.press("Tab")
    assert "Skip to the content" in page.evaluate(FOCUSED)
    seen = [page.evaluate(FOCUSED)]
    for _ in range(page.evaluate(REACHABLE) - 1):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert None not in seen
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) is None, "there is more than what was counted"

    tool = page.locator("#tool-word-sorting")
    page.locator("#tool-word-sorting > summary").focus()
    page.keyboard.press("Enter")
    assert tool.evaluate("each => each.open")
    page.keyboard.press("Enter")
    assert not tool.evaluate("each => each.open")
    page.locator("table a[href='#tool-word-sorting']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('tool-word-sorting').open")


def test_an_empty_library_has_a_page_too(browser: Any, tmp_path: Path) -> None:
    library = Library("sqlite://")
    file = tmp_path / "empty.html"
    file.write_text(page(gather(library)), encoding="utf-8")
    library.close()
    looking = Looking(browser, file, width=390)
    assert "Nothing has happened" in looking.page.inner_text("main")
    assert "latm demo" in looking.page.inner_text("main")
    assert (looking.violations(), looking.complaints, looking.width()) == ([], [], 390)
