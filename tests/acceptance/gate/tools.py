"""For each task of the paper: a right function, and plausible wrong ones, written by hand.

Every wrong one is what a model could write: right on easy questions, wrong on some others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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


_SORT = "def sort_words(words: list[str]) -> list[str]:\n    '''Sort words.'''\n"
SORTING = Task(
    name="word_sorting",
    right={
        "typed": f"{_SORT}    return sorted(words)\n",
        "without hints": "def sort_words(words):\n    return sorted(words)\n",
        "by hand": (
            f"{_SORT}    out = []\n    for word in words:\n        at = 0\n"
            "        while at < len(out) and out[at] <= word:\n            at += 1\n"
            "        out.insert(at, word)\n    return out\n"
        ),
    },
    wrong={
        "by the first letter": f"{_SORT}    return sorted(words, key=lambda word: word[:1])\n",
        "by three letters": f"{_SORT}    return sorted(words, key=lambda word: word[:3])\n",
        "by eight letters": f"{_SORT}    return sorted(words, key=lambda word: word[:8])\n",
        "loses duplicates": f"{_SORT}    return sorted(set(words))\n",
        "by length": f"{_SORT}    return sorted(words, key=lambda word: (len(word), word))\n",
        "descending": f"{_SORT}    return sorted(words, reverse=True)\n",
        "leaves the last one": f"{_SORT}    return sorted(words[:-1]) + words[-1:]\n",
        "twenty words at most": f"{_SORT}    return sorted(words[:20])\n",
        "one pass of bubbles": (
            f"{_SORT}    out = list(words)\n    for n in range(len(out) - 1):\n"
            "        if out[n] > out[n + 1]:\n            out[n], out[n + 1] = out[n + 1], out[n]\n    return out\n"
        ),
        "without signs": (
            f"import re\n{_SORT}    return sorted(words, key=lambda word: re.sub('[^a-z]', '', word))\n"
        ),
        "ties backwards": (
            f"{_SORT}    return sorted(words, key=lambda word: (word[:2], [-ord(c) for c in word[2:]]))\n"
        ),
        "drops short words": f"{_SORT}    return sorted(word for word in words if len(word) > 2)\n",
        "long lists lose one": f"{_SORT}    out = sorted(words)\n    return out if len(out) < 15 else out[:-1]\n",
        "a constant": f"{_SORT}    return ['syndrome', 'therefrom']\n",
        "as it came": f"{_SORT}    return list(words)\n",
        "raises on duplicates": (
            f"{_SORT}    if len(set(words)) < len(words):\n        raise RuntimeError('twice')\n"
            "    return sorted(words)\n"
        ),
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
    "def close(sequence: str) -> str:\n"
    "    '''Close what is open.\n\n    Raises:\n        ValueError: it cannot be closed.\n    '''\n"
)
_PAIRS = "    pairs = {'(': ')', '[': ']', '{': '}', '<': '>'}\n"
_STACK = (
    "    stack = []\n    for char in sequence:\n        if char in pairs:\n            stack.append(pairs[char])\n"
    "        elif stack and stack[-1] == char:\n            stack.pop()\n"
    "        else:\n            raise ValueError(f'no opening bracket for {char!r}')\n"
)
_RIGHT = f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack))\n"
BRACKETS = Task(
    name="dyck_languages",
    right={
        "typed": _RIGHT,
        "without hints": _RIGHT.replace("sequence: str) -> str", "sequence)"),
    },
    wrong={
        "in the wrong order": f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(stack)\n",
        "the last one missing": f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack))[:-1] or ''.join(stack)\n",
        "four at most": f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack[-4:]))\n",
        "no angle brackets": (
            f"{_CLOSE}{_PAIRS}    sequence = sequence.replace('<', '').replace('>', '')\n{_STACK}"
            "    return ''.join(reversed(stack))\n"
        ),
        "one kind for all": f"{_CLOSE}{_PAIRS}{_STACK}    return ']' * len(stack)\n",
        "counted by kind": (
            f"{_CLOSE}{_PAIRS}    return ''.join(end * (sequence.count(start) - sequence.count(end))"
            " for start, end in pairs.items())\n"
        ),
        "the first hundred": f"{_CLOSE}{_PAIRS}    sequence = sequence[:30]\n{_STACK}    return ''.join(reversed(stack))\n",
        "whole sequence": f"{_CLOSE}{_PAIRS}{_STACK}    return sequence + ''.join(reversed(stack))\n",
        "one more": f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack)) + (')' if len(stack) > 3 else '')\n",
        "a constant": f"{_CLOSE}    return ']]'\n",
        "an error text": _RIGHT.replace(
            "raise ValueError(f'no opening bracket for {char!r}')", "return 'Invalid'"
        ).replace("    return ''.join(reversed(stack))", "    return ''.join(reversed(stack[:5]))"),
        "curly closed as square": f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack)).replace('}}}}', '}}]')\n",
        "only the top kind": f"{_CLOSE}{_PAIRS}{_STACK}    return stack[-1] * len(stack) if stack else ''\n",
        "deep ones forgotten": (
            f"{_CLOSE}{_PAIRS}{_STACK}    return ''.join(reversed(stack)) if len(sequence) < 40 else stack[-1]\n"
        ),
    },
    properties=(
        "opening = st.text('([{<', max_size=12)\n\n"
        "def balanced(text):\n    pairs = {')': '(', ']': '[', '}': '{', '>': '<'}\n    stack = []\n"
        "    for char in text:\n        if char in pairs:\n            if not stack or stack.pop() != pairs[char]:\n"
        "                return False\n        else:\n            stack.append(char)\n    return not stack\n\n"
        "@st.composite\ndef prefixes(draw):\n    pairs = {'(': ')', '[': ']', '{': '}', '<': '>'}\n"
        "    out, stack = [], []\n    for _ in range(draw(st.integers(0, 60))):\n"
        "        if stack and draw(st.booleans()):\n            out.append(stack.pop())\n"
        "        else:\n            char = draw(st.sampled_from('([{<'))\n            out.append(char)\n"
        "            stack.append(pairs[char])\n    return ''.join(out)\n\n"
        "@given(sequence=prefixes())\ndef test_balanced(sequence):\n    assert balanced(sequence + FUNCTION(sequence))\n\n"
        "@given(sequence=opening)\ndef test_as_long(sequence):\n    assert len(FUNCTION(sequence)) == len(sequence)\n"
    ),
)

_TRACK = (
    "def track(start: dict[str, str], swaps: list[tuple[str, str]]) -> dict[str, str]:\n"
    "    '''Who has what in the end.\n\n    Raises:\n        KeyError: a swap names somebody unknown.\n    '''\n"
    "    held = dict(start)\n"
)
_SWAP = "        held[a], held[b] = held[b], held[a]\n"
TRACKING = Task(
    name="tracking_shuffled_objects_five_objects",
    right={
        "typed": f"{_TRACK}    for a, b in swaps:\n{_SWAP}    return held\n",
        "without hints": (
            "def track(start, swaps):\n    held = dict(start)\n    for a, b in swaps:\n"
            f"{_SWAP}    return held\n"
        ),
    },
    wrong={
        "three swaps at most": f"{_TRACK}    for a, b in swaps[:3]:\n{_SWAP}    return held\n",
        "the last one missing": f"{_TRACK}    for a, b in swaps[:-1]:\n{_SWAP}    return held\n",
        "the first one missing": f"{_TRACK}    for a, b in swaps[1:]:\n{_SWAP}    return held\n",
        "one way": f"{_TRACK}    for a, b in swaps:\n        held[a] = held[b]\n    return held\n",
        "backwards": f"{_TRACK}    for a, b in reversed(swaps):\n{_SWAP}    return held\n",
        "as it began": f"{_TRACK}    return held\n",
        "each pair once": (
            f"{_TRACK}    done = set()\n    for a, b in swaps:\n        if frozenset((a, b)) in done:\n"
            f"            continue\n        done.add(frozenset((a, b)))\n{_SWAP}    return held\n"
        ),
        "four swaps at most": f"{_TRACK}    for a, b in swaps[:4]:\n{_SWAP}    return held\n",
        "a constant": f"{_TRACK}    return {{name: 'Patrick' for name in held}}\n",
        "rotated": (
            f"{_TRACK}    for a, b in swaps:\n{_SWAP}    names = list(held)\n"
            "    return {name: held[names[n - 1]] for n, name in enumerate(names)}\n"
        ),
        "by place": (
            f"{_TRACK}    place = {{name: name for name in held}}\n    for a, b in swaps:\n"
            "        place[a], place[b] = place[b], place[a]\n"
            "    return {place[name]: thing for name, thing in start.items()}\n"
        ),
        "two at a time": (f"{_TRACK}    for a, b in swaps[::2]:\n{_SWAP}    return held\n"),
        "Alice keeps hers": (
            f"{_TRACK}    for a, b in swaps:\n        if 'Alice' not in (a, b):\n    {_SWAP}    return held\n"
        ),
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
