"""Model references, keys, and backends made of what plugins offer."""

# ruff: noqa: ANN003, ARG005 - small plugins, written as anyone would
from __future__ import annotations

import traceback
from types import SimpleNamespace

import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import ConfigError, MissingDependency, PluginError, Unauthorized
from latm.plugin import ProviderSpec, Rejected, hookimpl
from latm.testing import ScriptedBackend, scripted_provider

CANARY = "sk-canary-0123456789"


def plugin(create, *, key_env=None, extra=None, secret=None):
    """A plugin of one provider, ``p``, and what it says when asked for a key."""

    def latm_providers():
        return [ProviderSpec(name="p", create=create, key_env=key_env, extra=extra)]

    def latm_secret(env):
        return secret

    return SimpleNamespace(latm_providers=hookimpl(latm_providers), latm_secret=hookimpl(latm_secret))


def load(create, **more) -> Plugins:
    return Plugins.load({"mine": plugin(create, **more)}, allow=frozenset())


def key_seen(*, options=None, api_key=None, key_env="P_KEY", secret=None):
    """The key that reaches a provider."""
    seen = {}

    def create(model, options):
        seen.update(options)
        return ScriptedBackend([])

    plugins = load(create, key_env=key_env, secret=secret)
    create_backend(plugins, ModelRef("p", "m"), options or {}, api_key)
    assert "key_env" not in seen
    return seen.get("api_key")


@pytest.mark.parametrize(
    ("text", "provider", "model"),
    [
        ("openai:gpt-5.6-luna", "openai", "gpt-5.6-luna"),
        ("replay:/tmp/a:b.json", "replay", "/tmp/a:b.json"),
        ("ollama:llama3:8b", "ollama", "llama3:8b"),
        (" openai : x ", "openai", "x"),
    ],
)
def test_a_reference_is_split_at_the_first_colon(text, provider, model):
    ref = ModelRef.parse(text)
    assert (ref.provider, ref.model) == (provider, model)
    assert ModelRef.parse(str(ref)) == ref


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpt-5", "roles.user: 'gpt-5' names no provider: write provider:model"),
        ("", "names no provider"),
        (":gpt", "empty provider"),
        ("openai:", "empty model"),
        ("openai: ", "empty model"),
        (":", "empty provider"),
    ],
)
def test_a_wrong_reference_is_a_clear_error(text, message):
    with pytest.raises(ConfigError, match=message):
        ModelRef.parse(text, where="roles.user")


def test_keys_are_explicit_or_a_plugin_s_or_the_environment_s(monkeypatch):
    monkeypatch.setenv("P_KEY", "environment")
    monkeypatch.setenv("OTHER", "other")
    assert key_seen(api_key="argument", options={"api_key": "option"}, secret="plugin") == "argument"
    assert key_seen(options={"api_key": "option"}, secret="plugin") == "option"
    assert key_seen(secret="plugin") == "plugin"
    assert key_seen() == "environment"
    assert key_seen(secret="") == "environment"
    assert key_seen(options={"key_env": "OTHER"}) == "other"
    assert key_seen(options={"key_env": ""}) is None
    assert key_seen(key_env=None) is None


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_names_the_variable(monkeypatch, value):
    monkeypatch.delenv("P_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("P_KEY", value)
    with pytest.raises(Unauthorized, match="environment variable P_KEY"):
        key_seen()


def test_a_server_of_one_s_own_may_do_without_a_key_unless_one_was_named(monkeypatch):
    monkeypatch.delenv("P_KEY", raising=False)
    assert key_seen(options={"base_url": "http://x"}) is None
    with pytest.raises(Unauthorized, match="environment variable OTHER"):
        key_seen(options={"base_url": "http://x", "key_env": "OTHER"})
    monkeypatch.setenv("P_KEY", "environment")
    assert key_seen(options={"base_url": "http://x"}) == "environment"


def test_a_missing_sdk_names_the_distribution_to_install():
    def create(model, options):
        import no_such_sdk  # noqa: F401

    with pytest.raises(MissingDependency, match="pip install latm-p") as caught:
        create_backend(load(create, extra="latm-p"), ModelRef("p", "m"))
    assert caught.value.module == "no_such_sdk"
    with pytest.raises(MissingDependency, match=r"pip install no_such_sdk$"):
        create_backend(load(create), ModelRef("p", "m"))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_missing_sdk_of_a_built_in_names_the_extra(monkeypatch, provider):
    import sys

    monkeypatch.setitem(sys.modules, provider, None)
    for name in [each for each in sys.modules if each.startswith(f"latm_{provider}._")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingDependency, match=rf"pip install 'latm\[{provider}\]'") as caught:
        create_backend(Plugins.load(), ModelRef(provider, "m"), api_key=CANARY)
    assert caught.value.module == provider
    assert caught.value.extra == provider


def test_whatever_a_plugin_raises_names_its_distribution_and_hides_the_key():
    def create(model, options):
        raise KeyError(f"bad key {options['api_key']}")

    with pytest.raises(PluginError, match=r"plugin plugins\['mine'\].*KeyError") as caught:
        create_backend(load(create), ModelRef("p", "m"), api_key=CANARY)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert "***" in str(caught.value)


def test_a_harmless_cause_is_kept():
    def create(model, options):
        raise RuntimeError("no luck")

    with pytest.raises(PluginError) as caught:
        create_backend(load(create), ModelRef("p", "m"), api_key=CANARY)
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("error", [ConfigError("unknown option"), Rejected("no such model")])
def test_errors_of_latm_come_through_as_they_are(error):
    def create(model, options):
        raise error

    with pytest.raises(type(error)) as caught:
        create_backend(load(create), ModelRef("p", "m"))
    assert caught.value is error


class SyncBackend:
    def complete(self, request): ...
    async def aclose(self): ...


class Unclosable:
    async def complete(self, request): ...


@pytest.mark.parametrize(
    ("made", "missing"), [(None, "complete"), (SyncBackend(), "complete"), (Unclosable(), "aclose")]
)
def test_what_is_no_backend_is_refused(made, missing):
    with pytest.raises(PluginError, match=f"without an async method '{missing}'"):
        create_backend(load(lambda model, options: made), ModelRef("p", "m"))


def test_options_reach_the_provider_read_only():
    seen = []

    def create(model, options):
        seen.append((model, dict(options)))
        with pytest.raises(TypeError):
            options["x"] = 1
        return ScriptedBackend([])

    create_backend(load(create), ModelRef("p", "a:b"), {"base_url": "http://x"})
    assert seen == [("a:b", {"base_url": "http://x"})]


@pytest.mark.parametrize("name", ["key_env", "use"])
def test_an_option_of_the_layer_with_a_wrong_type_is_named(name):
    with pytest.raises(ConfigError, match=rf"providers\.p\.{name}: expected text, got a int"):
        create_backend(load(lambda model, options: ScriptedBackend([])), ModelRef("p", "m"), {name: 3})


def test_a_name_of_the_configuration_uses_another_provider():
    plugins = Plugins.load({"mine": scripted_provider("toy", {"m": ["hello"]})}, allow=frozenset())
    backend = create_backend(plugins, ModelRef("mytoy", "m"), {"use": "toy"})
    assert isinstance(backend, ScriptedBackend)
    assert plugins.entry("mytoy").distribution == "plugins['mine']"
