"""A label that everything else speaks against: said, and never a reason to accept the function."""

from __future__ import annotations

import dataclasses

from latm._signature import contract_of
from latm.errors import MakingFailed
from latm.maker._conversation import Conversation
from latm.maker.strict._checks import shown
from latm.maker.strict.opinion import SecondOpinion
from latm.maker.strict.properties import Properties
from latm.maker.strict.verify import Verification


async def disputed(
    failure: MakingFailed,
    conversation: Conversation,
    verification: Verification,
    properties: Properties,
    opinions: SecondOpinion | None,
) -> MakingFailed:
    """The failure of a verification, which names the label where one is disputed.

    It is where the function agrees with every example but one, and what else there is speaks for it: the
    maker's properties, and the function of a second opinion. One of them has to be there.

    Args:
        failure: what is to be raised.
        conversation: with the maker.
        verification: that failed.
        properties: not asked for yet.
        opinions: not asked for yet; None where nobody gives one.
    """
    suspect, tried = verification.suspect(), verification.tried
    if suspect is None or tried is None:
        return failure
    agreeing = tuple(each for each in tried.checked if each.fault is None)
    right = dataclasses.replace(tried, checked=agreeing)
    holds = await properties.hold(right, contract_of(tried.source, tried.function))
    agrees = None if opinions is None or holds is False else await opinions.agrees(right, suspect.call)
    if False in (holds, agrees) or holds is agrees is None:
        return failure
    witnesses = [
        *(["the stated properties hold"] if holds else []),
        *(["a function of another model, written from the description alone, agrees"] if agrees else []),
    ]
    return MakingFailed(
        f"the label of one example is disputed: for {suspect.example.question!r} it is "
        f"{suspect.example.answer!r}, and the function gives {shown(suspect.value)}. It agrees with all "
        f"{len(agreeing)} other examples, and {', and '.join(witnesses)}. Correct the label, or leave the "
        "example out.",
        task=conversation.task,
        stage=failure.stage,
        history=tuple(conversation.history),
    )
