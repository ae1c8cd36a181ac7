"""The scripted user: turns a question into a call by imitating a demonstration. It computes nothing.

It takes the demonstration that is of the question's kind, finds the literals in its code which say what that
demonstration's question says, and puts in their place what the new question says, in the same form. So it
writes whatever call the maker showed, for whatever function the maker wrote.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from latm.cli.demo.scripted._literals import literal
from latm.cli.demo.scripted._reading import Brackets, Reading, Sorting, Tracking, read
from latm.plugin import Request

_DEMONSTRATION = re.compile(
    r"^Question: (?P<question>.*?)\n(?:Call|Solution):\n```python\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_NO_CALL = "I cannot turn this question into a call: it is not like the ones that I was shown."
_COLLECTIONS = (ast.List, ast.Tuple, ast.Dict, ast.Set)


def reply(request: Request) -> str:
    """What the user says: prose and one block with the call, or that there is none."""
    asked = read(request.messages[0].text)
    if asked is None:
        return _NO_CALL
    for shown in _DEMONSTRATION.finditer(request.system or ""):
        example = read(shown["question"])
        if example is None or type(example) is not type(asked):
            continue
        code = imitate(shown["code"], example, asked)
        if code is not None:
            return f"The arguments are in the question; the function does the rest.\n\n```python\n{code}```\n"
    return _NO_CALL


def imitate(code: str, example: Reading, asked: Reading) -> str | None:
    """A demonstration's code with another question's literals; None where a literal is not understood."""
    forms = list(zip(_forms(example), _forms(asked), strict=True))
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    replaced: list[tuple[ast.expr, str]] = []
    for node in _literals(tree):
        value: object = ast.literal_eval(node)
        new = next((new for old, new in forms if old == value and type(old) is type(value)), None)
        if new is not None:
            replaced.append((node, literal(new)))
        elif isinstance(node, _COLLECTIONS) and value:
            return None  # it says something of the demonstration's question that is not understood
    return _spliced(code, replaced) if replaced else None


def _literals(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost literals of code, without the pieces of f-strings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Constant, *_COLLECTIONS)) and _is_literal(child):
            yield child
        elif not isinstance(child, ast.JoinedStr):
            yield from _literals(child)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _forms(reading: Reading) -> Iterator[object]:
    """What a question says, in the forms that makers give it; the same forms in the same order for all."""
    match reading:
        case Sorting(words=words):
            yield from (list(words), words, " ".join(words), ", ".join(words), ",".join(words))
        case Brackets(sequence=sequence):
            symbols = sequence.split()
            yield from (sequence, "".join(symbols), symbols, tuple(symbols))
        case Tracking(holdings=holdings, swaps=swaps, person=person, options=options):
            yield from _pairs(holdings)
            yield from _pairs(swaps)
            yield person
            yield from ([name for name, _ in holdings], tuple(name for name, _ in holdings))
            yield from ([thing for _, thing in holdings], tuple(thing for _, thing in holdings))
            for form in ("{}", "({})"):
                letters = [(form.format(letter), thing) for letter, thing in options]
                yield from _pairs(letters)
                yield {thing: letter for letter, thing in letters}
                yield [letter for letter, _ in letters]
            yield from ([thing for _, thing in options], tuple(thing for _, thing in options))


def _pairs(pairs: Sequence[tuple[str, str]]) -> Iterator[object]:
    yield dict(pairs)
    yield from (list(pairs), tuple(pairs), [list(pair) for pair in pairs])


def _spliced(code: str, replaced: list[tuple[ast.expr, str]]) -> str:
    """Code with nodes written anew, from the last to the first, so that positions stay true."""
    lines = [line.encode() for line in code.splitlines(keepends=True)]
    for node, text in sorted(replaced, key=lambda each: (each[0].lineno, each[0].col_offset), reverse=True):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        lines[first : last + 1] = [head + text.encode() + tail]
    return b"".join(lines).decode()
