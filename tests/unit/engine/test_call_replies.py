"""A user model's reply read as one call: every shape that one comes in, and what is told of the others."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import LiteralCall, Unreadable
from latm._signature import Signature, signature_of
from latm.plugin import Call, Reply, Usage
from latm.user._replies import read


def signature(source: str) -> Signature:
    found = signature_of(source, "sort")
    assert found is not None
    return found


SORT = signature("def sort(words: list[str], *, reverse: bool = False): pass")
PAIRS = signature("def sort(pairs: list[tuple[str, int]], seen: set[int]): pass")
LOOSE = signature("def sort(*args, **kwargs): pass")
BA = LiteralCall("sort", (["b", "a"],))
NAMED = LiteralCall("sort", (), {"words": ["b", "a"]})


def reply(text: str = "", *calls: Call) -> Reply:
    return Reply(text=text, usage=Usage(), model="m", calls=calls)


def fenced(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code}\n{mark}"


TEXTS = {
    "python fence": fenced('sort(["b", "a"])'),
    "py fence": fenced('sort(["b", "a"])', "py"),
    "no language": fenced('sort(["b", "a"])', ""),
    "tildes": fenced('sort(["b", "a"])', "python", "~~~"),
    "four backticks": fenced('sort(["b", "a"])', "Python", "````"),
    "other language": fenced('sort(["b", "a"])', "tool_code"),
    "unclosed": '```python\nsort(["b", "a"])',
    "unclosed with an end": '```python\nsort(["b", "a"])\n',
    "indented fence": '1. Call:\n   ```python\n   sort(["b", "a"])\n   ```',
    "windows lines": '```python\r\nsort(["b", "a"])\r\n```\r\n',
    "prose around": "Sure!\n\n" + fenced('sort([\n  "b",\n  "a",\n])') + "\n\nIt sorts.",
    "comment": fenced('# the words\nsort(["b", "a"])  # done'),
    "assigned": fenced('ans = sort(["b", "a"])'),
    "annotated": fenced('ans: list[str] = sort(["b", "a"])'),
    "printed": fenced('print(sort(["b", "a"]))'),
    "assigned and printed": fenced('ans = sort(["b", "a"])\nprint(ans)'),
    "assigned and shown": fenced('ans = sort(["b", "a"])\nans'),
    "function restated": fenced('def sort(words):\n    return "forged"\n\nsort(["b", "a"])'),
    "imports": fenced('import re\nfrom x import y\nsort(["b", "a"])'),
    "prompt": fenced(">>> sort([\"b\", \"a\"])\n['a', 'b']"),
    "last block reads": fenced("sort(words)") + "\nor rather\n" + fenced('sort(["b", "a"])'),
    "last of two": fenced('sort(["x"])') + "\nNo:\n" + fenced('sort(["b", "a"])'),
    "output behind": fenced('sort(["b", "a"])') + "\ngives\n" + fenced("['a', 'b']", ""),
    "broken block behind": fenced('sort(["b", "a"])') + "\n" + fenced("sort(["),
    "bare": 'sort(["b", "a"])',
    "bare with spaces": '\n  sort(["b", "a"])  \n',
    "bare assigned": 'ans = sort(["b", "a"])',
    "inline code": 'The call is `sort(["b", "a"])`.',
    "in a sentence": 'Use sort(["b", "a"]) to get it.',
    "a mention before": 'I call sort(words) with the words: sort(["b", "a"])',
    "said twice": 'sort(["b", "a"]) - again: sort(["b", "a"])',
    "brackets in texts": 'It is sort(["b", "a"]).',
    "thoughts": '<think>\nMaybe sort(["z"])?\n```python\nsort(["y"])\n```\n</think>\nsort(["b", "a"])',
}
JSON_TEXTS = {
    "object": '{"name": "sort", "arguments": {"words": ["b", "a"]}}',
    "fenced": fenced('{"name": "sort", "arguments": {"words": ["b", "a"]}}', "json"),
    "arguments as text": json.dumps({"name": "sort", "arguments": '{"words": ["b", "a"]}'}),
    "parameters": '{"name": "sort", "parameters": {"words": ["b", "a"]}}',
    "function": '{"function": "sort", "arguments": {"words": ["b", "a"]}}',
    "service's own": json.dumps(
        {"tool_calls": [{"function": {"name": "sort", "arguments": '{"words": ["b", "a"]}'}}]}
    ),
    "list of one": '[{"name": "sort", "arguments": {"words": ["b", "a"]}}]',
    "tagged": '<tool_call>\n{"name": "sort", "arguments": {"words": ["b", "a"]}}\n</tool_call>',
    "namespace": '{"name": "functions.sort", "arguments": {"words": ["b", "a"]}}',
    "arguments alone": fenced('{"words": ["b", "a"]}', "json"),
    "prose around": 'I call {"name": "sort", "arguments": {"words": ["b", "a"]}} now.',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_call_is_read(text: str) -> None:
    assert read(reply(text), SORT, native=False) == BA


@pytest.mark.parametrize("text", JSON_TEXTS.values(), ids=JSON_TEXTS)
def test_a_call_in_json_is_read(text: str) -> None:
    assert read(reply(text), SORT, native=False) == NAMED


@pytest.mark.parametrize(
    ("text", "call"),
    [
        (fenced('sort(["a"])["x"][0]'), LiteralCall("sort", (["a"],), {}, ("x", 0))),
        ("The answer is sort(['a'])['x'], I think [sic].", LiteralCall("sort", (["a"],), {}, ("x",))),
        ("So: sort(['(', ')', \"it's\"]) and so on (really).", LiteralCall("sort", (["(", ")", "it's"],))),
        ("sort(['a'], reverse=True)", LiteralCall("sort", (["a"],), {"reverse": True})),
        ('{"name": "sort", "arguments": [["a"]]}', LiteralCall("sort", (["a"],))),
    ],
)
def test_what_a_call_holds(text: str, call: LiteralCall) -> None:
    assert read(reply(text), SORT, native=False) == call


REFUSED = {
    "empty": ("", "the reply is empty"),
    "white space": (" \n\t", "the reply is empty"),
    "thoughts alone": ("<think>sort(['a'])</think>", "the reply is empty"),
    "refusal": ("I'm sorry, but I can't help with that.", "holds no call of sort"),
    "the answer itself": ("a b", "holds no call of sort"),
    "prose in a fence": (fenced("the words, sorted", "text"), "holds no call of sort"),
    "empty fence": ("```python\n```", "holds no call of sort"),
    "truncated in a fence": ('```python\nsort(["b", "a', "no valid Python"),
    "truncated bare": ('Here: sort(["b", "a', "no valid Python"),
    "two in a block": (fenced("sort(['a'])\nsort(['b'])"), "there are 2"),
    "two bare": ("sort(['a'])\nsort(['b'])", "there are 2"),
    "two in prose": ("First sort(['a']), then sort(['b']).", "there are 2"),
    "variable": (fenced("words = ['a']\nsort(words)"), "is no call"),
    "expression": (fenced("sort('a b'.split())"), "no literal"),
    "comprehension": (fenced("sort([w for w in 'ab'])"), "no literal"),
    "formatted": (fenced("sort([f'{1}'])"), "formatted"),
    "method of its value": (fenced("sort(['a']).pop()"), "is no call"),
    "wrapped": (fenced("' '.join(sort(['a']))"), "is no call"),
    "other function": (fenced("sorted(['a'])"), "holds no call|not the function"),
    "function alone": (fenced("def sort(words):\n    return sorted(words)"), "there are 0"),
    "import": ("__import__('os').system('true')", "holds no call"),
    "too many": (fenced("sort(['a'], True)"), "takes 1 argument by position, and 2 are given"),
    "unknown": (fenced("sort(['a'], key=None)"), r"has no argument key: it is sort\(words"),
    "missing": (fenced("sort()"), "argument words of sort is missing"),
    "twice": (fenced("sort(['a'], words=['b'])"), "given twice"),
    "json of another": ('{"name": "rm", "arguments": {}}', "rm is not the function"),
    "json without arguments": ('{"name": "sort"}', "argument words of sort is missing"),
    "json with an unknown one": ('{"name": "sort", "arguments": {"word": []}}', "has no argument word"),
    "json of none": (fenced('{"a": 1}', "json"), "names no function"),
    "json of two": ('[{"name": "sort"}, {"name": "sort"}]', "there are 2|argument words"),
    "json cut": ('{"name": "sort", "arguments": {"words": ["b"', "holds no call"),
    "json with no object": ('{"name": "sort", "arguments": 3}', "no JSON object"),
    "json with broken arguments": ('{"name": "sort", "arguments": "{"}', "no JSON"),
    "json with a key twice": ('{"name": "sort", "name": "sort", "arguments": {"words": []}}', "no|valid"),
    "huge": ("sort([" + "1," * (1 << 20) + "])", "longer than"),
    "many that are not closed": ("sort(" * 20_000, "no valid Python"),
    "deep": ("sort(" + "[" * 5000 + "]" * 5000 + ")", "no valid Python|no literal"),
    "deep json": ('{"name": "sort", "arguments": ' + '{"words":' * 5000 + "}" * 5001, "holds no call"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_call_says_why(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(reply(text), SORT, native=False)


def test_a_native_call_comes_before_the_text() -> None:
    native = Call("sort", {"words": ("b", "a")})
    assert read(reply("", native), SORT, native=True) == NAMED
    assert read(reply(fenced("sort(['x'])"), native), SORT, native=True) == NAMED
    assert read(reply("", native, native), SORT, native=True) == NAMED
    assert read(reply("", Call("functions.sort", {"words": ["b", "a"]})), SORT, native=True) == NAMED


@pytest.mark.parametrize(
    ("calls", "native", "said"),
    [
        ([Call("sort", {"words": ["a"]}), Call("sort", {"words": ["b"]})], True, "there are 2"),
        ([Call("other", {"words": ["a"]})], True, "other is not the function"),
        ([Call("sort", {})], True, "argument words of sort is missing"),
        ([Call("sort", {"words": [], "x": 1})], True, "has no argument x"),
        ([Call("sort", {"words": ["a"]})], False, "not offered"),
    ],
)
def test_a_native_call_that_does_not_do(calls: list[Call], native: bool, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(reply(fenced("sort(['x'])"), *calls), SORT, native=native)


@pytest.mark.parametrize("value", ["1e400", "-Infinity", "NaN", "[" * 700 + "]" * 700])
def test_json_that_cannot_be_written_as_python_is_refused(value: str) -> None:
    with pytest.raises(Unreadable, match="no number that can be written, or too deep"):
        read(reply(f'{{"name": "sort", "arguments": {{"words": {value}}}}}'), LOOSE, native=False)
    with pytest.raises(Unreadable, match="no number that can be written, or too deep"):
        read(reply("", Call("sort", {"words": json.loads(value)})), LOOSE, native=True)


def test_json_becomes_what_the_hints_say() -> None:
    arguments = {"pairs": [["a", 1], ["b", 2.0]], "seen": [1, 1]}
    wanted = LiteralCall("sort", (), {"pairs": [("a", 1), ("b", 2)], "seen": {1}})
    assert read(reply("", Call("sort", arguments)), PAIRS, native=True) == wanted
    assert read(reply(json.dumps({"name": "sort", "arguments": arguments})), PAIRS, native=False) == wanted


def test_a_function_of_unknown_arguments_takes_any() -> None:
    assert read(reply("sort(1, a=2)"), LOOSE, native=False) == LiteralCall("sort", (1,), {"a": 2})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(values, max_size=3), st.text(alphabet="ab .\n", max_size=20))
def test_a_written_call_is_read_whatever_it_holds(args: list[object], prose: str) -> None:
    call = LiteralCall("sort", tuple(args))
    assert read(reply(fenced(str(call))), LOOSE, native=False) == call
    assert read(reply(f"{prose} {call} {prose}"), LOOSE, native=False) == call


@given(st.dictionaries(st.sampled_from(["a", "b"]), values))
def test_a_call_in_json_is_read_whatever_it_holds(arguments: dict[str, object]) -> None:
    call = LiteralCall("sort", (), arguments)
    text = json.dumps({"name": "sort", "arguments": arguments})
    assert read(reply(text), LOOSE, native=False) == call
    assert read(reply(f"<tool_call>{text}</tool_call>"), LOOSE, native=False) == call
    assert read(reply("", Call("sort", arguments)), LOOSE, native=True) == call


PIECES = [
    "sort(",
    ")",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "`",
    "```",
    "```python",
    "\n",
    "a",
    ",",
    ":",
    '"name"',
    "sort",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_reply_is_too_odd(pieces: list[str]) -> None:
    try:
        call = read(reply("".join(pieces)), LOOSE, native=False)
    except Unreadable:
        return
    assert call.function == "sort"


def test_nothing_of_a_reply_is_run(tmp_path: object) -> None:
    made = f"{tmp_path}/made"
    for text in (f"sort(open({made!r}, 'w'))", f"sort([__import__('os').mkdir({made!r})])"):
        with pytest.raises(Unreadable):
            read(reply(fenced(text)), LOOSE, native=False)
    assert not os.path.exists(made)  # noqa: PTH110
