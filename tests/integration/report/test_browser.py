"""The report in a real browser: light and dark, phone and desk, keyboard and screen reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from browsing import Looking, browsing
from latm.library import Library
from latm.report import gather, page
from unit.report.filled import START, fill

OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
# What can be reached by the keyboard, in order, less what is in a closed part.
REACHABLE = """
Array.from(document.querySelectorAll('a[href], summary, [tabindex="0"]'))
  .filter(each => each.checkVisibility()).length
"""
FOCUSED = """
document.activeElement === document.body ? null : document.activeElement.outerHTML.slice(0, 200)
"""

# Texts of one line of a plot with less than a letter between them.
TOUCHING = """
Array.from(document.querySelectorAll('svg')).flatMap(svg => {
  const texts = Array.from(
    svg.querySelectorAll('text'), each => [each.textContent, each.getBoundingClientRect()]);
  return texts.flatMap(([one, a]) => texts
    .filter(([, b]) => a !== b && Math.abs(a.top - b.top) < 2 && a.left <= b.left && b.left - a.right < 4)
    .map(([other]) => `${one}|${other}`));
})
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library in which everything has happened."""
    folder = tmp_path_factory.mktemp("report")
    fill(folder / "latm.db")
    library = Library(f"sqlite:///{folder / 'latm.db'}")
    yield library
    library.close()


@pytest.fixture(scope="module")
def file(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page(gather(library, enough=9)), encoding="utf-8")
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


SPANS = ((2, 0.0075, 0.1), (30, 0.004, 7.5), (500, 0.0001, 60), (9000, 0.02, 0.03))
"""Hours from the first payment to the last, and the shortest and the longest time to an answer."""


@pytest.mark.parametrize("span", SPANS)
def test_the_marks_of_an_axis_do_not_touch(
    browser: Any, library: Library, tmp_path: Path, span: tuple[int, float, float]
) -> None:
    hours, fast, slow = span
    found = gather(library)
    points = [
        dataclasses.replace(
            each, at=(START + timedelta(hours=hours) * place / len(found.money.points)).isoformat()
        )
        for place, each in enumerate(found.money.points)
    ]
    routes = [
        dataclasses.replace(each, p50_s=p50, p95_s=p95)
        for each, p50, p95 in zip(found.routes, (fast, slow / 2), (fast * 2, slow), strict=False)
    ]
    money = dataclasses.replace(found.money, points=tuple(points))
    other = dataclasses.replace(found, money=money, routes=tuple(routes), tools=())
    file = tmp_path / "spans.html"
    file.write_text(page(other), encoding="utf-8")

    for width in (390, 1280):
        looking = Looking(browser, file, width=width)
        assert looking.page.evaluate(TOUCHING) == []
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
