"""What each extra is for, at its smallest; run by the Python of an environment that has only this one.

    python uses.py use NAME...        it works
    python uses.py without NAME...    where it is absent, an error says what to install

Nothing but latm is imported at the top, and no test's module anywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from latm import Config, Engine, MissingDependency
from latm.plugin import Reply, TuningJob, TuningState, Usage
from latm.testing import AnthropicServer, OpenAIServer, read_request, scripted_provider
from latm.tuner import Sample, TuningSpec

QUESTION = "What is six times seven?"
LABELS = {"pets": "Cats, dogs and other animals.", "houses": "Roofs, doors and rooms."}
TEXTS = {"pets": "my {} cat sleeps all day", "houses": "the {} roof leaks when it rains"}
WORDS = ("old", "new", "red", "blue", "small", "large", "grey", "green")


def answer(request: Any) -> Reply:
    """What a model says: no tool fits, and then the answer."""
    text = "none" if request.response_schema else "Six times seven is easy.\nAnswer: 42"
    return Reply(text=text, usage=Usage(input=1000, output=100), model="any-model")


def ask(model: str, *, plugins: Mapping[str, object] | None = None, **config: Any) -> Any:
    """The answer to one question, through a whole engine; no cell is needed for it."""
    roles = dict.fromkeys(("maker", "user", "dispatcher"), model)
    settings: dict[str, Any] = {"library": "sqlite://", **config}
    with Engine(Config(roles=roles, **settings), plugins=plugins or {}) as engine:
        said = engine.solve(QUESTION)
        assert (said.text, said.route) == ("42", "model"), said
        return said


def toy(name: str = "toy", model: str = "any-model") -> dict[str, object]:
    return {name: scripted_provider(name, {model: answer})}


def use_nothing() -> None:
    ask("toy:any-model", plugins=toy())


def over(provider: str, server: Any) -> None:
    with server(lambda recorded: answer(read_request(recorded))) as service:
        options = {provider: {"base_url": service.base_url, "api_key": "sk-0123456789"}}
        ask(f"{provider}:any-model", providers=options)


def use_prices() -> None:
    cost = priced()
    assert cost is not None
    assert cost > 0


def priced() -> Decimal | None:
    """What a listed model cost: played under its provider's name, since the SDK is another extra's."""
    model = "gpt-4o-mini"
    played = {"played": scripted_provider("openai", {model: answer})}
    roles = dict.fromkeys(("maker", "user", "dispatcher"), f"openai:{model}")
    config = Config(roles=roles, library="sqlite://", plugins={"disable": ["openai"]})
    with Engine(config, plugins=played) as engine:
        return engine.solve(QUESTION).cost_usd


def use_otel() -> None:
    from latm.otel import OpenTelemetry

    ask("toy:any-model", plugins={**toy(), "otel": OpenTelemetry()})


def use_postgres() -> None:
    ask("toy:any-model", plugins=toy(), library=os.environ["LATM_TEST_POSTGRES"])


def latm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("latm")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def use_cli() -> None:
    listed = latm("models", "--json")
    assert listed.returncode == 0, listed.stderr
    assert '"replay"' in listed.stdout, listed.stdout


def samples() -> list[Sample]:
    return [
        Sample(text.format(word), label, id=f"{label}-{word}")
        for word in WORDS
        for label, text in TEXTS.items()
    ]


def spec() -> TuningSpec:
    return TuningSpec(name="things", about="a remark", question="What is it about?", labels=LABELS)


def use_local() -> None:
    """Train, and ask what came of it, as a host of plugins would."""
    import anyio

    import latm_local
    from latm.tuner.formats import Template, chat_lines

    template = Template.of(spec())
    job = TuningJob(
        run="0123456789abcdef",
        name="things",
        base="zero-shot",
        training=chat_lines(template, samples()),
        labels=LABELS,
        template=template.digest,
    )

    async def train_and_ask(folder: str) -> str:
        (tuning,), (provider,) = latm_local.latm_tuners(), latm_local.latm_providers()
        tuner = tuning.create({"models": folder})
        state = await tuner.prepare(job, TuningState(), again=False)
        state = await tuner.submit(job, state, again=False)
        model = (await tuner.resolve(job, state)).model
        backend = provider.create(model, {"models": folder})
        return (await backend.complete(template.request("why does the roof leak"))).text

    with tempfile.TemporaryDirectory() as folder:
        assert anyio.run(train_and_ask, folder) == "houses"


def use_report() -> None:
    from latm.report import gather, page

    with tempfile.TemporaryDirectory() as folder:
        library = f"sqlite:///{folder}/latm.db"
        ask("toy:any-model", plugins=toy(), library=library)
        with Engine(Config(library=library)) as engine:
            text = page(gather(engine.library))
    assert text.startswith("<!doctype html>"), text[:100]
    assert "<svg" in text


def use_tuning() -> None:
    from latm.tuner.review import review

    assert review(spec(), samples()).figures["labels"] == dict.fromkeys(LABELS, len(WORDS))


def use_mcp() -> None:
    import anyio

    from latm import AsyncEngine
    from latm.serving import mcp_server

    async def listed() -> list[str]:
        async with AsyncEngine(Config(library="sqlite://"), plugins=toy()) as engine:
            server = mcp_server(engine, solve=True)
            from mcp import Client

            async with Client(server) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(listed) == ["solve"]


USES: Mapping[str, Callable[[], None]] = {
    "": use_nothing,
    "openai": lambda: over("openai", OpenAIServer),
    "anthropic": lambda: over("anthropic", AnthropicServer),
    "prices": use_prices,
    "otel": use_otel,
    "postgres": use_postgres,
    "cli": use_cli,
    "local": use_local,
    "mcp": use_mcp,
    "report": use_report,
    "tuning": use_tuning,
}


def absent_prices() -> None:
    """Nothing is missed: the price is then unknown."""
    assert priced() is None


def absent_cli() -> None:
    done = latm("models")
    assert (done.returncode, done.stdout) == (3, ""), done
    assert "pip install 'latm[cli]'" in done.stderr, done.stderr


def absent_local() -> None:
    with tempfile.TemporaryDirectory() as folder:
        missed("local", lambda: ask(f"local:{folder}"))


def missed(extra: str, use: Callable[[], object]) -> None:
    """Whether the error says what is needed and what brings it."""
    try:
        use()
    except MissingDependency as error:
        assert error.extra == extra, error
        assert str(error).endswith(f"which is not installed: pip install 'latm[{extra}]'"), error
    else:
        raise AssertionError(f"{extra} was not missed")


ABSENT: Mapping[str, Callable[[], None]] = {
    "prices": absent_prices,
    "cli": absent_cli,
    "local": absent_local,
}


def main(what: str, names: list[str]) -> None:
    for name in names:
        if what == "use":
            USES[name]()
        else:
            ABSENT.get(name, lambda name=name: missed(name, USES[name]))()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
