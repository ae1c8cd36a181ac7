"""``latm solve``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from latm._records import Answer
from latm._sync import Engine
from latm.cli._make import MakingProgress
from latm.cli._say import NOT_ACHIEVED, cost, note, print_json, progress_console
from latm.cli._setting import (
    ConfigOption,
    DispatcherOption,
    FallbackOption,
    JsonOption,
    LibraryOption,
    MakerOption,
    UserOption,
    build_config,
)
from latm.errors import ConfigError


def solve(
    question: Annotated[
        str | None, typer.Argument(help="The question; - reads it from standard input.")
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", "-b", help='JSON Lines: {"question": ...} on each line; answers likewise.'),
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Questions of a batch under way at once.", min=1)] = 8,
    maker: MakerOption = None,
    user: UserOption = None,
    dispatcher: DispatcherOption = None,
    fallback: FallbackOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Answer a question: by a tool where one fits, else by the strong model.

    Examples: latm solve "Sort these words: pear fig apple" · latm solve --batch questions.jsonl
    """
    if (question is None) == (batch is None):
        raise ConfigError("give either a QUESTION or --batch FILE")
    settings = build_config(
        config, library=library, maker=maker, user=user, dispatcher=dispatcher, fallback=fallback
    )
    questions = read_questions(batch) if batch else (typed(str(question)),)
    listener = MakingProgress(progress_console())
    with Engine(settings, on_event=listener) as engine:
        answers = engine.solve_many(questions, concurrency=concurrency)
        for asked, answer in zip(questions, answers, strict=True):
            if json_ or batch:
                print_json({"question": asked, **brief(answer)})
            else:
                _show(answer)
            sys.stdout.flush()
        # Tools that were begun on the way, and audits: the answers are out already.
        engine.settle()
        if batch:
            total = engine.ledger.total()
            note(f"{len(questions)} questions, {total.usage.total} tokens, {cost(total.cost_usd)}")
            for each in engine.traffic.shares():
                note(f"{each.share:4.0%} {each}, {cost(each.cost_usd)}")


def typed(question: str) -> str:
    """A text as it was typed; ``-`` is what stands in standard input.

    Raises:
        ConfigError: that is no UTF-8.
    """
    if question != "-":
        return question
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is no UTF-8 text: {error}", where="standard input") from None


def brief(answer: Answer) -> dict[str, object]:
    """An answer as it is printed with ``--json``."""
    return {
        "text": answer.text,
        "route": answer.route,
        "layer": answer.layer,
        "task": answer.task,
        "reason": answer.reason,
        "run": answer.run,
        "tool": answer.tool,
        "tool_version": answer.tool_version,
        "status": None if answer.outcome is None else answer.outcome.status,
        "cost_usd": answer.cost_usd,
        "usage": answer.usage,
        "seconds": round(answer.seconds, 6),
        "trace": answer.trace,
    }


def read_questions(path: Path) -> tuple[str, ...]:
    """Read a batch.

    Raises:
        ConfigError: the file cannot be read, or a line is wrong; says the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from None
    questions: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            data: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"is no JSON: {error}", where=f"{path}:{number}") from None
        question = cast("dict[str, object]", data).get("question") if isinstance(data, dict) else None
        if not isinstance(question, str) or not question.strip():
            raise ConfigError('must be {"question": "..."}', where=f"{path}:{number}")
        questions.append(question)
    if not questions:
        raise ConfigError("holds no question", where=str(path))
    return tuple(questions)


def _show(answer: Answer) -> None:
    if answer.text is None:
        for line in answer.trace:
            note(line)
        raise typer.Exit(NOT_ACHIEVED)
    typer.echo(answer.text)
    by = f"tool {answer.tool} version {answer.tool_version}" if answer.route == "tool" else "the strong model"
    note(f"by {by}, {answer.usage.total} tokens, {cost(answer.cost_usd)}, {answer.seconds:.2f} s")
