"""Tools as folders: exactly the same tool comes back, and what was tampered with does not."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latm import Demonstration, LibraryError, Tool
from latm._records import Attempt, Check, Evidence, Provenance, Scorecard, slug
from latm.library import Library
from latm.plugin import Usage
from unit.engine.test_library import ODD, tool


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    store = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    yield store
    store.close()


@pytest.fixture
def full() -> Tool:
    """One with everything that a tool can have."""
    return dataclasses.replace(
        tool(),
        contract=f"f() -> None\n{ODD}\r\n",
        source="def f():\r\n\treturn '\x00'\n",
        checks=(Check(question=ODD, call="f(10**5000)", answer=ODD),),
        tests={"../x": "assert 1", "": "\r"},
        parser="def parse(question):\n    return ()\n",
        call_style="call",
    )


# As they come back from a library: JSON joins two surrogates that make a pair.
texts = st.text(st.characters(codec=None)).map(lambda text: json.loads(json.dumps(text))) | st.sampled_from(
    ["\x00", "\ud800", "a\r\nb\rc\n", "../x", "\u2028", str(10**400), "{}", " "]
)
names = st.sampled_from(
    [slug(name) for name in ("../x", "Word Sorting", "parser", "tool", "test-1", "_test_1", "x" * 200)]
)
figures = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
counts = st.integers(0, 10**15)


def tuples(of: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(of, max_size=3).map(tuple)


tools = st.builds(
    Tool,
    name=names,
    version=st.just(0),
    source=texts,
    function=texts,
    contract=texts,
    demonstrations=tuples(st.builds(Demonstration, texts, texts)),
    tests=st.dictionaries(texts, texts, max_size=3),
    checks=tuples(st.builds(Check, question=texts, call=texts, answer=texts)),
    answer_type=texts,
    call_style=texts,
    parser=st.none() | texts,
    scorecard=st.builds(
        Scorecard,
        attempts=tuples(
            st.builds(Attempt, stage=texts, number=counts, reply=texts, problem=st.none() | texts)
        ),
        notes=tuples(texts),
        evidence=tuples(
            st.builds(
                Evidence,
                stage=texts,
                summary=texts,
                held=st.booleans(),
                figures=st.dictionaries(texts, figures, max_size=3),
            )
        ),
    ),
    provenance=st.builds(
        Provenance,
        protocol=texts,
        maker=texts,
        run=texts,
        examples_sha256=texts,
        source_sha256=texts,
        usage=st.builds(Usage, counts, counts, counts, counts),
        cost_usd=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=6),
        seconds=st.floats(0, 1e9),
        created=texts,
    ),
)


@settings(max_examples=60)
@given(tools)
def test_a_tool_comes_back_exactly(made: Tool) -> None:
    first, second = Library("sqlite://"), Library("sqlite://")
    with tempfile.TemporaryDirectory() as folder:
        stored = first.add(made)
        (written,) = first.export(folder)
        assert written == Path(folder) / made.name
        assert (written / f"{made.name}.py").read_bytes() == stored.source.encode("utf-8", "surrogatepass")
        (taken,) = second.import_(folder)
    assert taken == stored == second.get(made.name)
    first.close()
    second.close()


def test_it_can_be_read_by_a_person(library: Library, full: Tool, tmp_path: Path) -> None:
    library.add(full)
    library.export(tmp_path / "new" / "folder", "Word Sorting")
    folder = tmp_path / "new" / "folder" / "word-sorting"
    assert sorted(each.name for each in folder.iterdir()) == [
        "_parser.py",
        "_test_1.py",
        "_test_2.py",
        "checks.jsonl",
        "contract.md",
        "demonstrations.jsonl",
        "provenance.json",
        "scorecard.json",
        "tool.json",
        "word-sorting.py",
    ]
    assert (folder / "_parser.py").read_text() == full.parser
    (check,) = [json.loads(line) for line in (folder / "checks.jsonl").read_text().splitlines()]
    assert check == {"question": ODD, "call": "f(10**5000)", "answer": ODD}
    assert "\N{SNOWMAN}" in (folder / "checks.jsonl").read_text(), "letters are written as letters"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert Decimal(provenance["cost_usd"]) == Decimal("0.000001")


def test_a_new_export_takes_the_place_of_the_old_one(library: Library, full: Tool, tmp_path: Path) -> None:
    target = tmp_path / "out"
    library.add(full)
    library.add(tool("other"))
    assert [each.name for each in library.export(target)] == ["other", "word-sorting"]
    (target / "README").write_text("mine")
    library.add(tool(source="def f(): return 2"))
    library.export(target)
    assert not (target / "word-sorting" / "_parser.py").exists()
    assert sorted(each.name for each in target.iterdir()) == ["README", "other", "word-sorting"]
    (target / "other" / "notes.txt").write_text("mine")
    with pytest.raises(LibraryError, match=r"holds notes\.txt, which is no part of an exported tool"):
        library.export(target)
    assert (target / "other" / "notes.txt").read_text() == "mine"


def test_what_cannot_be_written_is_said(library: Library, tmp_path: Path) -> None:
    library.add(tool())
    (tmp_path / "file").write_text("x")
    with pytest.raises(LibraryError, match=r"file/word-sorting cannot be written: "):
        library.export(tmp_path / "file")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "word-sorting").symlink_to(tmp_path)
    with pytest.raises(LibraryError, match="is no folder"):
        library.export(tmp_path / "out")
    with pytest.raises(LibraryError, match="Did you mean 'word-sorting'"):
        library.export(tmp_path / "new", "word-sortin")
    assert not (tmp_path / "new").exists()


def test_the_same_content_is_not_stored_twice(library: Library, tmp_path: Path) -> None:
    first = library.add(tool())
    library.export(tmp_path / "out")
    assert library.import_(tmp_path / "out") == (first,)
    library.quarantine(first, "wrong")
    assert library.import_(tmp_path / "out") == (first,)
    assert library.find("word-sorting") is None, "an import lets nothing serve that was found wrong"
    library.add(tool(source="def f(): return 2"))
    (third,) = library.import_(tmp_path / "out" / "word-sorting")
    assert (third.version, library.get("word-sorting")) == (3, third)


def card(folder: Path, **changes: object) -> None:
    found = json.loads((folder / "tool.json").read_text())
    found = {key: value for key, value in {**found, **changes}.items() if value is not None}
    (folder / "tool.json").write_text(json.dumps(found))


def sums(folder: Path, **changes: object) -> None:
    listed = json.loads((folder / "tool.json").read_text())["sha256"] | changes
    card(folder, sha256={key: value for key, value in listed.items() if value is not None})


def rewrite(folder: Path, file: str, content: bytes) -> None:
    import hashlib

    (folder / file).write_bytes(content)
    sums(folder, **{file: hashlib.sha256(content).hexdigest()})


def linked(folder: Path, file: str) -> None:
    shutil.move(folder / file, folder.parent / f".{file}")
    (folder / file).symlink_to(folder.parent / f".{file}")


def renamed(folder: Path) -> None:
    folder.rename(folder.parent / "another")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited": (
        lambda folder: (folder / "word-sorting.py").write_text("def f(): evil()"),
        r"word-sorting/word-sorting\.py is not as it was exported",
    ),
    "edited with its sum": (
        lambda folder: rewrite(folder, "word-sorting.py", b"def f(): evil()"),
        r"tool\.json: the digest is not that of this tool",
    ),
    "gone": (lambda folder: (folder / "checks.jsonl").unlink(), r"checks\.jsonl is missing"),
    "gone and not listed": (
        lambda folder: ((folder / "contract.md").unlink(), sums(folder, **{"contract.md": None})),
        r"contract\.md is missing",
    ),
    "too much": (
        lambda folder: (folder / "setup.py").write_text("evil()"),
        r"tool\.json does not account for the file 'setup\.py'",
    ),
    "too much and listed": (lambda folder: rewrite(folder, "x.py", b""), r"the file 'x\.py'"),
    "path": (lambda folder: sums(folder, **{"../../x": "0"}), r"the file '../../x'"),
    "absolute path": (lambda folder: sums(folder, **{"/etc/passwd": "0"}), "the file '/etc/passwd'"),
    "lists itself": (lambda folder: sums(folder, **{"tool.json": "0"}), "the file 'tool.json'"),
    "link": (lambda folder: linked(folder, "checks.jsonl"), r"checks\.jsonl is no plain file"),
    "linked card": (lambda folder: linked(folder, "tool.json"), r"tool\.json is no plain file"),
    "other name": (
        lambda folder: card(folder, name="other"),
        "is called 'other', and its folder 'word-sorting'",
    ),
    "other folder": (renamed, "is called 'word-sorting', and its folder 'another'"),
    "no name": (lambda folder: card(folder, name="../x"), r"'\.\./x' is no name of a tool"),
    "reserved name": (lambda folder: card(folder, name="new-task"), "is no name of a tool"),
    "newer": (lambda folder: card(folder, format=2), r"format is 2.*pip install --upgrade"),
    "no function": (lambda folder: card(folder, function=None), "'function' is missing or is no str"),
    "number for text": (lambda folder: card(folder, call_style=1), "'call_style' is missing or is no str"),
    "unknown key": (lambda folder: card(folder, extra=1), "unknown key 'extra'"),
    "card is no object": (lambda folder: (folder / "tool.json").write_text("[]"), "holds no JSON object"),
    "no json": (lambda folder: (folder / "tool.json").write_bytes(b"\xff"), r"tool\.json is no JSON"),
    "deep": (lambda folder: rewrite(folder, "checks.jsonl", b"[" * 10**6), r"checks\.jsonl:1 is no JSON"),
    "broken line": (
        lambda folder: rewrite(folder, "demonstrations.jsonl", b'{"question": "a", "code": "b"}\n{'),
        r"demonstrations\.jsonl:2 is no JSON",
    ),
    "wrong shape": (lambda folder: rewrite(folder, "checks.jsonl", b"[1]"), "this is no tool: .*checks"),
    "one key too many": (
        lambda folder: rewrite(folder, "demonstrations.jsonl", b'{"question": "a", "code": "b", "c": 1}'),
        "its demonstrations holds something that no tool has",
    ),
    "no text": (lambda folder: rewrite(folder, "word-sorting.py", b"\xff\xfe"), r"is no UTF-8 text"),
    "test without a name": (
        lambda folder: rewrite(folder, "_test_2.py", b"x"),
        "'tests' does not name as many tests",
    ),
    "names twice": (lambda folder: card(folder, tests=["a", "a"]), "no list of different names"),
    "names that are none": (lambda folder: card(folder, tests=[1]), "no list of different names"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_as_it_was_exported_is_refused(library: Library, tmp_path: Path, name: str) -> None:
    tamper, message = FAULTS[name]
    library.add(tool())
    library.add(tool("a"))
    library.export(tmp_path / "out")
    tamper(tmp_path / "out" / "word-sorting")
    empty = Library("sqlite://")
    with pytest.raises(LibraryError, match=message) as caught:
        empty.import_(tmp_path / "out")
    assert str(tmp_path / "out") in str(caught.value), "it says where"
    assert empty.list() == (), "none is stored where one is refused"
    empty.close()


def test_where_nothing_was_exported_nothing_is_imported(library: Library, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="there is no directory"):
        library.import_(tmp_path / "no")
    with pytest.raises(LibraryError, match=r"holds no exported tools: none of its folders has a tool\.json"):
        library.import_(tmp_path)
    library.add(tool())
    library.export(tmp_path / "out")
    (tmp_path / "link").symlink_to(tmp_path / "out" / "word-sorting")
    with pytest.raises(LibraryError, match="is a link"):
        library.import_(tmp_path / "link")
