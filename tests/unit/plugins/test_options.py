"""What is wrong in a provider's table, or in a list of plugins, is said before any backend is made."""

# ruff: noqa: ANN003 - small plugins, written as anyone would
from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import Config
from latm._plugins import ModelRef, Plugins, create_backend
from latm._rooms import load_plugins
from latm.errors import ConfigError, Unauthorized, UnknownProvider
from latm.plugin import ProviderSpec, hookimpl
from latm.testing import ScriptedBackend

CANARY = "sk-canary-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeOptions:
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    politeness: int = 1
    tone: Literal["warm", "dry"] = "warm"


def offer(**spec):
    """A plugin of one provider, ``acme``, whose backends cannot be made."""

    def create(model, options):
        raise AssertionError("a backend was made")

    def latm_providers():
        return [ProviderSpec(**{"name": "acme", "create": create, "key_env": "ACME_API_KEY", **spec})]

    return SimpleNamespace(latm_providers=hookimpl(latm_providers))


def open_with(providers, **spec) -> Plugins:
    """All that an engine does with a configuration before it makes a backend."""
    return load_plugins(Config(providers=providers), {"mine": offer(options=AcmeOptions, **spec)})


ALIAS = {"use": "acme", "base_url": "http://a"}


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        (
            {"acme": {"politness": 2}},
            r"^providers\.acme: unknown option 'politness'\. Did you mean 'politeness'",
        ),
        ({"acme": {"politeness": "2"}}, r"^providers\.acme: Expected `int`, got `str` - at `\$\.politeness`"),
        ({"acme": {"tone": "sour"}}, r"^providers\.acme: must be 'warm' or 'dry' - at `\$\.tone`$"),
        ({"acme": {"concurrency": 0}}, r"^providers\.acme\.concurrency: must be a whole number above 0"),
        ({"acme": {"concurrency": True}}, r"^providers\.acme\.concurrency: must be a whole number"),
        ({"acme": {"key_env": 3}}, r"^providers\.acme\.key_env: expected text, got a int"),
        ({"acme": {"use": 3}}, r"^providers\.acme\.use: must be the name of a provider"),
        ({"mine": {**ALIAS, "ton": "dry"}}, r"^providers\.mine: unknown option 'ton'\. Did you mean 'tone'"),
        ({"mine": {"use": "acne"}}, r"^providers\.mine\.use: no plugin offers.*'acne'\. Did you mean 'acme'"),
        ({"openai": {"api": "chatt"}}, r"^providers\.openai: must be 'chat' or 'responses' - at `\$\.api`"),
        ({"anthropic": {"stop": 1}}, r"^providers\.anthropic: unknown option 'stop'"),
        ({"replay": {"match": "best"}}, r"^providers\.replay: must be 'digest' or 'order'"),
    ],
)
def test_a_wrong_table_is_an_error_at_open_that_says_where(providers, message):
    with pytest.raises(ConfigError, match=message):
        open_with(providers)


@pytest.mark.parametrize("name", ["acmee", "opanai", "acm"])
def test_a_table_that_is_nearly_a_provider_s_is_taken_for_a_slip(name):
    with pytest.raises(UnknownProvider, match=rf"^providers\.{name}: .*Did you mean .*use = ") as caught:
        open_with({name: {"base_url": "http://a"}})
    assert caught.value.provider == name


def test_a_table_of_a_provider_that_is_not_there_is_let_pass():
    open_with({"somewhere-else": {"anything": 1}, "azure-openai": {"anything": 1}})
    config = Config(providers={"acmes": {"x": 1}}, plugins={"disable": ["acmes"]})
    load_plugins(config, {"acmes": offer(), "mine": offer(options=AcmeOptions)})
    broken = {"acmes": 3, "mine": offer(options=AcmeOptions)}
    assert load_plugins(Config(providers={"acmes": {"x": 1}}), broken).broken[0].name == "acmes"


def test_a_right_table_and_a_provider_that_declares_nothing_are_let_pass():
    open_with({"acme": {"politeness": 2, "concurrency": 3, "key_env": "X"}, "mine": ALIAS})
    load_plugins(Config(providers={"acme": {"what": "ever"}}), {"mine": offer()})


def test_of_a_name_that_two_offer_nothing_is_checked():
    plugins = {"one": offer(options=AcmeOptions), "two": offer()}
    assert load_plugins(Config(providers={"acme": {"what": "ever"}}), plugins).conflicts


@given(st.text(min_size=1), st.sampled_from(["api_key", "politeness", "tone", "base_url"]))
def test_a_wrong_value_is_never_shown(secret, option):
    secret = f"{CANARY}{secret}"
    wrong = secret if option in {"politeness", "tone"} else [secret]
    with pytest.raises(ConfigError) as caught:
        open_with({"acme": {option: wrong}})
    assert CANARY not in str(caught.value)


def test_create_backend_checks_too_and_names_the_alias():
    plugins = Plugins.load({"mine": offer(options=AcmeOptions)}, allow=frozenset())
    with pytest.raises(ConfigError, match=r"providers\.ours: unknown option 'x'"):
        create_backend(plugins, ModelRef("ours", "m"), {"use": "acme", "x": 1}, CANARY)


@pytest.mark.parametrize("use", ["acme", "openai", "anthropic"])
def test_an_alias_without_a_key_is_named_with_what_to_do(use, monkeypatch):
    for name in ("ACME_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, CANARY)
    plugins = Plugins.load({"mine": offer(options=AcmeOptions)})
    with pytest.raises(Unauthorized, match=r"'ours' has no key: .*key_env in \[providers\.ours\]") as caught:
        create_backend(plugins, ModelRef("ours", "m"), {"use": use})
    assert "API_KEY" not in str(caught.value)


def test_an_alias_that_says_that_it_needs_no_key_is_believed():
    made = []

    def create(model, options):
        made.append(dict(options))
        return ScriptedBackend([])

    plugins = Plugins.load({"mine": offer(create=create)}, allow=frozenset())
    create_backend(plugins, ModelRef("ours", "m"), {"use": "acme", "key_env": ""})
    assert made == [{}]


def test_an_alias_of_a_provider_without_keys_needs_none():
    made = []

    def create(model, options):
        made.append(model)
        return ScriptedBackend([])

    plugins = Plugins.load({"mine": offer(create=create, key_env=None)}, allow=frozenset())
    create_backend(plugins, ModelRef("ours", "m"), {"use": "acme"})
    assert made == ["m"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"options": AcmeOptions()}, "whose options is a AcmeOptions, not a dataclass"),
        ({"options": dict}, "whose options is a type, not a dataclass"),
        ({"key_env": 3}, "whose key_env is a int, not a str or None"),
        ({"extra": ["x"]}, "whose extra is a list, not a str or None"),
    ],
)
def test_a_spec_with_a_wrong_field_is_recorded(spec, says):
    plugins = Plugins.load({"mine": offer(**spec)}, allow=frozenset())
    assert says in plugins.broken[0].cause
    assert plugins.providers() == {}


def test_names_in_the_lists_that_no_plugin_has_are_noted_with_the_nearest(monkeypatch):
    monkeypatch.setenv("LATM_PLUGINS", "latm, reply")
    plugins = Plugins.load({"mine": offer()}, disable=["mime", "zzz", "mine"])
    assert [(each.name, each.where, each.near) for each in plugins.strays] == [
        ("mime", "[plugins] disable", "mine"),
        ("zzz", "[plugins] disable", None),
        ("reply", "LATM_PLUGINS", "replay"),
    ]
    assert str(plugins.strays[0]) == (
        "[plugins] disable names 'mime', but no plugin is called so. Did you mean 'mine'?"
    )
    monkeypatch.delenv("LATM_PLUGINS")
    assert Plugins.load({"mine": offer()}, disable=["mine", "latm", "replay"]).strays == ()
