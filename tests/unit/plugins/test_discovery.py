"""Plugins of real distributions: found, loaded behind guards, and named when they are broken."""

from __future__ import annotations

import pytest

from latm._plugins import Plugins
from latm.errors import ConfigError, UnknownProvider

GOOD = """
from latm.plugin import ProviderSpec, Reply, Usage, hookimpl

class Echo:
    def __init__(self, model, options): self.model = model
    async def complete(self, request):
        return Reply(text=request.messages[-1].text, usage=Usage(), model=self.model)
    async def aclose(self): pass

@hookimpl
def latm_providers():
    return [ProviderSpec(name="echo", create=Echo)]
"""


def cause_of(plugins: Plugins, name: str) -> str:
    (broken,) = [each for each in plugins.broken if each.name == name]
    assert broken.distribution == name
    assert broken.version == "1.2"
    return broken.cause


def test_a_distribution_s_provider_is_found_with_its_origin(install):
    install("latm-echo", GOOD)
    plugins = Plugins.load()
    assert plugins.providers()["echo"].distribution == "latm-echo 1.2"
    assert plugins.provider("echo").name == "echo"


def test_the_built_in_providers_are_found_and_nothing_is_broken():
    plugins = Plugins.load()
    assert {"openai", "anthropic", "replay"} <= plugins.providers().keys()
    assert plugins.broken == ()


HOOK = "from latm.plugin import hookimpl\n@hookimpl\n"
BROKEN = {
    "does not import": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "is no Python": ("def", "SyntaxError"),
    "leaves the process": ("raise SystemExit(3)", "SystemExit: 3"),
    "has an async hook": (HOOK + "async def latm_providers(): return []", "latm_providers is async"),
    "has an async generator": (HOOK + "async def latm_providers(): yield 1", "latm_providers is async"),
    "misspells a hook": (HOOK + "def latm_provider(): return []", "'latm_provider'. Did you mean"),
    "takes other arguments": (HOOK + "def latm_secret(supplier): return None", "supplier"),
    "forgets the mark": ("def latm_providers(): return []", "latm_providers is not marked with @hookimpl"),
    "has no hook": ("x = 1", "it implements no hook"),
    "wraps": (
        "from latm.plugin import hookimpl\n@hookimpl(wrapper=True)\ndef latm_providers(): return (yield)",
        "wrapper",
    ),
    "returns None": (HOOK + "def latm_providers(): return None", "TypeError"),
    "returns other things": (HOOK + "def latm_providers(): return ['echo']", "returned a str among"),
    "raises": (HOOK + "def latm_providers(): raise RuntimeError('out of luck')", "out of luck"),
    "raises late": (HOOK + "def latm_providers():\n    yield from ()\n    1/0", "ZeroDivisionError"),
    "leaves when asked": (HOOK + "def latm_providers(): raise SystemExit", "SystemExit"),
    "has a nameless spec": (
        "from latm.plugin import ProviderSpec\n" + HOOK
        + "def latm_providers(): return [ProviderSpec(name='', create=dict)]",
        "a name is text",
    ),
    "has a spec with a colon": (
        "from latm.plugin import ProviderSpec\n" + HOOK
        + "def latm_providers(): return [ProviderSpec(name='a:b', create=dict)]",
        "'a:b'",
    ),
    "cannot create": (
        "from latm.plugin import ProviderSpec\n" + HOOK
        + "def latm_providers(): return [ProviderSpec(name='bad', create=3)]",
        "create is a int, not callable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_recorded_and_the_others_go_on(install, what):
    code, cause = BROKEN[what]
    install("bad", code)
    install("latm-echo", GOOD)
    plugins = Plugins.load()
    assert cause in cause_of(plugins, "bad")
    assert "echo" in plugins.providers()
    with pytest.raises(UnknownProvider) as caught:
        plugins.provider("bad")
    assert "bad 1.2" in str(caught.value)
    assert cause in str(caught.value)


def test_any_broken_plugin_is_named_when_a_provider_is_unknown(install):
    install("secretly-groq", "import no_such_module_anywhere")
    with pytest.raises(UnknownProvider, match=r"secretly-groq 1\.2 is broken: ModuleNotFoundError"):
        Plugins.load().provider("groq")


def test_an_entry_point_to_nothing_is_recorded(install):
    info = install("ghost", "")
    (info / "entry_points.txt").write_text("[latm]\nghost = no_such_module_anywhere:plugin\n")
    assert "no_such_module_anywhere" in cause_of(Plugins.load(), "ghost")


def test_damaged_metadata_of_a_foreign_distribution_harm_nobody(install):
    info = install("damaged", GOOD)
    (info / "entry_points.txt").write_bytes(b"[latm]\n\xff\xfe = x\n")
    plugins = Plugins.load()
    assert "openai" in plugins.providers()
    assert "damaged metadata" in "".join(each.cause for each in plugins.broken)


def test_a_distribution_without_a_name_harms_nobody(install):
    info = install("nameless", GOOD)
    (info / "METADATA").write_text("")
    assert "openai" in Plugins.load().providers()


def test_of_a_distribution_that_is_there_twice_the_first_counts(install, tmp_path, monkeypatch):
    install("latm-echo", GOOD, version="1.0")
    newer = tmp_path / "newer"
    info = newer / "latm_echo-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Latm_Echo\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[latm]\necho = latm_echo_plugin\n")
    monkeypatch.syspath_prepend(str(newer))
    plugins = Plugins.load()
    assert plugins.providers()["echo"].distribution == "Latm_Echo 2.0"
    assert plugins.conflicts == {}


def test_two_plugins_with_one_provider_name_are_both_named_when_it_is_asked_for(install):
    install("one", GOOD)
    install("two", GOOD)
    plugins = Plugins.load()
    assert "echo" not in plugins.providers()
    assert plugins.conflicts == {"echo": ("one 1.2", "two 1.2")}
    assert plugins.broken == ()
    with pytest.raises(ConfigError, match=r"one 1\.2 and two 1\.2.*disable"):
        plugins.provider("echo")
    assert Plugins.load(disable=["two"]).providers()["echo"].distribution == "one 1.2"


def test_one_plugin_with_one_name_twice_keeps_the_first(install):
    install("twice", GOOD.replace("create=Echo)]", "create=Echo)] * 2"))
    plugins = Plugins.load()
    assert "echo" in plugins.providers()
    assert "offers 'echo' twice" in cause_of(plugins, "twice")


def test_disabling_a_broken_plugin_removes_only_it(install):
    install("bad", "1/0")
    install("latm-echo", GOOD)
    plugins = Plugins.load(disable=["bad"])
    assert plugins.broken == ()
    assert "echo" in plugins.providers()


@pytest.mark.parametrize("name", ["short", "latm-echo"])
def test_a_disabled_plugin_s_provider_says_so(install, name):
    install("latm-echo", GOOD, entry="short")
    plugins = Plugins.load(disable=[name])
    assert "echo" not in plugins.providers()
    for asked in ("short", "echo"):
        with pytest.raises(UnknownProvider, match=r"latm-echo 1\.2 is disabled"):
            plugins.provider(asked)


def test_the_allow_list_of_the_environment_lets_in_nothing_else(install, monkeypatch):
    install("bad", "raise AssertionError('it was imported')")
    install("latm-echo", GOOD)
    monkeypatch.setenv("LATM_PLUGINS", "latm-echo, replay")
    plugins = Plugins.load()
    assert set(plugins.providers()) == {"echo", "replay"}
    assert plugins.broken == ()
    with pytest.raises(UnknownProvider, match="LATM_PLUGINS"):
        plugins.provider("openai")
    monkeypatch.setenv("LATM_PLUGINS", "")
    assert Plugins.load().providers() == {}


def test_an_explicit_allow_list_wins_over_the_environment(install, monkeypatch):
    install("latm-echo", GOOD)
    monkeypatch.setenv("LATM_PLUGINS", "replay")
    assert set(Plugins.load(allow=frozenset({"latm-echo"})).providers()) == {"echo"}
