"""Each kind of fault of a provider is found by the conformance checks, and said for a person to mend."""

# ruff: noqa: ARG005 - small providers, written as anyone would
from __future__ import annotations

import logging
from dataclasses import dataclass
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest

from latm.errors import Refused, Rejected, Timeout, Unauthorized, Unavailable
from latm.plugin import Call, ProviderSpec, Reply, Usage, read_options
from latm.testing import Report, Scenario, check_provider

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"]),
]


@dataclass
class Service:
    """What a faulty backend talks to: counts requests and connections, and may never answer."""

    served: int = 0
    open: int = 0

    async def answer(self, *, never: bool, leave_open: bool) -> None:
        self.served += 1
        self.open += 1
        try:
            if never:
                await anyio.sleep_forever()
        finally:
            if not leave_open:
                self.open -= 1


class Faulty:
    """A backend with one fault of many, and otherwise without."""

    def __init__(self, fault, key, service, *, silent=False) -> None:
        self.fault, self.key, self.service, self.silent = fault, key, service, silent
        self.asked = 0
        if fault == "asks at once":
            service.served += 1

    def __repr__(self) -> str:
        return f"<Faulty {self.key}>" if self.fault == "repr" else "<Faulty>"

    async def complete(self, request):
        self.asked += 1
        patience_s = 30.0 if request.timeout_s is None else request.timeout_s
        if self.fault == "never ends":
            patience_s = min(patience_s, 1.5)
        with anyio.move_on_after(patience_s, shield=self.fault == "never ends"):
            await self.service.answer(never=self.silent, leave_open=self.fault == "leaves a connection")
            text = request.messages[-1].text
            return await getattr(self, f"_{self.fault.replace(' ', '_')}", self._well)(request, text)
        if self.fault == "gives up with text":
            return Reply(text="", usage=Usage(), model="m")
        await anyio.lowlevel.checkpoint()  # a cancellation that was held back comes through here
        raise Timeout("no reply")

    async def _well(self, request, text):
        return Reply(text=text, usage=Usage(), model="m")

    async def _prints(self, request, text):
        print("hello")  # noqa: T201 - the fault
        return await self._well(request, text)

    async def _logs(self, request, text):
        logging.getLogger("faulty").debug("key %s", self.key)
        return await self._well(request, text)

    async def _tells(self, request, text):
        raise Unavailable(f"bad key {self.key}")

    async def _raises(self, request, text):
        raise KeyError("x")

    async def _chains(self, request, text):
        try:
            return {}["x"]
        except KeyError:
            raise Unavailable("no x") from None

    async def _returns_text(self, request, text):
        return text

    async def _nameless(self, request, text):
        return Reply(text=text, usage=Usage(), model="")

    async def _bare_metadata(self, request, text):
        return Reply(text=text, usage=Usage(), model="m", metadata={"id": 1})

    async def _odd_metadata(self, request, text):
        return Reply(text=text, usage=Usage(), model="m", metadata={"a.b": b""})

    async def _mixes(self, request, text):
        self.last = text
        await anyio.lowlevel.checkpoint()
        return Reply(text=self.last, usage=Usage(), model="m")

    async def _tries_again(self, request, text):
        self.service.served += 1
        return await self._well(request, text)

    async def _stumbles_over_metadata(self, request, text):
        known = {"faulty.id"}
        for turn in request.messages:
            for key in turn.metadata:
                known.remove(key)
        return Reply(text=text, usage=Usage(), model="m", metadata={"faulty.id": 1})

    async def aclose(self):
        if self.fault == "hangs on closing" and self.asked and self.silent:
            await anyio.sleep_forever()
        if self.fault == "closes once":
            self.fault = "closed"
        elif self.fault == "closed":
            raise RuntimeError("closed already")


@dataclass(frozen=True)
class Options:
    api_key: str | None = None


def provider(fault: str, service: Service) -> ProviderSpec:
    def create(model, options):
        if fault != "any option":
            read_options(Options, options, where="providers.faulty")
        if fault == "cannot be made without a key":
            return Faulty(fault, options["api_key"], service, silent=model == "silent")
        if fault == "names another variable" and "api_key" not in options:
            raise Unauthorized("set OTHER_KEY")
        return Faulty(fault, options.get("api_key"), service, silent=model == "silent")

    name = "fau:lty" if fault == "a colon" else "faulty"
    return ProviderSpec(name=name, create=create, key_env="FAULTY_KEY")


async def examine(fault: str) -> Report:
    service = Service()
    counts = {"served": lambda: service.served, "connections": lambda: service.open}
    scenarios = {"plain": Scenario(model="m", echo=True, **counts)}
    if fault in SILENT:
        scenarios["silent"] = Scenario(model="silent", silent=True, **counts)
    return await check_provider(provider(fault, service), scenarios)


FAULTS = {
    "a colon": "FAIL the name is text without a colon: 'fau:lty'",
    "any option": "unknown option is a ConfigError that names it, before any request: it was accepted",
    "cannot be made without a key": "Unauthorized that names FAULTY_KEY: raised KeyError",
    "names another variable": "the error does not name FAULTY_KEY: set OTHER_KEY",
    "asks at once": "asks nothing by itself: 2 requests were made before complete() was called",
    "prints": "FAIL nothing is printed: hello",
    "logs": "FAIL the key is in no log: it was logged",
    "repr": "FAIL the key is in no repr",
    "tells": "FAIL the key is in no repr",
    "raises": "raised KeyError",
    "returns text": "returned a str",
    "nameless": "names no model",
    "bare metadata": "'id' does not begin",
    "odd metadata": "is a bytes",
    "mixes": "got the reply",
    "closes once": "aclose() may be called twice",
    "tries again": "2 requests for one call",
    "stumbles over metadata": "a conversation goes on, whatever metadata its turns have: raised KeyError",
}
SILENT = {
    "none, with a silent service": "17 of 17 checks passed",
    "never ends": "cancelling returns within 1 s and leaves no connection open: it took",
    "gives up with text": "timeout_s ends in Timeout: there was a reply",
    "leaves a connection": "FAIL silent: cancelling returns within 1 s and leaves no connection open: ",
    "hangs on closing": "aclose() returns within 1 s though a call is under way: it did not",
}


@pytest.mark.parametrize("fault", [*FAULTS, *SILENT])
async def test_each_fault_is_found(fault):
    report = await examine(fault)
    assert report.passed == fault.startswith("none")
    assert {**FAULTS, **SILENT}[fault] in str(report)
    assert "canary" not in str(report)


async def test_a_provider_without_faults_passes_and_what_was_not_looked_at_is_said():
    report = await examine("none")
    assert report.passed, str(report)
    assert "not looked at: timeouts, cancellation and closing (a scenario with silent=True)" in str(report)
    assert "not looked at: a missing SDK (module= and sdk=)" in str(report)
    assert not any("connections" in each for each in report.left_out)


def spec(reply):
    """A provider of one reply or error."""

    async def complete(request):
        if isinstance(reply, BaseException):
            raise reply
        return reply

    async def aclose():
        pass

    return ProviderSpec(
        name="one", create=lambda model, options: SimpleNamespace(complete=complete, aclose=aclose)
    )


HI = Reply(text="hi", usage=Usage(2), model="m")


@pytest.mark.parametrize(
    ("given", "expected", "says"),
    [
        (HI, {"expect": Refused}, "expected Refused, got a reply"),
        (HI, {"usage": Usage(1)}, "usage is Usage(input=2"),
        (HI, {"calls": (Call("f", {}),)}, "calls are (), expected (Call(name='f'"),
        (HI, {"carried": lambda: False}, "it was not handed in again"),
        (Unavailable("x"), {"expect": Rejected}, "got Unavailable: x"),
        (Unavailable("x"), {}, "expected a reply, got Unavailable: x"),
        (Unavailable("x"), {"expect": Unavailable, "retry_after": 2.0}, "retry_after is None, expected 2.0"),
        (Unavailable("x"), {"expect": Unavailable, "usage": Usage(1)}, "it carries no reply"),
        (Unavailable("x", reply=HI), {"expect": Unavailable, "usage": Usage(1)}, "usage is Usage(input=2"),
    ],
)
async def test_what_is_not_as_the_scenario_says_is_said(given, expected, says):
    report = await check_provider(
        spec(given), {"plain": Scenario(model=""), "it": Scenario(model="", **expected)}
    )
    (line,) = [each for each in str(report).splitlines() if "FAIL it: " in each]
    assert says in line


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (HI, {"usage": Usage(2), "calls": ()}),
        (HI, {"carried": lambda: True}),
        (
            Unavailable("x", reply=HI, retry_after=2.0),
            {"expect": Unavailable, "usage": Usage(2), "retry_after": 2.0},
        ),
    ],
)
async def test_what_is_as_the_scenario_says_passes(given, expected):
    arranged = {"plain": Scenario(model=""), "it": Scenario(model="", **expected)}
    report = await check_provider(spec(given), arranged)
    (check,) = [each for each in report.checks if each.name.startswith("it: ")]
    assert check.passed


async def test_an_sdk_s_exception_that_travels_along_is_named():
    held = Unavailable("x")
    held.__context__ = KeyError("x")
    report = await check_provider(
        spec(held), {"plain": Scenario(model=""), "it": Scenario(model="", expect=Unavailable)}
    )
    assert (
        "FAIL no exception of an SDK travels along with an error: Unavailable holds builtins.KeyError"
        in str(report)
    )


async def test_one_scenario_must_be_plain():
    for others in (
        {},
        {"a": Scenario(model="", silent=True)},
        {"a": Scenario(model="", carried=lambda: True)},
    ):
        with pytest.raises(ValueError, match="plain"):
            await check_provider(spec(HI), others)


async def test_a_provider_that_hangs_does_not_hang_its_judge(monkeypatch):
    monkeypatch.setattr("latm.testing._findings.LONGEST_S", 0.1)

    async def hang(request):
        await anyio.sleep_forever()

    async def at_once():
        pass

    hanging = ProviderSpec(
        name="one", create=lambda model, options: SimpleNamespace(complete=hang, aclose=at_once)
    )
    report = await check_provider(hanging, {"it": Scenario(model="")})
    assert "FAIL a reply has text, usage, a model, and metadata that are JSON: it did not end within" in str(
        report
    )
