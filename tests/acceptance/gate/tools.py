"""For each task of the paper: a right function, and plausible wrong ones, written by hand.

Every wrong one is what a model could write: right on easy questions, wrong on some others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: of its file.
        right: sources of functions that are right, by what is special about them.
        wrong: sources of functions that are not, by what is wrong.
        properties: what a maker states of the answers; `FUNCTION` stands for the function's name.
    """

    name: str
    right: Mapping[str, str]
    wrong: Mapping[str, str]
    properties: str


def _body(head: str, lines: str) -> str:
    return head + indent(lines, "    ") + "\n"


_SORT = "def sort_words(words: list[str]) -> list[str]:\n    '''Sort words.'''\n"
_BUBBLES = """\
out = list(words)
for n in range(len(out) - 1):
    if out[n] > out[n + 1]:
        out[n], out[n + 1] = out[n + 1], out[n]
return out"""
_INSERTED = """\
out = []
for word in words:
    at = 0
    while at < len(out) and out[at] <= word:
        at += 1
    out.insert(at, word)
return out"""
_FRAGILE = """\
if len(set(words)) < len(words):
    raise RuntimeError('twice')
return sorted(words)"""
_LOSES = """\
out = sorted(words)
return out if len(out) < 15 else out[:-1]"""

SORTING = Task(
    name="word_sorting",
    right={
        "typed": _body(_SORT, "return sorted(words)"),
        "without hints": "def sort_words(words):\n    return sorted(words)\n",
        "by hand": _body(_SORT, _INSERTED),
    },
    wrong={
        "by the first letter": _body(_SORT, "return sorted(words, key=lambda word: word[:1])"),
        "by three letters": _body(_SORT, "return sorted(words, key=lambda word: word[:3])"),
        "by eight letters": _body(_SORT, "return sorted(words, key=lambda word: word[:8])"),
        "loses duplicates": _body(_SORT, "return sorted(set(words))"),
        "by length": _body(_SORT, "return sorted(words, key=lambda word: (len(word), word))"),
        "descending": _body(_SORT, "return sorted(words, reverse=True)"),
        "leaves the last one": _body(_SORT, "return sorted(words[:-1]) + words[-1:]"),
        "twenty words at most": _body(_SORT, "return sorted(words[:20])"),
        "one pass of bubbles": _body(_SORT, _BUBBLES),
        "without signs": _body(
            f"import re\n{_SORT}", "return sorted(words, key=lambda word: re.sub('[^a-z]', '', word))"
        ),
        "ties backwards": _body(
            _SORT, "return sorted(words, key=lambda word: (word[:2], [-ord(c) for c in word[2:]]))"
        ),
        "drops short words": _body(_SORT, "return sorted(word for word in words if len(word) > 2)"),
        "long lists lose one": _body(_SORT, _LOSES),
        "a constant": _body(_SORT, "return ['syndrome', 'therefrom']"),
        "as it came": _body(_SORT, "return list(words)"),
        "raises on duplicates": _body(_SORT, _FRAGILE),
    },
    properties=(
        "words = st.lists(st.text('ab&', min_size=1, max_size=12), max_size=30)\n\n"
        "@given(words=words)\ndef test_permutation(words):\n"
        "    assert sorted(FUNCTION(words)) == sorted(words)\n\n"
        "@given(words=words, prefix=st.text('ab', max_size=12))\ndef test_prefix(words, prefix):\n"
        "    longer = [prefix + word for word in words]\n"
        "    assert FUNCTION(longer) == [prefix + word for word in FUNCTION(words)]\n\n"
        "@given(words=words)\ndef test_order(words):\n    out = FUNCTION(words)\n"
        "    assert all(a <= b for a, b in zip(out, out[1:]))\n"
    ),
)

_CLOSE = (
    "def close(sequence: str) -> str:\n    '''Close what is open.\n\n    Raises:\n"
    "        ValueError: it cannot be closed.\n    '''\n"
    "    pairs = {'(': ')', '[': ']', '{': '}', '<': '>'}\n"
)
_STACK = """\
stack = []
for char in sequence:
    if char in pairs:
        stack.append(pairs[char])
    elif stack and stack[-1] == char:
        stack.pop()
    else:
        raise ValueError(f'no opening bracket for {char!r}')
"""
_COUNTED = """\
return ''.join(
    end * (sequence.count(start) - sequence.count(end)) for start, end in pairs.items()
)"""
_RIGHT = "return ''.join(reversed(stack))"


def _closed(end: str, *, first: str = "", stack: str = _STACK) -> str:
    return _body(_CLOSE, f"{first}{stack}{end}")


BRACKETS = Task(
    name="dyck_languages",
    right={
        "typed": _closed(_RIGHT),
        "without hints": _closed(_RIGHT).replace("sequence: str) -> str", "sequence)"),
    },
    wrong={
        "in the wrong order": _closed("return ''.join(stack)"),
        "the last one missing": _closed("return ''.join(reversed(stack))[:-1] or ''.join(stack)"),
        "four at most": _closed("return ''.join(reversed(stack[-4:]))"),
        "no angle brackets": _closed(_RIGHT, first="sequence = sequence.replace('<', '').replace('>', '')\n"),
        "one kind for all": _closed("return ']' * len(stack)"),
        "counted by kind": _closed(_COUNTED, stack=""),
        "the first thirty": _closed(_RIGHT, first="sequence = sequence[:30]\n"),
        "the whole sequence": _closed("return sequence + ''.join(reversed(stack))"),
        "one more": _closed("return ''.join(reversed(stack)) + (')' if len(stack) > 3 else '')"),
        "a constant": _closed("return ']]'", stack=""),
        "an error text": _closed(
            "return ''.join(reversed(stack[:5]))", stack=_STACK.replace("raise ValueError(f", "return (")
        ),
        "curly closed as square": _closed("return ''.join(reversed(stack)).replace('}}', '}]')"),
        "only the top kind": _closed("return stack[-1] * len(stack) if stack else ''"),
        "deep ones forgotten": _closed(
            "return ''.join(reversed(stack)) if len(sequence) < 40 else stack[-1]"
        ),
    },
    properties=(
        "opening = st.text('([{<', max_size=12)\n\n"
        "def balanced(text):\n    pairs = {')': '(', ']': '[', '}': '{', '>': '<'}\n    stack = []\n"
        "    for char in text:\n        if char in pairs:\n"
        "            if not stack or stack.pop() != pairs[char]:\n                return False\n"
        "        else:\n            stack.append(char)\n    return not stack\n\n"
        "@st.composite\ndef prefixes(draw):\n    pairs = {'(': ')', '[': ']', '{': '}', '<': '>'}\n"
        "    out, stack = [], []\n    for _ in range(draw(st.integers(0, 60))):\n"
        "        if stack and draw(st.booleans()):\n            out.append(stack.pop())\n"
        "        else:\n            char = draw(st.sampled_from('([{<'))\n            out.append(char)\n"
        "            stack.append(pairs[char])\n    return ''.join(out)\n\n"
        "@given(sequence=prefixes())\ndef test_balanced(sequence):\n"
        "    assert balanced(sequence + FUNCTION(sequence))\n\n"
        "@given(sequence=opening)\ndef test_as_long(sequence):\n"
        "    assert len(FUNCTION(sequence)) == len(sequence)\n"
    ),
)

_TRACK = (
    "def track(start: dict[str, str], swaps: list[tuple[str, str]]) -> dict[str, str]:\n"
    "    '''Who has what in the end.\n\n    Raises:\n        KeyError: a swap names somebody unknown.\n"
    "    '''\n    held = dict(start)\n"
)
_ONCE = """\
done = set()
for a, b in swaps:
    if frozenset((a, b)) in done:
        continue
    done.add(frozenset((a, b)))
    held[a], held[b] = held[b], held[a]
return held"""
_ROTATED = """\
for a, b in swaps:
    held[a], held[b] = held[b], held[a]
names = list(held)
return {name: held[names[n - 1]] for n, name in enumerate(names)}"""
_PLACED = """\
place = {name: name for name in held}
for a, b in swaps:
    place[a], place[b] = place[b], place[a]
return {place[name]: thing for name, thing in start.items()}"""
_ALICE = """\
for a, b in swaps:
    if 'Alice' not in (a, b):
        held[a], held[b] = held[b], held[a]
return held"""


def _tracked(swaps: str, step: str = "held[a], held[b] = held[b], held[a]") -> str:
    return _body(_TRACK, f"for a, b in {swaps}:\n    {step}\nreturn held")


TRACKING = Task(
    name="tracking_shuffled_objects_five_objects",
    right={
        "typed": _tracked("swaps"),
        "without hints": (
            "def track(start, swaps):\n    held = dict(start)\n    for a, b in swaps:\n"
            "        held[a], held[b] = held[b], held[a]\n    return held\n"
        ),
    },
    wrong={
        "three swaps at most": _tracked("swaps[:3]"),
        "four swaps at most": _tracked("swaps[:4]"),
        "the last one missing": _tracked("swaps[:-1]"),
        "the first one missing": _tracked("swaps[1:]"),
        "two at a time": _tracked("swaps[::2]"),
        "backwards": _tracked("reversed(swaps)"),
        "one way": _tracked("swaps", "held[a] = held[b]"),
        "as it began": _body(_TRACK, "return held"),
        "each pair once": _body(_TRACK, _ONCE),
        "a constant": _body(_TRACK, "return {name: 'Patrick' for name in held}"),
        "rotated": _body(_TRACK, _ROTATED),
        "by place": _body(_TRACK, _PLACED),
        "Alice keeps hers": _body(_TRACK, _ALICE),
    },
    properties=(
        "names = ['Alice', 'Bob', 'Claire', 'Dave', 'Eve']\n"
        "starts = st.permutations(['red', 'blue', 'green', 'black', 'white']).map(lambda things: "
        "dict(zip(names, things)))\n"
        "pairs = st.permutations(names).map(lambda two: (two[0], two[1]))\n"
        "moves = st.lists(pairs, max_size=8)\n\n"
        "@given(start=starts, swaps=moves)\ndef test_permutation(start, swaps):\n"
        "    assert sorted(FUNCTION(start, swaps).values()) == sorted(start.values())\n\n"
        "@given(start=starts, swaps=moves)\ndef test_and_back(start, swaps):\n"
        "    assert FUNCTION(start, swaps + swaps[::-1]) == start\n\n"
        "@given(start=starts, swaps=moves, last=pairs)\ndef test_one_more(start, swaps, last):\n"
        "    a, b = last\n    before, after = FUNCTION(start, swaps), FUNCTION(start, [*swaps, last])\n"
        "    assert (after[a], after[b]) == (before[b], before[a])\n"
    ),
)

TASKS = (SORTING, BRACKETS, TRACKING)
