"""The backend: read the choices, prove one, say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import final

import anyio.to_thread

from latm.plugin import Call, Reply, Request, Usage
from latm_local._asking import UNSURE, Asked, Choice, read
from latm_local._likeness import Likeness
from latm_local._proving import proof


@final
class LocalBackend:
    """Picks among the choices of a request what it can prove, by one measure of likeness.

    Args:
        model: how the measure is called.
        likeness: the measure.
        slow: whether it takes longer than an event loop can wait.
    """

    def __init__(self, model: str, likeness: Likeness, *, slow: bool = False) -> None:
        self._model = model
        self._likeness = likeness
        self._slow = slow

    def __repr__(self) -> str:
        return f"<local:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Pick a choice; no tokens are used.

        Raises:
            Rejected: the request offers no choices.
        """
        asked = read(request)
        if self._slow:
            return await anyio.to_thread.run_sync(self._pick, asked, abandon_on_cancel=True)
        return self._pick(asked)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _pick(self, asked: Asked) -> Reply:
        proven = {each.name: how for each in asked.choices if (how := proof(asked.question, each))}
        scores = self._scores(asked)
        name = _only(proven, scores, asked)
        metadata: dict[str, object] = {"local.scores": {key: own for key, (own, _) in scores.items()}}
        if name is not None:
            metadata["local.proof"] = proven[name]
        if not asked.properties:
            calls = () if name is None else (Call(name, {}),)
            text = UNSURE if name is None else ""
            return Reply(text=text, usage=Usage(), model=self._model, calls=calls, metadata=metadata)
        picked, *others = asked.properties
        text = json.dumps({picked: name or UNSURE, **dict.fromkeys(others)})
        return Reply(text=text, usage=Usage(), model=self._model, metadata=metadata)

    def _scores(self, asked: Asked) -> Mapping[str, tuple[float, float]]:
        """Of every choice the likeness of its nearest question and of its nearest near miss."""
        texts = [text for choice in asked.choices for text in _texts(choice)]
        figures = iter(self._likeness(asked.question, texts))
        found: dict[str, tuple[float, float]] = {}
        for choice in asked.choices:
            own = [next(figures) for _ in choice.known]
            misses = [next(figures) for _ in choice.misses]
            found[choice.name] = max(own, default=0.0), max(misses, default=0.0)
        return found


def _only(proven: Mapping[str, str], scores: Mapping[str, tuple[float, float]], asked: Asked) -> str | None:
    """The one choice that is proven, unless another one is nearer, or a near miss is as near."""
    if len(proven) != 1:
        return None
    ((name, how),) = proven.items()
    if how == "repeat":
        return name
    own, miss = scores[name]
    nearest = max(scores[each.name][0] for each in asked.choices)
    return name if own >= nearest and own > miss else None


def _texts(choice: Choice) -> tuple[str, ...]:
    return (*(each.question for each in choice.known), *choice.misses)
