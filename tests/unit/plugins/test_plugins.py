"""Plugins that an application hands in, and the hooks that answer questions."""

# ruff: noqa: ANN003, ANN205, ANN206, ARG005 - small plugins, written as anyone would
from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from latm._plugins import Plugins
from latm.errors import ConfigError, UnknownProvider
from latm.plugin import LauncherSpec, ProviderSpec, TunerSpec, Usage, hookimpl
from latm.testing import scripted_provider


def hook(function, name):
    """A plugin with one hook."""
    function.__name__ = name
    return SimpleNamespace(**{name: hookimpl(function)})


def load(**extra) -> Plugins:
    return Plugins.load(extra, allow=frozenset())


def test_an_object_is_a_plugin_and_needs_no_package():
    plugins = load(mine=scripted_provider("toy", {"m": ["hello"]}))
    assert plugins.broken == ()
    assert plugins.entry("toy").distribution == "plugins['mine']"


def test_an_object_that_is_installed_as_well_counts_once():
    import latm_replay

    plugins = Plugins.load({"again": latm_replay})
    assert plugins.providers()["replay"].distribution.startswith("latm ")
    assert plugins.conflicts == {}
    assert plugins.broken == ()


@pytest.mark.parametrize("junk", [None, 3, "latm_replay", object(), SimpleNamespace()])
def test_junk_is_recorded(junk):
    (broken,) = load(mine=junk).broken
    assert broken.source == "plugins['mine']"


def test_an_unknown_provider_is_told_the_nearest():
    with pytest.raises(UnknownProvider, match=r"'opanai'\. Did you mean 'openai'\?") as caught:
        Plugins.load().provider("opanai")
    assert caught.value.provider == "opanai"


def test_the_first_secret_counts_and_the_application_s_plugins_come_first():
    asked = []

    def vault(provider, env):
        asked.append((provider, env))
        return "from the vault"

    late = hook(vault, "latm_secret")
    early = hook(lambda provider: "early" if provider == "x" else None, "latm_secret")
    plugins = load(late=late, early=early)
    assert plugins.secret("x", "X_KEY") == "early"
    assert plugins.secret("y", "Y_KEY") == "from the vault"
    assert asked == [("y", "Y_KEY")]


def test_pluggy_s_order_marks_count():
    def vault(provider, env):
        return "first"

    first = SimpleNamespace(latm_secret=hookimpl(tryfirst=True)(vault))
    assert load(first=first, later=hook(lambda env: "later", "latm_secret")).secret("x", "X") == "first"


def test_a_failing_secret_is_passed_over_and_its_text_is_kept_nowhere():
    def vault(provider, env):
        raise RuntimeError("token sk-canary is stale")

    plugins = load(late=hook(lambda env: "found", "latm_secret"), early=hook(vault, "latm_secret"))
    assert plugins.secret("x", "X_KEY") == "found"
    assert plugins.secret("x", "X_KEY") == "found"
    (broken,) = plugins.broken
    assert broken.cause == "latm_secret raised RuntimeError"
    assert broken.error is None


@pytest.mark.parametrize("wrong", [b"key", 3, ["key"]])
def test_a_secret_that_is_no_text_is_passed_over(wrong):
    plugins = load(mine=hook(lambda env: wrong, "latm_secret"))
    assert plugins.secret("x", "X_KEY") is None
    assert "not a str or None" in plugins.broken[0].cause
    assert "key" not in plugins.broken[0].cause


def test_the_first_known_price_counts():
    unknown = hook(lambda model: None, "latm_price")
    known = hook(lambda usage: Decimal(usage.total) / 1000, "latm_price")
    plugins = load(known=known, unknown=unknown)
    assert plugins.price("x:y", Usage(input=5, output=1)) == Decimal("0.006")
    assert plugins.quote("x:y", Usage(input=5, output=1)) == (Decimal("0.006"), "plugins['known']")
    assert load(unknown=unknown).price("x:y", Usage()) is None
    assert load(unknown=unknown).quote("x:y", Usage()) is None


@pytest.mark.parametrize("wrong", [0.5, 1, "2", Decimal(-1), Decimal("NaN")])
def test_a_price_that_is_none_is_recorded_and_unknown(wrong):
    plugins = load(mine=hook(lambda model: wrong, "latm_price"))
    assert plugins.price("x:y", Usage()) is None
    assert plugins.broken[0].cause.startswith("latm_price returned")


def test_a_listener_s_exception_never_reaches_the_caller_and_is_recorded_once():
    heard = []

    def listen(name, fields):
        heard.append((name, dict(fields)))
        fields["x"] = 2

    def leave():
        raise SystemExit(1)

    plugins = load(one=hook(listen, "latm_event"), two=hook(leave, "latm_event"))
    for _ in range(3):
        plugins.event("tool.made", {"x": 1})
    assert heard == [("tool.made", {"x": 1})] * 3
    assert {each.name for each in plugins.broken} == {"one", "two"}
    assert len(plugins.broken) == 2


def test_launchers_and_tuners_are_handed_on():
    tuner = TunerSpec(name="t", create=dict)
    plugins = load(mine=hook(lambda: iter([tuner]), "latm_tuners"))
    assert plugins.tuners() == (tuner,)
    assert plugins.launchers() == ()
    assert (
        load(mine=hook(lambda: [tuner], "latm_launchers"))
        .broken[0]
        .cause.endswith(f"among its {LauncherSpec.__name__}s")
    )


def test_an_alias_is_the_other_provider_with_a_key_of_its_own():
    plugins = Plugins.load()
    plugins.define("groq", "openai")
    plugins.define("groq", "openai")
    assert "groq" in plugins.providers()
    assert plugins.provider("groq").key_env is None
    assert plugins.provider("openai").key_env == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("alias", "use", "message"),
    [
        ("replay", "openai", r"providers\.replay\.use: 'replay' is a provider of latm"),
        ("groq", "opanai", "Did you mean 'openai'"),
        ("second", "first", "itself defined by use"),
    ],
)
def test_an_alias_that_cannot_be_is_a_clear_error(alias, use, message):
    plugins = Plugins.load()
    plugins.define("first", "openai")
    with pytest.raises(ConfigError, match=message):
        plugins.define(alias, use)


def test_a_spec_of_a_class_with_static_and_class_methods_is_found():
    class Plugin:
        @staticmethod
        @hookimpl
        def latm_providers():
            return [ProviderSpec(name="a", create=dict)]

        @classmethod
        @hookimpl
        def latm_secret(cls, env):
            return env.lower()

    plugins = load(mine=Plugin())
    assert "a" in plugins.providers()
    assert plugins.secret("a", "KEY") == "key"


class Contrary:
    """A plugin that cannot be compared, hashed or shown."""

    __hash__ = None

    def __eq__(self, other) -> bool:
        raise RuntimeError("compared")

    def __repr__(self) -> str:
        raise RuntimeError("shown")

    @hookimpl
    def latm_providers(self):
        return [ProviderSpec(name="contrary", create=dict)]


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("said")


def test_a_contrary_plugin_harms_nobody():
    def fail():
        raise UnspeakableError

    toy = scripted_provider("toy", {})
    plugins = load(one=Contrary(), two=Contrary(), three=hook(fail, "latm_providers"), toy=toy)
    assert "toy" in plugins.providers()
    assert [each.cause for each in plugins.broken if each.name == "three"] == [
        "latm_providers failed with UnspeakableError"
    ]
