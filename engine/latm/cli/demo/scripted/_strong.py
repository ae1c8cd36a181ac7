"""The scripted strong model: answers questions itself, thinking aloud, as strong models do.

It is the only one here that computes answers, from the question's text alone. Its reasoning is as long as a
model's that goes step by step: that, and its price, is what makes it dear.
"""

from __future__ import annotations

from latm.cli.demo.scripted._reading import Brackets, Sorting, Tracking, read
from latm.plugin import Request


def reply(request: Request) -> str:
    """Reasoning, and the answer on the last line."""
    question = request.messages[-1].text
    match read(question):
        case Sorting() as sorting:
            steps, answer = _sort(sorting)
        case Brackets() as brackets:
            steps, answer = _close(brackets)
        case Tracking() as tracking:
            steps, answer = _follow(tracking)
        case _:
            steps, answer = _recall(question)
    return "\n".join([*steps, "", f"Answer: {answer}"])


def _sort(question: Sorting) -> tuple[list[str], str]:
    steps = ["I sort the words by inserting one after the other at its place.", ""]
    done: list[str] = []
    for number, word in enumerate(question.words, start=1):
        place = sum(other <= word for other in done)
        done.insert(place, word)
        where = f"behind {done[place - 1]!r}" if place else "at the front"
        steps.append(f"{number}. {word!r} goes {where}: {', '.join(done)}")
    steps += ["", f"These are {len(done)} words, as many as the question has."]
    return steps, " ".join(done)


_PARTNER = {"(": ")", "[": "]", "{": "}", "<": ">"}


def _close(question: Brackets) -> tuple[list[str], str]:
    steps = ["I read the sequence from left to right and keep what is open on a stack.", ""]
    stack: list[str] = []
    for number, symbol in enumerate(question.sequence.split(), start=1):
        if symbol in _PARTNER:
            stack.append(symbol)
            done = "opens"
        else:
            done = f"closes {stack.pop()}" if stack else "closes nothing"
        steps.append(f"{number}. {symbol} {done}; open now: {' '.join(stack) or 'nothing'}")
    steps += ["", f"Still open, from the outside in: {' '.join(stack)}. They are closed from the inside out."]
    return steps, " ".join(_PARTNER[symbol] for symbol in reversed(stack))


def _follow(question: Tracking) -> tuple[list[str], str]:
    now = dict(question.holdings)
    steps = ["I follow who has what.", "", f"Start: {_told(now)}."]
    for number, (one, other) in enumerate(question.swaps, start=1):
        now[one], now[other] = now[other], now[one]
        steps.append(f"{number}. {one} and {other} swap: {_told(now)}.")
    thing = now[question.person]
    letter = next((letter for letter, option in question.options if option == thing), "?")
    steps += ["", f"In the end {question.person} has {thing}, which is option ({letter})."]
    return steps, f"({letter})"


def _told(now: dict[str, str]) -> str:
    return ", ".join(f"{name} has {thing}" for name, thing in now.items())


# What it knows besides: words that a question must hold, what it thinks, and its answer.
_KNOWLEDGE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("capital", "norway"), "Norway is governed from its largest city.", "Oslo"),
    (("capital", "portugal"), "Portugal's capital lies at the mouth of the Tagus.", "Lisbon"),
    (("planet", "most", "mass"), "The gas giants are the heaviest, and one outweighs all others.", "Jupiter"),
    (("symbol", "sodium"), "The symbol comes from its Latin name, natrium.", "Na"),
    (("wrote", "quixote"), "Miguel de Cervantes published it in 1605 and 1615.", "Cervantes"),
    (("continent", "atacama"), "The Atacama lies in the north of Chile.", "South America"),
    (("spanish", "bread"), "A bakery in Spain is a panadería.", "pan"),
    (("gas", "plants", "sugar"), "This is photosynthesis: CO2 and water become sugar.", "carbon dioxide"),
    (("year", "walk", "moon"), "Apollo 11 landed in July of that year.", "1969"),
    (("opposite", "ancient"), "Antique means old as well, so it cannot be the opposite.", "modern"),
    (("odd one out", "hammer"), "Three of them are fruits and one is a tool.", "hammer"),
    (("in common", "oak", "birch"), "All four are kinds of one thing.", "tree"),
    (("instrument", "strings", "violin"), "A trumpet is blown and a drum is beaten.", "violin"),
    (("alphabet", "alpha", "omega"), "They are its first and its last letter.", "Greek"),
    (("both directions", "word"), "The term is Greek: running back again.", "palindrome"),
    (("marks", "( and )"), "They set a remark apart from its sentence.", "parentheses"),
    (("exchange", "without money"), "Goods are paid for with goods.", "barter"),
    (("ring", "asked for her hand"), "To ask for someone's hand means to propose to them.", "marriage"),
)


def _recall(question: str) -> tuple[list[str], str]:
    folded = question.casefold()
    for words, thought, answer in _KNOWLEDGE:
        if all(word in folded for word in words):
            return [thought], answer
    return ["I have no knowledge of this. (This model is scripted.)"], "I do not know"
