"""The backend: read the choices, prove one, say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import final

import anyio.to_thread

from latm.plugin import Call, Reply, Request, Usage
from latm_local._asking import UNSURE, Asked, read
from latm_local._choosing import likenesses, proven
from latm_local._likeness import Likeness


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
        scores = likenesses(asked, self._likeness)
        name, how = proven(asked, scores)
        metadata: dict[str, object] = {"local.scores": {key: own for key, (own, _) in scores.items()}}
        if name is not None:
            metadata["local.proof"] = how
        return choice_reply(asked, name, model=self._model, metadata=metadata)


def choice_reply(asked: Asked, picked: str | None, *, model: str, metadata: Mapping[str, object]) -> Reply:
    """The reply that picks a choice in the form that was asked for; None picks none: ``unsure``."""
    if not asked.properties:
        calls = () if picked is None else (Call(picked, {}),)
        text = UNSURE if picked is None else ""
        return Reply(text=text, usage=Usage(), model=model, calls=calls, metadata=metadata)
    first, *others = asked.properties
    text = json.dumps({first: picked or UNSURE, **dict.fromkeys(others)})
    return Reply(text=text, usage=Usage(), model=model, metadata=metadata)
