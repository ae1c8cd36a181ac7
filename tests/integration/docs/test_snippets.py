"""Every block of Python in the documentation is run: here what has no test of its own."""

from __future__ import annotations

import ast
import asyncio
import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adding import Models, serving
from docs_blocks import PAGES, Block, blocks
from house import ROOT
from latm import Config, Engine

pytestmark = pytest.mark.docker

ELSEWHERE = {
    "README.md": "test_readme.py",
    "docs/start.md": "test_readme.py",
    "docs/embedding.md": "test_embedding.py",
    "docs/tutorial-provider.md": "test_tutorial.py",
    "docs/costs.md": "../engine/test_pages.py",
    "docs/roles.md": "../engine/test_pages.py",
    "docs/using.md": "../engine/test_pages.py",
    "docs/providers.md": "../../unit/providers/test_docs.py",
}
"""The pages whose programs, the blocks that are titled as files, have a test of their own."""

NOTEBOOK = "notebook"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def snippets(page: Path) -> list[Block]:
    """What stands in a page without being a file, and is no session of an interpreter."""
    found = [each for each in blocks(page, "python", "py") if not each.title]
    return [each for each in found if not each.code.startswith(">>>")]


def programs(page: Path) -> list[Block]:
    return [each for each in blocks(page, "python") if each.title.endswith(".py")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the pages' code runs: latm.toml, a library with a tool that adds up, and what tuning needs."""
    example = ROOT / "docs" / "examples" / "complaints"
    for file in ("scripted_maker.py", "fragments.toml"):
        shutil.copy(example / file, tmp_path)
    samples = (example / "validation.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "validation.jsonl").write_text("".join(samples[:12]), encoding="utf-8")
    spec = (example / "complaints.toml").read_text(encoding="utf-8")
    assert "samples = 300" in spec
    small = spec.replace("samples = 300", "samples = 12").replace("held_out = 60", "held_out = 0")
    (tmp_path / "complaints.toml").write_text(small, encoding="utf-8")
    installed = tmp_path / "scripted_maker-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-maker\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[latm]\nscripted-maker = scripted_maker\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "scripted_maker", raising=False)
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path, Models()) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "k")  # where a page calls the SDK itself
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield tmp_path


UNTITLED = [page for page in PAGES if name(page) != "README.md" and snippets(page)]


@pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in UNTITLED])
def test_the_snippets_of_the_page_run(page: Path, folder: Path) -> None:
    with Engine(Config.load("latm.toml")) as engine:
        for block in snippets(page):
            exec(compile(block.code, block.place, "exec"), {"engine": engine})


def test_the_notebook_can_be_worked_through(repo: Path, folder: Path) -> None:
    cells = [each for each in blocks(repo / "docs" / "embedding.md", "python") if each.title == NOTEBOOK]
    shown: list[object] = []

    async def kernel() -> None:
        """Run cell after cell in one event loop, and note what the last expression of each comes to."""
        names: dict[str, Any] = {}
        for cell in cells:
            tree = ast.parse(cell.code)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            parts: list[tuple[ast.AST, str]] = [(tree, "exec")]
            if last is not None:
                parts.append((ast.Expression(last.value), "eval"))
            for part, mode in parts:
                code = compile(part, cell.place, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)  # type: ignore[call-overload]
                value = eval(code, names)
                shown.append(await value if inspect.iscoroutine(value) else value)
        shown.append([text for text, *_ in names["rows"]])

    asyncio.run(kernel())

    assert ("11", "tool", None) in shown
    assert shown[-1] == ["1", "2", "3"]


SCRIPTS = [page for page in PAGES if name(page) not in ELSEWHERE and programs(page)]


@pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in SCRIPTS])
def test_the_programs_of_the_page_run(page: Path, folder: Path) -> None:
    for program in programs(page):
        (folder / program.title).write_text(program.code, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", program.title],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), program.place
    if page.name == "operating.md":
        with Engine(Config(library="sqlite:///backup.db")) as engine:
            assert [tool.name for tool in engine.library.list()] == ["adding"]


def test_every_block_of_python_is_run_somewhere() -> None:
    left: list[str] = []
    for page in PAGES:
        for block in blocks(page, "python", "py"):
            here = not block.title or block.title == NOTEBOOK or name(page) not in ELSEWHERE
            if not here and not (Path(__file__).parent / ELSEWHERE[name(page)]).is_file():
                left.append(block.place)
            if block.title and block.title != NOTEBOOK and not block.title.endswith(".py"):
                left.append(f"{block.place}: {block.title!r} is no file")

    assert left == []
