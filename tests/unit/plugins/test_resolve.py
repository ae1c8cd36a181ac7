"""What a model's backend is made of, and whose account it is."""

# ruff: noqa: ARG005 - small plugins, written as anyone would
from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._plugins import ModelRef, Plugins, create_backend, make_backend, resolve
from latm.errors import ConfigError, Unauthorized
from latm.plugin import ProviderSpec, hookimpl
from latm.testing import ScriptedBackend

CANARY = "sk-canary-0123456789"


def load(*, secret=None, create=lambda model, options: ScriptedBackend([])) -> Plugins:
    """Two providers, ``p`` and ``q``, that want a key."""

    def latm_providers():
        return [ProviderSpec(name=name, create=create, key_env=f"{name.upper()}_KEY") for name in "pq"]

    mine = SimpleNamespace(
        latm_providers=hookimpl(latm_providers),
        latm_secret=hookimpl(secret or (lambda env: None)),
    )
    return Plugins.load({"mine": mine}, allow=frozenset())


PLUGINS = load()
keys = st.sampled_from(["k1", "k2", " k2\n"])
places = st.sampled_from([None, "http://a/v1", "http://a/v1/", "http://b/v1"])
callers = st.tuples(st.sampled_from("pq"), places, keys, st.booleans())


def credential(caller) -> str:
    provider, place, key, aliased = caller
    options = {} if place is None else {"base_url": place}
    name = provider
    if aliased:
        name, options = f"my-{provider}", {"use": provider, **options}
    return resolve(PLUGINS, ModelRef(name, "m"), options, key).credential


def account(caller) -> tuple[object, ...]:
    provider, place, key, _ = caller
    return provider, place and place.rstrip("/"), key.strip()


@given(callers, callers)
def test_two_names_have_one_credential_where_the_service_sees_one_caller(one, other):
    assert (credential(one) == credential(other)) == (account(one) == account(other))


def test_a_credential_is_another_one_in_every_process_and_shown_nowhere():
    resolved = resolve(PLUGINS, ModelRef("p", "m"), {}, CANARY)
    code = (
        "import sys; from unit.plugins.test_resolve import *;"
        "print(resolve(PLUGINS, ModelRef('p', 'm'), {}, CANARY).credential)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.strip() != resolved.credential
    assert len(done.stdout.strip()) == len(resolved.credential) == 64
    assert resolved.credential not in repr(resolved)
    assert CANARY not in repr(resolved)


def test_what_was_resolved_is_made_without_asking_for_the_key_again():
    asked, made = [], []

    def secret(env):
        asked.append(env)
        return CANARY

    def create(model, options):
        made.append((model, dict(options)))
        return ScriptedBackend([])

    plugins = load(secret=secret, create=create)
    options = {"base_url": "http://x", "concurrency": 3, "key_env": "OTHER"}
    resolved = resolve(plugins, ModelRef("p", "m"), options)
    assert made == []
    make_backend(resolved)
    make_backend(resolved)
    assert asked == ["OTHER"]
    assert made == [("m", {"base_url": "http://x", "api_key": CANARY})] * 2
    create_backend(plugins, ModelRef("p", "m"), options)
    assert made[2] == made[0]


def test_resolving_finds_what_is_wrong_before_anything_is_made(monkeypatch):
    monkeypatch.delenv("P_KEY", raising=False)
    with pytest.raises(Unauthorized, match="P_KEY"):
        resolve(PLUGINS, ModelRef("p", "m"))
    with pytest.raises(ConfigError, match=r"providers\.p\.key_env: expected text, got a int"):
        resolve(PLUGINS, ModelRef("p", "m"), {"key_env": 3}, CANARY)
