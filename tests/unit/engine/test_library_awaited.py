"""The library's awaited face does what the blocking one does."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from latm import Example
from latm._awaited import AsyncLibrary
from latm._records import Attempt
from latm.library import Library
from unit.engine.test_library import tool

pytestmark = pytest.mark.anyio


async def test_versions_come_and_go(tmp_path: Path) -> None:
    library = Library("sqlite://")
    awaited = AsyncLibrary(library)
    first, second = library.add(tool()), library.add(tool(source="def f(): return 2"))
    assert [each.tool for each in await awaited.versions("word-sorting")] == [second, first]
    assert await awaited.export(tmp_path / "out") == (tmp_path / "out" / "word-sorting",)
    assert await awaited.rollback("word-sorting") == first
    await awaited.retire("word-sorting")
    assert await awaited.list() == ()
    assert await awaited.restore("word-sorting") == first
    assert [each.version for each in await awaited.import_(tmp_path / "out")] == [3]
    await awaited.alias("sort words", "word-sorting")
    assert (await awaited.get("Sort Words")).version == 3
    library.remember("word-sorting", Example("q", "a"), source="feedback")
    assert await awaited.overruled("sort words") == {"q": "a"}
    library.fail(
        library.begin("t", "print"), (Attempt(stage="s", number=1, reply="r"),), stage="s", error="e"
    )
    (failed,) = await awaited.makings("t")
    assert (failed.state, failed.error, len(failed.history)) == ("failed", "e", 1)
    library.close()


async def test_its_methods_have_the_signatures_of_the_library_s() -> None:
    for name, method in inspect.getmembers(AsyncLibrary, inspect.iscoroutinefunction):
        blocking = inspect.signature(getattr(Library, name))
        assert inspect.signature(method) == blocking, name
