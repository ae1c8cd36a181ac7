"""Tables of the configuration for providers that no plugin offers."""

from __future__ import annotations

from latm._plugins import Plugins
from latm._rooms import load_plugins
from latm.config import Config


def test_a_table_that_is_like_no_provider_is_noted() -> None:
    plugins = load_plugins(Config(providers={"elsewhere": {"timeout_s": 3}, "openai": {}}))

    assert [str(each) for each in plugins.strays] == [
        "[providers] names 'elsewhere', but no plugin offers it."
    ]


def test_one_of_a_disabled_plugin_is_not() -> None:
    plugins = Plugins.load(disable=["openai"])
    plugins.check_options("openai", {"timeout_s": 3})

    assert plugins.strays == ()
