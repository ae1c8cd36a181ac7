"""An application that embeds latm: awaited and not, its answers, tools, money and errors."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from latm import (
    Answer,
    AsyncEngine,
    BackendError,
    BudgetExceeded,
    Config,
    ConfigError,
    Engine,
    Example,
    LatmError,
    Spend,
    Tool,
    read_examples,
)
from latm.otel import OpenTelemetry
from latm.plugin import Usage

CONFIG = Config(
    roles={
        "maker": "anthropic:claude-opus-5",
        "user": {"model": "openai:gpt-5.6-luna", "temperature": 0.0},
        "dispatcher": "local:tfidf",
    },
    providers={"openai": {"base_url": "http://127.0.0.1:8000/v1"}},
    library="sqlite:///latm.db",
    budget={"usd": "5.00"},
)


def answer(config: Config, question: str) -> str:
    with Engine(config, plugins={"otel": OpenTelemetry()}) as engine:
        said: Answer = engine.solve(question)
        cost: Decimal | None = said.cost_usd
        return f"{said.text} ({said.route}, {said.tool}, {cost})"


def make(config: Config, folder: Path) -> Tool | None:
    examples: Sequence[Example] = read_examples(folder / "examples.jsonl")
    with Engine(config) as engine:
        try:
            tool = engine.library.find("word sorting") or engine.make("word sorting", examples)
        except BudgetExceeded:
            return None
        except BackendError as error:
            print(error.model, error.status, error.retry_after)
            return None
        except (ConfigError, LatmError) as error:
            print(error)
            return None
        value: object = engine.call(tool, {"words": ["b", "a"]}).value
        print(tool.name, tool.version, tool.source, value)
        return tool


async def answer_all(questions: Sequence[str]) -> list[str | None]:
    async with AsyncEngine(CONFIG) as engine:
        texts = [(await engine.solve(question)).text for question in questions]
        total: Spend = engine.ledger.total()
        usage: Usage = total.usage
        print(usage.input + usage.cache_read + usage.cache_write + usage.output)
        return texts
