"""The site of the documentation is built strictly, and its pages ask for nothing from outside."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from house import ROOT, SOURCES

SETTINGS = (ROOT / "zensical.toml").read_text(encoding="utf-8")
OUTSIDE = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"')]*")
FETCHES = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}


class Read(HTMLParser):
    """A built page: what it fetches, where it leads, and what can be led to.

    Attributes:
        fetched: addresses that a browser asks for when it shows the page.
        links: targets of links.
        names: the ids of the page.
        unlabelled: pictures without a text for those who do not see them.
    """

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.unlabelled: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.names.update(value for name in ("id", "name") if (value := said.get(name)))
        if tag == "a" and (target := said.get("href")) is not None:
            self.links.append(target)
        if tag == "img" and not said.get("alt"):
            self.unlabelled.append(said.get("src") or "")
        self.fetched += [value for name, value in attrs if (tag, name) in FETCHES and value]


def build(project: Path, settings: str) -> subprocess.CompletedProcess[str]:
    """Build the documentation of a project into its folder ``site``."""
    (project / "zensical.toml").write_text(settings.replace('"build/site"', '"site"'), encoding="utf-8")
    program = Path(sys.executable).with_name("zensical")
    return subprocess.run(
        [program, "build", "--strict"], cwd=project, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, so that no cache of the work tree counts and none is touched."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for room in {path.parent for path in SOURCES.values()}:
        (tmp_path / room.name).symlink_to(room)
    return tmp_path


def problems(site: Path) -> Iterator[str]:
    """What a browser would fetch from elsewhere, and what leads nowhere."""
    pages = {page.resolve(): Read(page) for page in site.rglob("*.html")}
    for page, read in pages.items():
        name = page.relative_to(site)
        yield from (f"{name}: fetches {each}" for each in read.fetched if urlsplit(each).netloc)
        yield from (f"{name}: no text for {each}" for each in read.unlabelled)
        if name == Path("404.html"):  # its addresses begin at the root of a server
            continue
        for link in {*read.fetched, *read.links}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            found = pages[target].names if target in pages else set[str]()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in found):
                yield f"{name}: {link} leads nowhere"
    for sheet in site.rglob("*.css"):
        yield from (f"{sheet.relative_to(site)}: {each}" for each in OUTSIDE.findall(sheet.read_text()))


def test_the_site_builds_strictly_and_stands_alone(project: Path) -> None:
    done = build(project, SETTINGS)
    assert done.returncode == 0, done.stdout + done.stderr

    assert sorted(problems(project / "site")) == []
    described = {name for page in (project / "site" / "api").glob("*.html") for name in Read(page).names}
    for module in ("latm", "latm.errors", "latm.plugin", "latm.testing", "latm_sandbox"):
        exported: list[str] = importlib.import_module(module).__all__
        assert [name for name in exported if not described & places(module, name)] == []
    pages = [str(path.relative_to(project / "docs").with_suffix(".html")) for path in in_nav(project)]
    assert [
        page for page in pages if not (project / "site" / page.replace("README", "index")).is_file()
    ] == []


@pytest.mark.parametrize("target", ["costs.md", "#of-the-moon"])
def test_a_link_that_leads_nowhere_breaks_the_build(tmp_path: Path, target: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# latm\n\n[somewhere]({target})\n", encoding="utf-8")

    done = build(tmp_path, re.sub(r"nav = \[.*?\n\]\n", "", SETTINGS, flags=re.DOTALL))

    assert done.returncode != 0
    assert "does not exist" in done.stdout + done.stderr


def places(module: str, name: str) -> set[str]:
    """Where a name may be described: what a module only hands on is, where it is from."""
    return {f"{each}.{name}" for each in (module, "latm.errors", "latm_sandbox", "latm.plugin")}


def in_nav(project: Path) -> list[Path]:
    return [project / "docs" / name for name in re.findall(r'= "([^"]+\.md)"', SETTINGS)]


def test_every_page_is_in_the_contents() -> None:
    assert sorted(in_nav(ROOT)) == sorted((ROOT / "docs").rglob("*.md"))
