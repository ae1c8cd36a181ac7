"""A maker that plays a script: it stands in for a strong model, so that the example runs without a network.

It is no model. It reads a request of `latm.tuner.synthesis`, and puts each text together of fragments that
were written by hand, in ``fragments.toml``: a situation, and, as the particulars ask, a greeting, a mood, a
person, details and a wish. It knows nothing of the texts that the example is measured with.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TypeAlias

from latm.errors import Rejected
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl

_LABEL = re.compile(r"answers (\"(?:[^\"\\]|\\.)*\")\.")
_EARLIER = re.compile(r"^(\d+) of this kind (?:is|are) there already", re.MULTILINE)
_WANTED = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)
_CHOICE = re.compile(r"\{([^{}]*)\}")

Choices: TypeAlias = Mapping[str, Sequence[str]]


class ScriptedMaker:
    """A backend whose replies follow from the request alone: the same one is answered alike, always."""

    def __init__(self, model: str) -> None:
        self._model = model

    async def complete(self, request: Request) -> Reply:
        """Write the texts that are asked for.

        Raises:
            Rejected: the request asks for no texts of a label that there are fragments of.
        """
        asked = request.messages[-1].text
        label, earlier, wanted = _read(asked)
        texts = [
            {"number": number, "text": _write(label, earlier + place, particulars, asked)}
            for place, (number, particulars) in enumerate(wanted)
        ]
        text = json.dumps({"texts": texts})
        # Words stand in for tokens.
        usage = Usage(input=len(asked.split()), output=len(text.split()))
        return Reply(text=text, usage=usage, model=self._model, finish_reason="stop")

    async def aclose(self) -> None:
        """Nothing is held."""


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider; any name of a model will do: ``scripted-maker:fragments``."""
    return [ProviderSpec(name="scripted-maker", create=_create)]


@hookimpl
def latm_price(model: str) -> Decimal | None:
    """Nothing is what it costs."""
    return Decimal(0) if model.startswith("scripted-maker:") else None


def _create(model: str, _options: Mapping[str, object]) -> Backend:
    return ScriptedMaker(model)


def _read(asked: str) -> tuple[str, int, list[tuple[int, dict[str, str]]]]:
    """The label, how many texts of it there are, and the numbers and particulars of those that are wanted."""
    named, earlier = _LABEL.search(asked), _EARLIER.search(asked)
    label: object = json.loads(named[1]) if named else None
    known = _fragments().labels
    if not isinstance(label, str) or label not in known:
        raise Rejected(f"the scripted maker can write of {', '.join(known)}; not of {label!r}")
    wanted = [
        (int(number), dict(each.split(": ", 1) for each in line.split("; ") if ": " in each))
        for number, line in _WANTED.findall(asked)
    ]
    return label, int(earlier[1]) if earlier else 0, wanted


def _write(label: str, place: int, particulars: Mapping[str, str], seed: str) -> str:
    """A text.

    Args:
        label: what it is about.
        place: how many texts of the label come before it. Each tells another story, until all are told.
        particulars: what is asked for.
        seed: decides on all that is left open.
    """
    # The reason why a text is asked for once more may stand behind the last of them.
    asked = {name: value.partition(" (once more")[0] for name, value in particulars.items()}
    chance = random.Random(f"{place} {seed}")  # noqa: S311 - draws variety; no secret
    fragments = _fragments()
    own, tone = fragments.labels[label], fragments.tones.get(asked.get("tone", ""), {})
    order = random.Random(label).sample(own["situations"], len(own["situations"]))  # noqa: S311 - likewise
    story, wish = order[place % len(order)], chance.choice(own["wishes"])
    first, second = chance.sample(own["details"], 2)
    opening, closing = (chance.choice(tone.get(each, [""])) for each in ("openings", "closings"))
    person = chance.choice(fragments.personas.get(asked.get("persona", ""), [""]))
    greeting = chance.choice(fragments.channels.get(asked.get("channel", ""), [""]))
    match asked.get("length"):
        case "two sentences":
            parts = [f"{story} {chance.choice([first, wish])}"]
        case "two paragraphs":
            parts = [f"{greeting} {opening} {person} {story} {first}", f"{second} {wish} {closing}"]
        case _:
            parts = [f"{greeting} {chance.choice([opening, person])} {story} {first} {wish}"]
    text = "\n\n".join(" ".join(each.split()) for each in parts)
    text = _CHOICE.sub(lambda found: chance.choice(found[1].split("|")), text)
    return text.lower().rstrip(".") if asked.get("channel") == "a chat message" else text


@dataclass(frozen=True)
class _Fragments:
    labels: Mapping[str, Choices]
    tones: Mapping[str, Choices]
    personas: Choices
    channels: Choices


@cache
def _fragments() -> _Fragments:
    return _Fragments(**tomllib.loads(Path(__file__).with_name("fragments.toml").read_text(encoding="utf-8")))
