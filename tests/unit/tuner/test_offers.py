"""Which tuner tunes which model, found out before anything is spent."""

from __future__ import annotations

import re

import pytest

from latm import ConfigError, MissingDependency, PluginError
from latm._backends import make_tuner, resolve
from latm._plugins import ModelRef, Plugins
from latm.plugin import TunerSpec, hookimpl
from latm.tuner import TuningRoles
from latm.tuner.offers import find, untrained
from unit.tuner.writer import spec


class Mine:
    """A plugin with a tuner of another name for models of local."""

    def __init__(self, *specs: TunerSpec) -> None:
        self._specs = specs

    @hookimpl
    def latm_tuners(self) -> tuple[TunerSpec, ...]:
        return self._specs


def broken(*_: object) -> object:
    raise ImportError("no such thing", name="no_such_sdk")


def test_the_tuner_s_own_base_is_taken_where_none_is_named() -> None:
    plugins = Plugins.load()
    assert str(find(plugins, spec(tuner="local")).base) == "local:zero-shot"
    assert untrained(plugins) == ("local:zero-shot",)


def test_a_name_of_the_configuration_is_as_good_as_its_provider() -> None:
    plugins = Plugins.load()
    plugins.define("together", "openai")
    offer = find(plugins, spec(tuner="openai", roles=TuningRoles(base="together:small")))
    assert (offer.tuner.name, str(offer.base)) == ("openai", "together:small")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tuner": "anthropic"},
            "Anthropic's API has no fine-tuning.* Tuners that can be used: local, openai",
        ),
        (
            {"tuner": "openai", "roles": TuningRoles(base="anthropic:claude")},
            "roles.base: anthropic:claude cannot be tuned: Anthropic's API has no fine-tuning",
        ),
        ({"tuner": "opanai"}, "no plugin offers the tuner 'opanai'; there are: local, openai. Did you mean"),
        ({"tuner": "openai"}, 'roles.base: name the model to tune: base = "openai:MODEL"'),
        (
            {"tuner": "openai", "roles": TuningRoles(base="local:zero-shot")},
            "tunes models of openai, and local:zero-shot is none; there is the tuner 'local'",
        ),
        (
            {"tuner": "openai", "roles": TuningRoles(base="openai:x"), "training": {"epoch": 1}},
            "training: unknown option 'epoch'. Did you mean 'epochs'",
        ),
    ],
)
def test_what_cannot_be_tuned_is_named_before_anything_is_spent(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find(Plugins.load(), spec(**changes))


def test_a_tuner_that_two_offer_is_refused() -> None:
    again = TunerSpec(name="local", create=broken)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="several plugins offer the tuner 'local'"):
        find(Plugins.load({"mine": Mine(again)}), spec(tuner="local"))


def test_a_tuner_that_cannot_be_made_says_why() -> None:
    resolved = resolve(Plugins.load(), ModelRef("local", "zero-shot"))
    absent = TunerSpec(name="mine", create=broken, provider="local", extra="local")  # type: ignore[arg-type]
    with pytest.raises(
        MissingDependency, match=re.escape("the tuner 'mine' needs the package 'no_such_sdk'")
    ):
        make_tuner(resolved, absent)
    none = TunerSpec(name="mine", create=lambda _: object(), provider="local")  # type: ignore[arg-type,return-value]
    with pytest.raises(PluginError, match="the tuner 'mine' made a object, which is no Tuner"):
        make_tuner(resolved, none)
