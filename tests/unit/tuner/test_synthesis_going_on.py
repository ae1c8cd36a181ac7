"""Writing that was interrupted, refused or bounded goes on where it was, and pays for nothing twice."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from latm import BudgetExceeded, Ledger, Refused, Rejected, Truncated
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl
from latm.testing import ScriptedBackend
from latm.tuner.synthesis import synthesise
from unit.engine.desk import desk
from unit.tuner.test_synthesis import OTHER, beside, one, write
from unit.tuner.writer import LABELS, good, label_of, prompt, reply, spec, texts

pytestmark = pytest.mark.anyio


class Uneven:
    """Replies of which some are bad, some cut off and paid for; dies at one call and ever after."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.paid: list[Request] = []
        self._dies_at = dies_at
        self._calls = 0

    def __call__(self, request: Request) -> str | Exception:
        self._calls += 1
        if self._dies_at is not None and self._calls >= self._dies_at:
            return Rejected("the line is dead")
        self.paid.append(request)
        found = texts(request)
        kind = int(found[1].split()[2], 16) % 5
        if kind == 0:
            usage = Usage(input=7, output=7)
            return Truncated("cut", reply=Reply(text="{", usage=usage, model="m"))
        if kind == 1:
            found[max(found)] = "Too short."
        return "no JSON" if kind == 2 else reply(found)


class _Offer:
    """A plugin that offers one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        return [ProviderSpec(name="fake", create=lambda _model, _options: self._backend)]


@pytest.mark.parametrize("dies_at", range(1, 12))
async def test_an_interrupted_writing_pays_for_nothing_twice_and_ends_the_same(
    tmp_path: Path, dies_at: int
) -> None:
    of = spec(samples=15)
    whole = Uneven()
    unbroken = await write(desk(beside(tmp_path, "whole"), whole), of)
    assert len(whole.paid) >= 13
    assert unbroken.refused.keys() >= {"cut off", "not as asked", "too short"}

    first, second, third = Uneven(dies_at), Uneven(dies_at=2), Uneven()
    for dying in (first, second):
        with pytest.raises(Rejected, match="the line is dead"):
            await write(desk(tmp_path, dying), of)
    bill = Ledger()
    assert await write(desk(tmp_path, third), of, bill=bill) == unbroken
    paid = [prompt(each) for each in (*first.paid, *second.paid, *third.paid)]
    assert sorted(paid) == sorted(map(prompt, whole.paid))

    fourth = Uneven()
    assert await write(desk(tmp_path, fourth), of) == unbroken
    assert fourth.paid == []


async def test_a_refusal_that_cost_nothing_is_not_asked_again_once_it_is_past(tmp_path: Path) -> None:
    refused = ScriptedBackend(
        lambda request: good(request) if "once more" in prompt(request) else Refused("filtered")
    )
    of = one("credit_card")
    first = await write(desk(tmp_path, refused), of, start=OTHER)
    other = ScriptedBackend(good)
    again = await write(desk(tmp_path, other), of, start=OTHER)
    assert again == first
    assert other.requests == []


async def test_another_model_or_other_settings_begin_anew(tmp_path: Path) -> None:
    cut = Truncated("cut", reply=Reply(text="{", usage=Usage(output=5), model="m"))
    first = await write(desk(tmp_path, lambda _: cut), one("credit_card"), start=OTHER)
    assert dict(first.refused) == {"cut off": 3}
    roomier = {"maker": {"model": "fake:m", "max_output_tokens": 4000}}
    second = await write(desk(tmp_path, good, roles=roomier), one("credit_card"), start=OTHER)
    assert (second.written, dict(second.refused)) == (1, {})


async def test_the_calls_of_other_labels_end_before_an_error_is_raised(tmp_path: Path) -> None:
    """What is under way is paid for: it is waited for and written down."""
    backend = ScriptedBackend(
        lambda request: Rejected("no such label") if label_of(request) == "mortgage" else good(request)
    )
    place = desk(tmp_path, backend)
    with pytest.raises(Rejected, match="no such label"):
        await synthesise(spec(samples=60), role=await place.role(), bill=Ledger(), events=place.roles.events)
    assert len(place.library.journal()) == len(backend.requests) - 1 <= 4
    await place.close()


async def test_a_budget_stops_it_and_more_of_it_goes_on(tmp_path: Path) -> None:
    few = ScriptedBackend(good)
    with pytest.raises(BudgetExceeded):
        await write(desk(tmp_path, few, budget={"calls": 2}), spec())
    rest = ScriptedBackend(good)
    made = await write(desk(tmp_path, rest, budget={"calls": 20}), spec())
    assert made.written == 6
    assert (len(few.requests), len(rest.requests)) == (2, 1)


async def test_the_order_in_which_replies_come_decides_nothing(tmp_path: Path) -> None:
    class Slow:
        """Lets some labels wait for others' calls."""

        def __init__(self, patient: str) -> None:
            self._patient = patient

        async def complete(self, request: Request) -> Reply:
            for _ in range(20 if label_of(request) == self._patient else 0):
                await anyio.lowlevel.checkpoint()
            return await ScriptedBackend(Uneven()).complete(request)

        async def aclose(self) -> None:
            pass

    found = [
        await write(desk(beside(tmp_path, str(number)), None, plugin=_Offer(Slow(label))), spec(samples=18))
        for number, label in enumerate(LABELS)
    ]
    assert found[0] == found[1] == found[2]
