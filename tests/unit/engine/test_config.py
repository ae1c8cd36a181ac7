from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from latm import Config, ConfigError
from latm.config import LibraryConfig, Price, RoleConfig

WHOLE = """
[roles]
maker = { model = "anthropic:claude-opus-5", max_output_tokens = 8000 }
user = "openai:gpt-5.6-luna"
[providers.openai]
key_env = "OPENAI_API_KEY"
[sandbox]
limits = { wall_s = 5.0, memory_bytes = 268435456 }
[library]
url = "sqlite:///latm.db"
[budget]
usd = "2.00"
[prices."openai:gpt-5.6-luna"]
input = "0.25"
output = 2
"""


def test_a_file_becomes_the_frozen_tree(tmp_path: Path) -> None:
    file = tmp_path / "latm.toml"
    file.write_text(WHOLE)
    config = Config.load(file)
    assert config.role("maker") == RoleConfig(model="anthropic:claude-opus-5", max_output_tokens=8000)
    assert config.role("fallback") == config.role("maker")
    assert config.role("user").model == "openai:gpt-5.6-luna"
    assert config.budget.usd == Decimal("2.00")
    assert config.prices["openai:gpt-5.6-luna"] == Price(input=Decimal("0.25"), output=Decimal(2))
    assert config.sandbox.limits == {"wall_s": 5.0, "memory_bytes": 268435456}


def test_short_forms_are_the_long_ones() -> None:
    short = Config(roles={"user": "a:b"}, library="sqlite:///x.db")
    long = Config(roles={"user": RoleConfig(model="a:b")}, library=LibraryConfig(url="sqlite:///x.db"))
    assert short == long


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"role": {}}, r"unknown table 'role'\. Did you mean 'roles'\?"),
        ({"roles": {"makr": "a:b"}}, r"roles: no such role: 'makr'\. Did you mean 'maker'\?"),
        (
            {"roles": {"maker": {"modell": "a:b"}}},
            r"roles\.maker: unknown key 'modell'\. Did you mean 'model'\?",
        ),
        ({"roles": {"maker": {}}}, r"roles\.maker: lacks model"),
        ({"roles": {"maker": 3}}, r"roles\.maker: must be a table, not int"),
        ({"roles": 3}, r"roles: must be a table, not int"),
        (
            {"roles": {"maker": {"model": "a:b", "max_output_tokens": "x"}}},
            r"roles\.maker\.max_output_tokens: ",
        ),
        ({"providers": {"openai": "x"}}, r"providers\.openai: must be a table, not str"),
        ({"budget": {"usd": "much"}}, r"budget\.usd: "),
        ({"making": {"demonstrations": 1.5}}, r"making\.demonstrations: "),
        ({"prices": {"a:b": {"input": 1}}}, r"prices\.'a:b': lacks output"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tree: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config.from_mapping(tree)


@pytest.mark.parametrize(("text", "message"), [("[roles", "is no TOML"), ("x = 1", "unknown table 'x'")])
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "my.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"my\.toml: {message}"):
        Config.load(file)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        Config.load(tmp_path / "none.toml")


def test_an_empty_role_says_the_line_to_add() -> None:
    with pytest.raises(ConfigError, match='add user = "provider:model" to'):
        Config().role("user")


def test_money_may_be_written_as_a_number_or_a_text() -> None:
    assert {Config(budget={"usd": value}).budget.usd for value in (2, "2", 2.0, Decimal(2))} == {Decimal(2)}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"making": {"attempts": 0}}, r"making\.attempts: must be at least 1, not 0"),
        ({"making": {"demonstrations": -1}}, r"making\.demonstrations: must be at least 1"),
        ({"making": {"instances": 3}}, r"making\.instances: must be at least 6, not 3"),
        ({"budget": {"usd": "nan"}}, r"budget\.usd: must be an amount of USD"),
        ({"budget": {"usd": "-1"}}, r"budget\.usd: must be an amount of USD"),
        ({"prices": {"a:b": {"input": "inf", "output": 1}}}, r"prices\.'a:b'\.input: must be an amount"),
        ({"roles": {"maker": {"model": "a:b", "timeout_s": -1.0}}}, r"roles\.maker\.timeout_s: must be"),
        (
            {"roles": {"maker": {"model": "a:b", "max_output_tokens": 0}}},
            r"max_output_tokens: must be at least 1",
        ),
    ],
)
def test_a_value_that_could_never_work_is_refused(tree: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config.from_mapping(tree)
