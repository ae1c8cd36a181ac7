"""Read what is to be labelled: labels, each with its description, and one text.

The labels stand in the system prompt as cards: a line ``## LABEL``, and a line with the description below it.
The text is the only message. Nothing else is offered: no schema, no functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from latm.plugin import Rejected, Request

_CARD = re.compile(r"^## (.+)\n(.+)$", re.MULTILINE)
_FEWEST = 2
LONGEST = 20_000
"""Characters of a text that are looked at: a megabyte says no more of its label, and takes seconds."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A request for a label.

    Attributes:
        text: what has to be labelled; its beginning, where it is longer than `LONGEST`.
        system: the system prompt, which says what the labels are.
    """

    text: str
    system: str

    def cards(self) -> Mapping[str, str]:
        """The labels, each with its description, in their order.

        Raises:
            Rejected: there are not two.
        """
        found = cards_of(self.system)
        if len(found) < _FEWEST:
            raise Rejected(
                "local models hold no conversation: they pick one of the labels of the system prompt, each a "
                "line '## LABEL' with its description on the line below it, and at least two of them"
            )
        return found


def cards_of(system: str) -> dict[str, str]:
    """The labels of a system prompt, each with its description; none where it has no cards."""
    return dict(_CARD.findall(system))


def read_labelled(request: Request) -> Labelled:
    """The text of a request for a label, and where its labels are said.

    Raises:
        Rejected: it wants something else; says what.
    """
    refuse_settings(request)
    if request.response_schema is not None or request.functions:
        raise Rejected("offers choices of its own, and not the labels of the system prompt alone")
    if len(request.messages) != 1:
        raise Rejected(
            f"local models hold no conversation: the text is the only message, and here are "
            f"{len(request.messages)}"
        )
    return Labelled(request.messages[0].text[:LONGEST], request.system or "")


def refuse_settings(request: Request) -> None:
    """Refuse what a model that samples nothing does not have.

    Raises:
        Rejected: names the setting.
    """
    for name in ("temperature", "stop"):
        if getattr(request, name):
            raise Rejected(f"local models have no {name}: leave it out")
