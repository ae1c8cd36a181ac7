from __future__ import annotations

import traceback
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from latm import BudgetExceeded, Config, ConfigError, Ledger, PluginError, Rejected, Throttled, Unavailable
from latm._events import Events
from latm._plugins import Plugins
from latm._roles import Roles
from latm._rooms import load_plugins
from latm.cassettes import read_cassette
from latm.library import Library
from latm.plugin import Message, ProviderSpec, Reply, Request, Usage, hookimpl
from latm.testing import ScriptedBackend
from unit.engine.desk import ASK, FakeClock, desk

pytestmark = pytest.mark.anyio


async def test_a_reply_is_journaled_priced_and_billed(tmp_path: Path) -> None:
    reply = Reply(text="hi", usage=Usage(input=1_000_000, output=500_000), model="m-1")
    place = desk(tmp_path, [reply])
    bill = Ledger()
    got = await (await place.role()).complete(ASK, place.purpose(bill=bill, task="t", tool="x"))
    assert got == reply
    assert bill.total().cost_usd == Decimal(2) == place.roles.ledger.by_tool()["x"].cost_usd
    (entry,) = place.library.journal("r")
    assert (entry.role, entry.model, entry.cost_usd) == ("maker", "fake:m", Decimal(2))
    place.library.close()


async def test_transient_faults_are_tried_again_within_bounds(tmp_path: Path) -> None:
    place = desk(tmp_path, [Unavailable("down"), Throttled("slow", retry_after=7.0), "fine"])
    assert (await (await place.role()).complete(ASK, place.purpose())).text == "fine"
    assert 0.25 <= place.clock.slept[0] <= 0.5
    assert 7.0 <= place.clock.slept[1] <= 7.5
    assert [name for name, _ in place.told] == ["model.retry", "model.retry", "model.replied"]
    place.library.close()


async def test_retries_end(tmp_path: Path) -> None:
    backend = ScriptedBackend([Unavailable("down")] * 10)
    place = desk(tmp_path, backend)
    with pytest.raises(Unavailable, match=r"^fake:m: down$"):
        await (await place.role()).complete(ASK, place.purpose())
    assert len(backend.requests) == 4
    place.library.close()


async def test_a_wait_that_is_too_long_is_not_waited_for(tmp_path: Path) -> None:
    place = desk(tmp_path, [Throttled("slow", retry_after=3600.0), "late"])
    with pytest.raises(Throttled) as caught:
        await (await place.role()).complete(ASK, place.purpose())
    assert caught.value.retry_after == 3600.0
    assert place.clock.slept == []
    place.library.close()


async def test_a_failed_attempt_that_used_tokens_is_counted_and_never_taken_for_an_answer(
    tmp_path: Path,
) -> None:
    cut = Reply(text="half of", usage=Usage(input=3, output=5), model="m")
    place = desk(tmp_path, [Unavailable("cut off", reply=cut), "whole"])
    bill = Ledger()
    reply = await (await place.role()).complete(ASK, place.purpose(bill=bill))
    assert reply.text == "whole"
    assert bill.total().calls == place.roles.ledger.total().calls == 2
    assert bill.total().usage == cut.usage + reply.usage
    assert [entry.reply["text"] for entry in place.library.journal()] == ["half of", "whole"]
    again = await (await place.role()).complete(ASK, place.purpose(resumable=True))
    assert again.text == "whole"
    place.library.close()


async def test_what_will_be_wrong_again_is_not_tried_again(tmp_path: Path) -> None:
    backend = ScriptedBackend([Rejected("bad"), "never"])
    place = desk(tmp_path, backend)
    with pytest.raises(Rejected, match="fake:m: bad"):
        await (await place.role()).complete(ASK, place.purpose())
    assert len(backend.requests) == 1
    place.library.close()


async def test_a_plugin_that_breaks_the_contract_is_named(tmp_path: Path) -> None:
    place = desk(tmp_path, [ZeroDivisionError("oops")])
    with pytest.raises(
        PluginError, match=r"raised ZeroDivisionError at .*, which is no BackendError"
    ) as caught:
        await (await place.role()).complete(ASK, place.purpose())
    assert "oops" not in str(caught.value)
    place.library.close()


async def test_a_paid_reply_is_not_paid_again_and_still_counts_for_its_run(tmp_path: Path) -> None:
    backend = ScriptedBackend(["first", "second"])
    place = desk(tmp_path, backend)
    await (await place.role()).complete(ASK, place.purpose(resumable=True))
    bill = Ledger()
    again = await (await place.role()).complete(ASK, place.purpose(resumable=True, bill=bill))
    assert again.text == "first"
    assert len(backend.requests) == place.roles.ledger.total().calls == bill.total().calls == 1
    other = Request(messages=(Message("user", "other"),))
    assert (await (await place.role()).complete(other, place.purpose(resumable=True))).text == "second"
    place.library.close()


async def test_a_spent_budget_stops_the_next_call(tmp_path: Path) -> None:
    backend = ScriptedBackend([Reply(text="x", usage=Usage(input=1_000_000), model="m"), "never"])
    place = desk(tmp_path, backend, budget={"usd": "1.00"})
    await (await place.role()).complete(ASK, place.purpose())
    with pytest.raises(BudgetExceeded, match=r"budget of 1.00 USD.*maker.*1 USD are spent") as caught:
        await (await place.role()).complete(ASK, place.purpose())
    assert (caught.value.role, len(backend.requests)) == ("maker", 1)
    place.library.close()


async def test_a_budget_needs_prices(tmp_path: Path) -> None:
    place = desk(tmp_path, ["x"], budget={"usd": 1}, prices={})
    with pytest.raises(ConfigError, match=r'add \[prices\."fake:m"\]'):
        await (await place.role()).complete(ASK, place.purpose())
    place.library.close()


async def test_an_unknown_price_is_unknown(tmp_path: Path) -> None:
    place = desk(tmp_path, ["x"], prices={})
    await (await place.role()).complete(ASK, place.purpose())
    assert place.roles.ledger.total().cost_usd is None
    place.library.close()


async def test_the_role_fills_in_its_settings(tmp_path: Path) -> None:
    backend = ScriptedBackend(["x"])
    role = {"model": "fake:m", "max_output_tokens": 7, "temperature": 0.3, "timeout_s": 9.0}
    place = desk(tmp_path, backend, roles={"maker": role})
    await (await place.role()).complete(ASK, place.purpose())
    (request,) = backend.requests
    assert (request.max_output_tokens, request.temperature, request.timeout_s) == (7, 0.3, 9.0)
    place.library.close()


async def test_a_role_can_be_recorded_and_replayed(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    place = desk(tmp_path, ["x"], roles={"maker": {"model": "fake:m", "record": str(tape)}})
    first = await (await place.role()).complete(ASK, place.purpose())
    place.library.close()
    config = Config(roles={"maker": f"replay:{tape}"})
    library = Library(f"sqlite:///{tmp_path / 'other.db'}")
    plugins = Plugins.load()
    events = Events(None, plugins.event)
    roles = Roles(config, plugins, library=library, ledger=Ledger(), events=events, clock=FakeClock())
    again = await (await roles.get("maker")).complete(ASK, place.purpose())
    assert (again.text, again.usage) == (first.text, first.usage)
    await roles.aclose()
    library.close()


async def test_a_cassette_holds_each_exchange_once_whoever_died_before_it_was_written(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    roles = {"maker": {"model": "fake:m", "record": str(tape)}}
    for lost, paid in ((False, 1), (False, 0), (True, 0)):
        if lost:
            tape.unlink()
        backend = ScriptedBackend(["x"])
        place = desk(tmp_path, backend, roles=roles)
        await (await place.role()).complete(ASK, place.purpose(resumable=True))
        assert len(backend.requests) == paid
        assert [each.reply.text for each in read_cassette(tape).exchanges] == ["x"]
        await place.close()


async def test_a_reply_that_cannot_be_written_down_is_a_fault_of_its_plugin_and_is_counted(
    tmp_path: Path,
) -> None:
    place = desk(tmp_path, [Reply(text="x", usage=Usage(input=7), model="m", metadata={"a.b": object()})])
    with pytest.raises(PluginError, match="a Reply that is no data"):
        await (await place.role()).complete(ASK, place.purpose())
    assert place.roles.ledger.total().usage.input == 7
    place.library.close()


async def test_usage_that_was_not_reported_has_no_price(tmp_path: Path) -> None:
    place = desk(tmp_path, [Reply(text="x", usage=Usage(), model="m", metadata={"fake.usage_missing": True})])
    await (await place.role()).complete(ASK, place.purpose())
    assert place.roles.ledger.total().cost_usd is None
    place.library.close()


async def test_a_provider_may_be_named_by_configuration_alone(tmp_path: Path) -> None:
    tape = tmp_path / "tape.json"
    tape.write_text('[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]')
    config = Config(roles={"maker": f"mine:{tape}"}, providers={"mine": {"use": "replay", "concurrency": 1}})
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    plugins = load_plugins(config)
    events = Events(None, plugins.event)
    roles = Roles(config, plugins, library=library, ledger=Ledger(), events=events, clock=FakeClock())
    place = desk(tmp_path, [])
    reply = await (await roles.get("maker")).complete(ASK, place.purpose())
    assert reply.text == "a"
    await roles.aclose()
    library.close()
    place.library.close()


@pytest.mark.parametrize(("use", "message"), [(3, r"providers\.mine\.use: must be"), ("opnai", "'openai'")])
def test_a_wrong_use_is_named(use: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_plugins(Config(providers={"mine": {"use": use}}))


async def test_a_cassette_that_cannot_be_written_is_found_before_anything_is_paid(tmp_path: Path) -> None:
    backend = ScriptedBackend(["x"])
    place = desk(
        tmp_path, backend, roles={"maker": {"model": "fake:m", "record": str(tmp_path / "no" / "t")}}
    )
    with pytest.raises(ConfigError, match=r"roles\.maker\.record: .* cannot be written"):
        await place.role()
    assert backend.requests == []
    place.library.close()


async def test_a_caller_that_is_cancelled_as_the_reply_arrives_loses_nothing(tmp_path: Path) -> None:
    scope = anyio.CancelScope()

    def reply(request: Request) -> str:
        scope.cancel()
        return "paid"

    tape = tmp_path / "tape.jsonl"
    place = desk(tmp_path, reply, roles={"maker": {"model": "fake:m", "record": str(tape)}})
    role = await place.role()
    with scope:
        await role.complete(ASK, place.purpose())
    assert [entry.reply["text"] for entry in place.library.journal()] == ["paid"]
    assert "paid" in tape.read_text()
    place.library.close()


async def test_what_a_backend_raises_carries_no_key_along(tmp_path: Path) -> None:
    place = desk(tmp_path, [RuntimeError("Bearer sk-canary")])
    with pytest.raises(PluginError) as caught:
        await (await place.role()).complete(ASK, place.purpose())
    assert "sk-canary" not in "".join(traceback.format_exception(caught.value))
    place.library.close()


async def test_places_are_shared_by_all_callers(tmp_path: Path) -> None:
    running, most = 0, 0

    class Slow:
        async def complete(self, request: Request) -> Reply:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await anyio.lowlevel.checkpoint()
            running -= 1
            return Reply(text="x", usage=Usage(), model="m")

        async def aclose(self) -> None:
            pass

    class Plugin:
        @hookimpl
        def latm_providers(self) -> list[ProviderSpec]:
            return [ProviderSpec(name="fake", create=lambda _model, _options: Slow())]

    place = desk(tmp_path, [], plugin=Plugin(), providers={"fake": {"concurrency": 2}})
    role = await place.role()
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(role.complete, ASK, place.purpose(step=str(number)))
    assert most == 2
    place.library.close()


@pytest.mark.parametrize("places", [0, True, "3"])
async def test_a_wrong_concurrency_is_named(tmp_path: Path, places: object) -> None:
    place = desk(tmp_path, ["x"], providers={"fake": {"concurrency": places}})
    with pytest.raises(ConfigError, match=r"providers\.fake\.concurrency: must be a whole number above 0"):
        await (await place.role()).complete(ASK, place.purpose())
    place.library.close()


async def test_a_listener_that_raises_breaks_nothing(tmp_path: Path) -> None:
    place = desk(tmp_path, ["x"])

    def broken(name: str, fields: Mapping[str, object]) -> None:
        raise RuntimeError(name)

    place.roles.events = Events(broken, lambda _name, _fields: None)
    assert (await (await place.role()).complete(ASK, place.purpose())).text == "x"
    place.library.close()
