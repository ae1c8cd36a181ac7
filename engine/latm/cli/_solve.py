"""``latm solve``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from latm._figures import seconds
from latm._records import Answer
from latm._sync import Engine
from latm.cli._ready import check_solving
from latm.cli._say import KEPT, NOT_ACHIEVED, Interrupted, cost, note, print_json, undisturbed
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
from latm.cli._stages import Stages
from latm.cli._under import engine_under
from latm.config import Config, Limit
from latm.errors import BudgetExceeded, ConfigError, LatmError
from latm_sandbox import SandboxError

_NO_CALLS = Limit(calls=0)
"""Where a key is missing: what needs no model is answered, and no other model is paid for nothing."""


def solve(
    question: Annotated[
        str | None, typer.Argument(help="The question; - reads it from standard input.")
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", "-b", help='JSON Lines: {"question": ...} on each line; answers likewise.'),
    ] = None,
    skip: Annotated[
        int,
        typer.Option(
            help="Questions of the batch to leave out, from its start: those answered before.", min=0
        ),
    ] = 0,
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
    if skip and batch is None:
        raise ConfigError("goes with --batch FILE", where="--skip")
    settings = build_config(
        config, library=library, maker=maker, user=user, dispatcher=dispatcher, fallback=fallback
    )
    questions = [typed(str(question))] if batch is None else read_questions(batch)
    lack = check_solving(settings)
    budget = None if lack is None else _NO_CALLS
    try:
        if batch is None:
            _one(settings, questions[0], json_=json_, budget=budget)
        else:
            _many(settings, questions, skip=skip, concurrency=concurrency, budget=budget)
    except BudgetExceeded:
        if lack is None:
            raise
        raise lack from None


def _one(settings: Config, question: str, *, json_: bool, budget: Limit | None) -> None:
    stages = Stages(questions=1)
    with engine_under(stages, settings) as engine:
        answer = engine.solve(question, budget=budget)
        stages.finished()
        with stages.aside():
            if json_:
                print_json({"question": question, **brief(answer)})
            else:
                _show(answer)
            sys.stdout.flush()
        _settle(engine)


def _many(
    settings: Config, questions: Sequence[str], *, skip: int, concurrency: int, budget: Limit | None
) -> None:
    rest = questions[skip:]
    if not rest:
        raise ConfigError(f"the batch has {len(questions)} questions: none is left", where="--skip")
    done = skip
    try:
        stages = Stages(questions=len(rest))
        with engine_under(stages, settings) as engine:
            answers = engine.solve_many(rest, concurrency=concurrency, budget=budget)
            for asked, answer in zip(rest, answers, strict=True):
                with stages.aside(), undisturbed():
                    print_json({"question": asked, **brief(answer)})
                    sys.stdout.flush()
                    done += 1
            stages.finished()
            _settle(engine)
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt, Interrupted):
            raise
        raise Interrupted(f"{_so_far(done, len(questions))}; {KEPT}") from None
    except (LatmError, SandboxError):
        note(_so_far(done, len(questions)), "yellow")
        raise
    total = engine.ledger.total()
    note(f"{len(rest)} questions, {total.usage.total} tokens, {cost(total.cost_usd)}")
    for each in engine.traffic.shares():
        note(f"{each.share:4.0%} {each}, {cost(each.cost_usd)}")


def _so_far(done: int, of: int) -> str:
    if not done:
        return f"none of {of} questions was answered: the same command begins again"
    return f"{done} of {of} questions are answered: the same command with --skip {done} goes on after them"


def _settle(engine: Engine) -> None:
    """Wait for the tools that were begun on the way, and for audits: the answers are out already."""
    try:
        engine.settle()
    except KeyboardInterrupt:
        raise Interrupted(
            "the answers are all there; a making that was under way goes on when its task is next asked for"
        ) from None


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


def why_not(answer: Answer) -> str:
    """Why the strong model answered, in a line; empty where nothing was said of it."""
    return " ".join(answer.reason.split()) or next(
        (line for line in answer.trace if line.startswith("The dispatcher")), ""
    )


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
    if answer.route == "model" and (why := why_not(answer)):
        note(why)
    note(f"by {by}, {answer.usage.total} tokens, {cost(answer.cost_usd)}, {seconds(answer.seconds)}")
