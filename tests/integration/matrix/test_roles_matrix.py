"""Any model can play any role: every provider in every role, the whole way, in real cells.

Five runs, in each of which every role is filled by another provider, so that all together each provider has
played each role. What a model says is the same script each time, whatever carried it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.engine import scripts
from integration.matrix import third_party
from latm import Config, Engine
from latm.plugin import Request
from latm.testing import AnthropicServer, OpenAIServer, read_request, scripted_provider

pytestmark = pytest.mark.docker

SCRIPTS: Mapping[str, Callable[[Request], str]] = {
    "maker": scripts.maker(),
    "user": scripts.user,
    "dispatcher": scripts.dispatcher,
    "fallback": scripts.strong,
}
ROLES = tuple(SCRIPTS)
PAPER = {"protocol": "paper"}  # the scripts are of it; whose model replies is what is looked at here
UNAUDITED = {"first": 0, "share": 0}  # an audit in the background may be cut off as the engine closes


@dataclass(frozen=True)
class Player:
    """What fills a role: a provider with options, and the server that it talks to."""

    provider: str
    server: Callable | None = None
    options: tuple[tuple[str, object], ...] = ()


PLAYERS = {
    "chat": Player("openai", OpenAIServer),
    "responses": Player("openai", OpenAIServer, (("api", "responses"),)),
    "messages": Player("anthropic", AnthropicServer),
    "third party": Player("acme", OpenAIServer),
    "replay": Player("replay"),
}
NAMES = tuple(PLAYERS)
CASTS = [
    {role: NAMES[(at + shift) % len(NAMES)] for at, role in enumerate(ROLES)} for shift in range(len(NAMES))
]


def whole_way(engine: Engine) -> tuple[str | None, ...]:
    """Make a tool, have a question answered by it, and another that is none of its business."""
    tool = engine.make("adding", scripts.EXAMPLES)
    assert (tool.name, tool.function) == ("adding", "total")
    by_tool = engine.solve("What do 3, 4 and 5 add up to?")
    by_model = engine.solve("What is the capital of France?")
    return by_tool.route, by_tool.tool, by_tool.text, by_model.route, by_model.text


EXPECTED = ("tool", "adding", "12", "model", "Paris")


@pytest.fixture(scope="module")
def cassettes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """What every role said in a run with scripted models, recorded by the engine itself."""
    folder = tmp_path_factory.mktemp("cassettes")
    files = {role: folder / f"{role}.jsonl" for role in ROLES}
    config = Config(
        roles={role: {"model": f"fake:{role}", "record": str(file)} for role, file in files.items()},
        library=f"sqlite:///{folder / 'latm.db'}",
        making=PAPER,
        auditing=UNAUDITED,
    )
    with Engine(config, plugins={"fake": scripted_provider("fake", SCRIPTS)}) as engine:
        assert whole_way(engine) == EXPECTED
    return files


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC", "ACME"):
        for what in ("API_KEY", "BASE_URL", "CUSTOM_HEADERS"):
            monkeypatch.delenv(f"{name}_{what}", raising=False)


def model_over_http(role: str, player: Player) -> Callable[..., object]:
    return player.server(lambda recorded: SCRIPTS[role](read_request(recorded)))


@pytest.mark.parametrize(
    "cast", CASTS, ids=lambda cast: ", ".join(f"{cast[role]} as {role}" for role in ROLES)
)
def test_the_whole_way(cast: Mapping[str, str], cassettes: Mapping[str, Path], tmp_path: Path) -> None:
    roles: dict[str, str] = {}
    providers: dict[str, dict[str, object]] = {}
    with ExitStack() as stack:
        servers = {}
        for role, name in cast.items():
            player = PLAYERS[name]
            if player.server is None:
                roles[role] = f"replay:{cassettes[role]}"
                continue
            servers[role] = stack.enter_context(model_over_http(role, player))
            # A provider name of its own for each role, by configuration alone, with a key of its own.
            roles[role] = f"for-{role}:some-model"
            providers[f"for-{role}"] = {
                "use": player.provider,
                "base_url": servers[role].base_url,
                "api_key": f"key-of-the-{role}",
                **dict(player.options),
            }
        library = f"sqlite:///{tmp_path / 'latm.db'}"
        config = Config(roles=roles, providers=providers, library=library, making=PAPER, auditing=UNAUDITED)
        with Engine(config, plugins={"acme": third_party}) as engine:
            assert whole_way(engine) == EXPECTED
            spent = engine.ledger.by_role()
        assert spent.keys() == set(ROLES)
        for role, server in servers.items():
            assert server.requests
            assert spent[role].calls == len(server.requests)
            assert spent[role].usage == server.usage
            for request in server.requests:
                assert f"key-of-the-{role}" in str(request.headers)
                assert not [
                    each for each in ROLES if each != role and f"key-of-the-{each}" in str(request.headers)
                ]
        for role in cast.keys() - servers.keys():
            assert spent[role].usage.total > 0


def test_every_provider_plays_every_role() -> None:
    played = {(name, role) for cast in CASTS for role, name in cast.items()}
    assert played == {(name, role) for name in PLAYERS for role in ROLES}
