from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import Config, ConfigError
from latm.config import BudgetConfig, LibraryConfig, Limit, Price, RetryConfig, RoleConfig

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
        ({"prices": {"a:b": {}}}, r"prices\.'a:b': lacks input, output"),
        ({"prices": {"a:b": {"training": 1, "output": 1}}}, r"prices\.'a:b': lacks input"),
        ({"prices": {"a:b": {"training": 1, "cache_read": 1}}}, r"prices\.'a:b': lacks input, output"),
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
        ({"making": {"protocol": "strickt"}}, r"making\.protocol: no such protocol: .* mean 'strict'"),
        ({"making": {"exam": -1}}, r"making\.exam: must be at least 0, not -1"),
        ({"making": {"exam_score": 95.0}}, r"making\.exam_score: must be from 0 to 1"),
        ({"making": {"cases": 0}}, r"making\.cases: must be at least 1, not 0"),
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
        ({"retry": {"attempts": 0}}, r"retry\.attempts: must be at least 1"),
        ({"retry": {"total_s": "inf"}}, r"retry\.total_s: "),
        ({"retry": {"longest_wait_s": 0.0}}, r"retry\.longest_wait_s: must be a number of seconds above 0"),
        ({"budget": {"run": {"usd": -1}}}, r"budget\.run\.usd: must be an amount of USD"),
        ({"budget": {"run": {"dollars": 1}}}, r"budget\.run: unknown key 'dollars'"),
        ({"budget": {"roles": {"makr": {"usd": 1}}}}, r"budget\.roles: no such role: 'makr'.*'maker'"),
        ({"budget": {"roles": {"user": {"call": 1}}}}, r"budget\.roles\.user: unknown key 'call'.*'calls'"),
        ({"prices": {"a:b": {"training": -1}}}, r"prices\.'a:b'\.training: must be an amount"),
        ({"budget": {"tokens": -1}}, r"budget\.tokens: must be at least 0"),
        ({"budget": {"usd": True}}, r"budget\.usd: "),
        ({"prices": {"a:b": {"input": 1, "output": 1, "as_of": "May"}}}, r"prices\.'a:b'\.as_of: "),
    ],
)
def test_a_value_that_could_never_work_is_refused(tree: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config.from_mapping(tree)


def test_budgets_retries_and_dates_of_prices_are_read(tmp_path: Path) -> None:
    file = tmp_path / "latm.toml"
    file.write_text(
        """
        [budget]
        tokens = 1000
        run = { usd = "0.10", calls = 5 }
        day = { usd = 3 }
        roles = { maker = { usd = 1.5 } }
        [retry]
        attempts = 2
        total_s = 60
        [prices."a:b"]
        input = 1
        output = 2
        as_of = 2026-10-01
        """
    )
    config = Config.load(file)
    assert config.budget == BudgetConfig(
        tokens=1000,
        run=Limit(usd=Decimal("0.10"), calls=5),
        day=Limit(usd=Decimal(3)),
        roles={"maker": Limit(usd=Decimal("1.5"))},
    )
    assert config.budget.engine == Limit(tokens=1000)
    assert config.retry == RetryConfig(attempts=2, total_s=60)
    assert config.prices["a:b"].as_of == date(2026, 10, 1)


@given(
    st.sampled_from(["api_key", "token", "headers", "query", "password", "what_a_plugin_calls_it"]),
    st.sampled_from(["sk-canary", ["sk-canary"], {"Authorization": "sk-canary"}]),
)
def test_no_option_of_a_provider_shows_a_secret(name: str, value: object) -> None:
    config = Config(providers={"mine": {name: value, "key_env": "MINE_KEY", "concurrency": 3}})
    assert "sk-canary" not in repr(config)
    assert "MINE_KEY" in repr(config)
    assert "'concurrency': 3" in repr(config)


@given(
    st.sampled_from(
        [
            "postgresql+psycopg://me:{}@db.example:5432/latm",
            "postgresql:/me:{}@db.example/latm",
            "https://{}@gateway.example/v1",
            "https://gateway.example/v1?token={}",
        ]
    ),
    st.text(st.sampled_from("abz019/:?#@%=é "), min_size=1).map(lambda tail: f"canary{tail}"),
)
def test_no_url_shows_its_password(form: str, password: str) -> None:
    url = form.format(password.replace("@", "").replace("&", "") if "?" in form else password)
    shown = repr(Config(library=url, providers={"mine": {"base_url": url}}))
    assert "canary" not in shown
    assert "sqlite:///latm.db" in repr(Config())


def test_a_making_waits_for_the_examples_of_its_exam() -> None:
    waits = {exam: Config(making={"exam": exam}).making.pending for exam in (None, 0, 5)}
    assert waits == {None: 9, 0: 6, 5: 11}
    assert Config(making={"exam": 5, "protocol": "paper"}).making.pending == 6
