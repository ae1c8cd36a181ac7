"""Read what is offered: choices, each with what is known of it.

The choices are the ``enum`` of one property of the response schema, each with a card in the system prompt; or
functions without arguments, each with its description as the card. A card is the text below a line ``##
NAME``: fields that begin in the first column with ``Question: ``, ``Call: `` (of the question above) and
``Near miss: ``, whose further lines are indented by two spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from latm.plugin import Rejected, Request
from latm_local._labels import refuse_settings

UNSURE = "unsure"
_CARD = re.compile(r"^## (.+)$", re.MULTILINE)
_FIELD = re.compile(r"^([A-Z][A-Za-z ]*): (.*(?:\n  .*)*)", re.MULTILINE)
_CUT = "[...]"


@dataclass(frozen=True, slots=True)
class Known:
    """A question that belongs to a choice, with the call that answers it; empty where not known whole."""

    question: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be picked.

    Attributes:
        name: as it must be written.
        known: questions that belong to it.
        misses: questions that look alike and do not.
    """

    name: str
    known: tuple[Known, ...]
    misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that offers choices.

    Attributes:
        question: what has to be assigned; empty where it cannot be told alone.
        choices: those of which something is known.
        properties: of the reply's object, that of the choice first; none where the choices are functions.
        offered: all names that may be picked, also those of which nothing is known.
    """

    question: str
    choices: tuple[Choice, ...]
    properties: tuple[str, ...]
    offered: tuple[str, ...]


def read(request: Request) -> Asked:
    """The choices of a request.

    Raises:
        Rejected: it offers none, or wants what cannot be done here; says what.
    """
    refuse_settings(request)
    # What is said in a conversation may mean anything that was said before: of that nothing is proven.
    question = request.messages[0].text if len(request.messages) == 1 else ""
    if request.functions and request.response_schema is None:
        if any(each.parameters.get("properties") for each in request.functions):
            raise Rejected("local models cannot write calls: they choose among functions without arguments")
        cards = {each.name: each.description for each in request.functions}
        choices = tuple(_choice(name, card) for name, card in cards.items())
        return Asked(question, choices, (), tuple(cards))
    properties, names = _offered(request.response_schema)
    _, *parts = _CARD.split(request.system or "")
    cards = dict(zip(parts[::2], parts[1::2], strict=True))
    choices = tuple(_choice(name, cards[name]) for name in names if name in cards)
    return Asked(question, choices, properties, tuple(names))


def _offered(schema: Mapping[str, object] | None) -> tuple[tuple[str, ...], Sequence[str]]:
    """The properties of the reply, that of the choice first, and the names to choose from."""
    shapes = cast("Mapping[str, Mapping[str, object]]", (schema or {}).get("properties") or {})
    offered = {name: shape["enum"] for name, shape in shapes.items() if "enum" in shape}
    others = [
        name
        for name, shape in shapes.items()
        if name not in offered and "null" in cast("Sequence[str]", shape.get("type", ()))
    ]
    if len(offered) != 1 or len(others) + 1 != len(shapes):
        raise Rejected(
            "local models hold no conversation: they answer requests that offer choices, by functions "
            "without arguments or by a response schema of which one property has an enum and all others may "
            "be null"
        )
    ((name, enum),) = offered.items()
    names = [str(each) for each in cast("Sequence[object]", enum)]
    if UNSURE not in names:
        raise Rejected(f"local models pick only what they can prove: the enum must have {UNSURE!r} as well")
    return (name, *others), names


def _choice(name: str, card: str) -> Choice:
    known: list[Known] = []
    misses: list[str] = []
    for field, text in _FIELD.findall(card):
        # What was cut proves nothing: the rest may say anything.
        whole = "" if text.rstrip().endswith(_CUT) else text.replace("\n  ", "\n")
        if field == "Question" and whole:
            known.append(Known(whole))
        elif field == "Question":
            known.append(Known(""))
        elif field == "Call" and known:
            known[-1] = Known(known[-1].question, whole)
        elif field == "Near miss" and whole:
            misses.append(whole)
    return Choice(name, tuple(each for each in known if each.question), tuple(misses))
