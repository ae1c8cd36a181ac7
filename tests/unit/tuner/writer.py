"""A scripted maker of texts: what it writes depends on what it is asked alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from latm.plugin import Request
from latm.tuner import TuningSpec

LABELS = {
    "mortgage": "A loan for a house, its rate, its payments and its escrow",
    "student loan": "A loan for studies, its servicer and its payments",
    "credit_card": "A card, its fees and its limit",
}


def spec(**changes: object) -> TuningSpec:
    """Six texts over three labels, two at a time, where nothing else is said."""
    given: dict[str, object] = {
        "name": "complaints",
        "about": "a customer's complaint to a bank",
        "question": "Which product is the complaint about?",
        "labels": LABELS,
        "samples": 6,
        "batch": 2,
        "words": (3, 30),
    }
    return TuningSpec(**{**given, **changes})  # type: ignore[arg-type]


def label_of(request: Request) -> str:
    """The label that a request is for."""
    found = re.search(r"answers (\".*\")\.$", prompt(request), re.MULTILINE)
    assert found is not None
    return str(json.loads(found[1]))


def prompt(request: Request) -> str:
    """What a request says."""
    return request.messages[0].text


def wanted(request: Request) -> dict[int, Mapping[str, str]]:
    """The particulars of each text that a request is for."""
    found: dict[int, Mapping[str, str]] = {}
    for number, line in re.findall(r"^(\d+)\. (.*)$", prompt(request), re.MULTILINE):
        plain = line.partition(" (once more:")[0]
        pairs = [] if plain == "as you like" else [each.split(": ", 1) for each in plain.split("; ")]
        found[int(number)] = dict(pairs)
    return found


def texts(request: Request) -> dict[int, str]:
    """A good text for each that is asked for, like no other."""
    return {number: text(f"{prompt(request)}/{number}") for number in wanted(request)}


def text(seed: str) -> str:
    """A few words that no other seed gives."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return f"On day {digest[:8]} they told me {digest[8:16]} and nothing came of it."


def reply(found: Mapping[int, object]) -> str:
    """Texts as they are asked for."""
    return json.dumps({"texts": [{"number": number, "text": each} for number, each in found.items()]})


def good(request: Request) -> str:
    """The reply of a maker that makes no mistake."""
    return reply(texts(request))
