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
