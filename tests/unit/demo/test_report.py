"""The demo's figures, and what people see of them."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from decimal import Decimal

import pytest
from rich.console import Console

from latm._ledger import Spend
from latm._records import Answer, Attempt, Provenance, Route, Scorecard, Tool
from latm.cli.demo import scripted
from latm.cli.demo.generators import DYCK, WORD_SORTING, Question
from latm.cli.demo.measuring import NO_TASK, Score, accuracy, alone, as_json, paybacks, titles
from latm.cli.demo.running import Asked, DemoResult, Options, mean, run
from latm.cli.demo.showing import Progressing, report
from latm.errors import ConfigError, Unauthorized, Unavailable, UnknownProvider
from latm.plugin import Usage


def usd(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def asked(
    number: int,
    route: Route = "tool",
    *,
    task: str | None = WORD_SORTING,
    right: bool = True,
    cost: str | None = "0.001",
    strong: str | None = "0.005",
    alone_right: bool | None = True,
) -> Asked:
    tool = "sorter" if route == "tool" else None
    return Asked(
        number=number,
        question=Question(text=f"q{number}", answer="yes", task=task),
        answer=Answer(
            text="yes" if right else "no", route=route, layer="dispatcher", tool=tool, cost_usd=usd(cost)
        ),
        alone_usd=usd(strong),
        alone_right=alone_right,
    )


def tool(cost: str | None = "0.03") -> Tool:
    return Tool(
        name="sorter",
        version=2,
        source="def f(): ...",
        function="f",
        demonstrations=(),
        scorecard=Scorecard(attempts=(Attempt(stage="propose", number=1, reply=""),)),
        provenance=Provenance(
            protocol="paper",
            maker="m:m",
            run="r",
            examples_sha256="",
            source_sha256="",
            usage=Usage(),
            cost_usd=usd(cost),
            seconds=0.0,
            created="",
        ),
    )


def result(*stream: Asked, **changes: object) -> DemoResult:
    spend = Spend(calls=3, usage=Usage(input=1000, cache_read=200, output=30), known_usd=Decimal("0.04"))
    values: dict[str, object] = {
        "models": dict(scripted.MODELS),
        "seed": 7,
        "planned": len(stream),
        "asked": stream,
        "tools": (tool(),),
        "spend": {"maker": spend},
        "total": spend,
        "alone_estimated": False,
        "failures": (),
        "seconds": 1.0,
        "library": None,
        **changes,
    }
    return DemoResult(**values)  # type: ignore[arg-type]


def printed(of: DemoResult, width: int = 100) -> str:
    out = io.StringIO()
    report(of, Console(file=out, width=width, highlight=False))
    return out.getvalue()


MIXED = result(
    asked(1, "model"),
    asked(2, "model", right=False),
    asked(3),
    asked(4, task=DYCK),
    asked(5, "model", task=None),
)


def test_accuracy_is_counted_by_task_and_route():
    assert titles(MIXED) == (WORD_SORTING, DYCK, NO_TASK)
    assert accuracy(MIXED, WORD_SORTING, "model") == Score(1, 2)
    assert accuracy(MIXED, WORD_SORTING, "tool") == Score(1, 1)
    assert accuracy(MIXED, route="tool") == Score(2, 2)
    assert accuracy(MIXED, NO_TASK) == Score(1, 1)
    assert accuracy(MIXED) == Score(4, 5)


def test_a_tool_breaks_even_after_its_making_divided_by_the_saving_rounded_up():
    stream = [asked(number, "model" if number % 2 else "tool") for number in range(1, 31)]
    (account,) = paybacks(result(*stream))
    assert (account.alone_usd, account.tool_usd) == (Decimal("0.005"), Decimal("0.001"))
    assert account.saving_usd == Decimal("0.004")
    assert account.questions == 8  # 0.03 / 0.004 is 7.5
    assert account.reached == 16  # the eighth that the tool answered
    assert account.used == 15
    assert account.task == WORD_SORTING


def test_a_question_on_which_the_tool_failed_counts_with_all_that_it_cost():
    failed = Asked(
        number=2,
        question=Question(text="q", answer="yes", task=WORD_SORTING),
        answer=Answer(
            text="yes", route="model", layer="dispatcher", tool="sorter", cost_usd=Decimal("0.007")
        ),
        alone_usd=Decimal("0.005"),
    )
    (account,) = paybacks(result(asked(1), failed))
    assert account.tool_usd == Decimal("0.004")


def test_break_even_may_lie_beyond_the_stream():
    (account,) = paybacks(result(asked(1)))
    assert (account.questions, account.reached) == (8, None)
    assert "8 uses" in printed(result(asked(1)))


def test_a_tool_that_saves_nothing_never_breaks_even():
    dear = result(asked(1, cost="0.006"))
    assert paybacks(dear)[0].questions is None
    assert "never" in printed(dear)


@pytest.mark.parametrize(
    "unknown",
    [result(asked(1, cost=None)), result(asked(1, strong=None)), result(asked(1), tools=(tool(None),))],
)
def test_what_is_unknown_is_said_and_is_no_zero(unknown: DemoResult):
    assert paybacks(unknown)[0].questions is None
    last = next(line for line in printed(unknown).splitlines() if line.startswith("sorter"))
    assert "unknown" in last
    assert "$0" not in last.split()


def test_an_unknown_price_makes_the_sums_unknown():
    unknown = result(asked(1, strong=None), asked(2), total=Spend(calls=2, known_usd=Decimal(1), unpriced=1))
    assert alone(unknown) is None
    assert "would have cost unknown" in printed(unknown)
    assert "it was unknown." in printed(unknown)
    assert as_json(unknown)["strong_alone"]["usd"] is None
    assert as_json(unknown)["spend"]["total"]["usd"] is None


def test_a_mean_of_nothing_or_of_something_unknown_is_unknown():
    assert mean([]) is None
    assert mean([Decimal(1), None]) is None
    assert mean([Decimal(1), Decimal(2)]) == Decimal("1.5")


def test_the_report_says_that_models_are_scripted_and_which():
    assert "All models here are scripted" in printed(MIXED)
    models = {**scripted.MODELS, "maker": "openai:x", "fallback": "openai:x"}
    assert "The models of user and dispatcher are scripted" in printed(result(asked(1), models=models))
    real = printed(result(asked(1), models=dict.fromkeys(scripted.MODELS, "openai:x"), alone_estimated=True))
    assert "cripted" not in real
    assert "estimated" in real


@pytest.mark.parametrize("width", [80, 100])
def test_the_tables_fit_the_terminal(width: int):
    named = dataclasses.replace(tool("0.0989"), name="tracking-shuffled-objects")
    stream = [asked(number, cost="0.000506", strong="0.00515") for number in (1, 2)]
    answered = [
        dataclasses.replace(each, answer=dataclasses.replace(each.answer, tool=named.name)) for each in stream
    ]
    long = result(*MIXED.asked, *answered, tools=(named,))
    lines = printed(long, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)


def test_what_ended_early_is_reported_with_its_cause():
    early = result(asked(1), planned=9, error=Unavailable("the service is down [now]"))
    assert "Stopped after 1 of 9 questions: the service is down [now]" in printed(early)
    assert as_json(early)["error"] == "the service is down [now]"


def test_failed_makings_and_the_place_of_the_library_are_told():
    text = printed(result(asked(1), failures=("it would not [run]",), library="sqlite:///my db"))
    assert "No tool was made: it would not [run]" in text
    assert "The tools are in sqlite:///my db: latm tools list --library 'sqlite:///my db'" in text
    assert "was temporary" in printed(MIXED)


def test_a_stream_without_a_tool_is_reported_too():
    text = printed(result(asked(1, "model"), tools=()))
    assert "earned" not in text
    assert "No tool was made: no task had 9 answered questions" in text


def test_the_json_is_json_and_has_the_figures_of_the_tables():
    data = json.loads(json.dumps(as_json(MIXED)))
    assert data["accuracy"][WORD_SORTING]["model"] == {"right": 1, "asked": 2}
    assert data["accuracy"]["all"]["all"] == {"right": 4, "asked": 5}
    assert data["strong_alone"] == {"usd": "0.025", "estimated": False, "right": 5}
    assert data["spend"]["maker"] == {
        "model": "scripted:maker",
        "calls": 3,
        "input": 1000,
        "cache_read": 200,
        "cache_write": 0,
        "output": 30,
        "usd": "0.04",
    }
    (account,) = data["tools"]
    assert account["attempts"] == {"propose": 1}
    assert account["making_usd"] == "0.03"
    assert account["break_even_questions"] == 8
    assert [each["right"] for each in data["answers"]] == [True, False, True, True, True]


EVENTS: list[tuple[str, Mapping[str, object]]] = [
    ("make.start", {"task": "sorter", "examples": 6, "model": "m:m"}),
    ("make.found", {"stage": "exam", "held": True, "summary": "3 of 3 were right"}),
    ("make.found", {"stage": "parser", "held": True, "summary": "nothing of interest"}),
    (
        "make.attempt",
        {
            "stage": "verify",
            "number": 1,
            "problem": "The code failed with the error AssertionError: got 'x'\n    assert ans == 1\n",
        },
    ),
    ("make.attempt", {"stage": "verify", "number": 2, "problem": None}),
    ("make.done", {"tool": "sorter", "version": 1, "cost_usd": None}),
    ("make.failed", {"error": "no luck [today]"}),
    ("model.retry", {"wait_s": 1.5, "error": "busy"}),
    ("sandbox.cell_started", {}),
]


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_shows_makings_failures_and_counts(terminal: bool):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None)
    with Progressing(console, 15) as progress:
        for name, fields in EVENTS:
            progress.heard(name, fields)
        for number in range(1, 16):
            progress.answered(asked(number), Spend(known_usd=Decimal("0.5")))
    text = out.getvalue()
    assert "sorter: 6 questions are answered, m:m makes a tool" in text
    assert "verify     1  failed: AssertionError: got 'x', at: assert ans == 1" in text
    assert "verify     2  mended: its answers are right" in text
    assert "exam          3 of 3 were right" in text
    assert "nothing of interest" not in text
    assert "made for unknown: sorter version 1" in text
    assert "no tool: no luck [today]" in text
    assert "waiting 1.5 s: busy" in text
    assert ("answered 15 of 15: 15 by tool, $0.50 so far" in text) is not terminal
    assert "15 by tool, $0.50" in text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (Options(models={"user": "nope:x"}), UnknownProvider),
        (Options(models={"user": "nope"}), ConfigError),
        (Options(models={"user": "scripted:nope"}), ConfigError),
        (Options(models={"dispatcher": "openai:x"}), Unauthorized),
        (Options(questions=0), ConfigError),
    ],
)
def test_what_is_missing_is_found_before_anything_starts(
    options: Options, error: type[Exception], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(error):
        run(options)
