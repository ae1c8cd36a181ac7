"""The functions that the scripted maker writes, as text; they only ever run in a cell."""

from __future__ import annotations

SORTING = '''\
def sort_words(words: list[str]) -> list[str]:
    """Sort words alphabetically.

    words: the words in the order in which the question has them.
    Returns the same words in alphabetical order, whatever their case.
    """
    return sorted(words, key=str.lower)


# Example usage:
print(sort_words(["pear", "fig", "apple"]))
'''

# Right for every question of the demo, and wrong: nobody asks for two words that begin alike.
SORTING_BY_FOUR = SORTING.replace("key=str.lower", "key=lambda word: word[:4].lower()")

SORTING_PROPERTIES = """\
many = st.lists(st.text("abcde", min_size=1, max_size=8), max_size=12)


@given(words=many)
def test_the_same_words(words):
    assert sorted(sort_words(words)) == sorted(words)


@given(words=many, start=st.text("abcde", max_size=8))
def test_in_order(words, start):
    out = sort_words([start + word for word in words])
    assert all(one <= other for one, other in zip(out, out[1:]))
"""

BRACKETS_BROKEN = '''\
def closing_brackets(sequence: str) -> list[str]:
    """Find the brackets that close an unfinished sequence.

    sequence: brackets of the kinds () [] {} <>.
    Returns the missing closing brackets in the order in which they are to be appended.
    """
    partner = {"(": ")", "[": "]", "{": "}", "<": ">"}
    waiting = []
    for symbol in sequence:
        if symbol in partner:
            waiting.append(partner[symbol])
        elif waiting and symbol == waiting[-1]:
            waiting.pop()
        else:
            raise ValueError(f"{symbol!r} closes nothing that is open")
    return waiting[::-1]


# Example usage:
print(closing_brackets("{ ( [ ]"))
'''

BRACKETS = BRACKETS_BROKEN.replace(
    "    for symbol in sequence:\n", '    for symbol in sequence.replace(" ", ""):\n'
).replace(
    "    sequence: brackets of the kinds () [] {} <>.\n",
    "    sequence: brackets of the kinds () [] {} <>, with or without spaces between them.\n",
)

BRACKETS_PROPERTIES = """\
PARTNER = {"(": ")", "[": "]", "{": "}", "<": ">"}


@st.composite
def beginnings(draw):
    symbols, waiting = [], []
    for _ in range(draw(st.integers(0, 30))):
        if waiting and draw(st.booleans()):
            symbols.append(waiting.pop())
        else:
            symbols.append(draw(st.sampled_from("([{<")))
            waiting.append(PARTNER[symbols[-1]])
    return " ".join(symbols)


@given(sequence=beginnings())
def test_balanced(sequence):
    waiting = []
    for symbol in [*sequence.split(), *closing_brackets(sequence)]:
        if symbol in PARTNER:
            waiting.append(PARTNER[symbol])
        else:
            assert waiting and waiting.pop() == symbol
    assert not waiting
"""

TRACKING = '''\
def track_thing(holdings: dict[str, str], swaps: list[tuple[str, str]], person: str) -> str:
    """Follow things that people swap.

    holdings: who has what at the start.
    swaps: pairs of people who swap what they have, in the order of the story.
    person: whose thing is asked for.
    Returns what that person has after the last swap.
    """
    now = dict(holdings)
    for one, other in swaps:
        now[one], now[other] = now[other], now[one]
    return now[person]


# Example usage:
print(track_thing({"Ann": "a hat", "Ben": "a key"}, [("Ann", "Ben")], "Ann"))
'''

TRACKING_PROPERTIES = """\
names = ["Ann", "Ben", "Cem", "Dora", "Eva"]
starts = st.permutations(["a hat", "a key", "a cup", "a map", "a pen"]).map(lambda all: dict(zip(names, all)))
pairs = st.permutations(names).map(lambda all: (all[0], all[1]))
moves = st.lists(pairs, max_size=8)


@given(holdings=starts, swaps=moves)
def test_nothing_is_lost(holdings, swaps):
    assert sorted(track_thing(holdings, swaps, name) for name in holdings) == sorted(holdings.values())


@given(holdings=starts, swaps=moves, last=pairs)
def test_one_more_swap(holdings, swaps, last):
    one, other = last
    assert track_thing(holdings, [*swaps, last], one) == track_thing(holdings, swaps, other)
"""
