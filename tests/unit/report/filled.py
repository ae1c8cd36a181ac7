"""A library with three weeks of traffic in it, whose figures can be counted by hand."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from latm import Demonstration, Example, Tool
from latm._latency import step_of
from latm._records import Attempt, Evidence, Route, Scorecard
from latm.library import Answered, Audit, JournalEntry, Library, Promotion
from latm.plugin import Usage
from unit.engine.test_library import tool as plain_tool
from unit.tuner import contest

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
STRONG, CHEAP, MAKING = Decimal("0.02"), Decimal("0.001"), Decimal("0.5")

SORTING = '''\
import re


def sort_words(words: list[str], *, reverse: bool = False) -> list[str]:
    """Sort words alphabetically, whatever their case."""
    if not words:
        raise ValueError("there is nothing to sort")
    cleaned = [re.sub(r"\\s+", " ", word).strip() for word in words]  # as they were typed
    return sorted(cleaned, key=str.casefold, reverse=reverse)[: 10_000]
'''
PARSER = """\
def parse(question):
    head, _, tail = question.partition(": ")
    return {"words": tail.split()} if head == "Sort these words" else None
"""


def made(name: str, *, run: str, source: str = SORTING, parser: str | None = None, right: int = 3) -> Tool:
    """A tool with all that a strict making leaves."""
    evidence = (
        Evidence(stage="verify", summary="6 answers are right; the maker did not know 3 of them."),
        Evidence(stage="properties", summary="Hold: test_the_same_words (100 cases)."),
        Evidence(stage="scaling", summary="Not held: the input could not be made larger.", held=False),
        Evidence(
            stage="exam",
            summary=f"{right} of 3 unseen questions were answered rightly.",
            figures={"right": right, "asked": 3, "model": "toy:user"},
        ),
    )
    plain = plain_tool(name, source)
    return dataclasses.replace(
        plain,
        function="sort_words",
        contract="sort_words(words: list[str]) -> list[str]\nSort words.\n\nwords: at least one.",
        demonstrations=(
            Demonstration(
                "Sort these words: pear <b>apple</b> & fig",
                "sort_words(['pear', '<b>apple</b>', '&', 'fig'])",
            ),
            Demonstration("Put them in order: zebra, ant", "sort_words(['zebra', 'ant'])"),
        ),
        parser=parser,
        call_style="call",
        answer_type="list",
        scorecard=Scorecard(
            attempts=(Attempt(stage="propose", number=1, reply="a secret reply"),),
            notes=("Outside its contract: sort_words(0): TypeError: 'int' object is not iterable",),
            evidence=evidence,
        ),
        provenance=dataclasses.replace(plain.provenance, run=run, maker="toy:strong", cost_usd=MAKING),
    )


class Filling:
    """Puts things into a library, each at its time."""

    def __init__(self, path: Path) -> None:
        self.library = Library(f"sqlite:///{path}")
        self._path = path
        self._paid: list[str] = []
        self.now = START

    def paid(self, run: str, step: str, role: str, usd: Decimal | None, *, task: str | None = None) -> None:
        """A call of a model."""
        self.library.record(
            JournalEntry(
                run=run,
                step=step,
                digest=f"{run} {step}",
                role=role,
                model=f"toy:{role}",
                request={},
                reply={},
                task=task,
                tool=task if role == "user" else None,
                cost_usd=usd,
                seconds=0.5,
                usage=Usage(100, 0, 0, 20),
            )
        )
        self._paid.append(self.now.isoformat(timespec="milliseconds"))

    def asked(self, number: int, task: str | None, route: Route, *, layer: str = "dispatcher") -> None:
        """A question, and what its models took."""
        free = layer in {"repeat", "parser"}
        run = f"ask-{number}"
        cost = Decimal(0) if free else CHEAP
        if not free:
            self.paid(run, "dispatch", "dispatcher", CHEAP)
        if route == "model":
            self.paid(run, "fallback", "fallback", STRONG, task=task)
            cost += STRONG
        wait = {"repeat": 0.004, "parser": 0.009}.get(layer, 3.2 if route == "model" else 0.8)
        wait *= 1 + (number % 7) / 4
        self.library.count_answers(
            [
                Answered(
                    task=task,
                    tool=task if route == "tool" else None,
                    version=2 if route == "tool" else None,
                    layer=layer,
                    route=route,
                    questions=1,
                    known_usd=cost,
                    unpriced=0,
                    seconds=wait,
                    times={step_of(wait): 1},
                    at=self.now.isoformat(timespec="milliseconds"),
                )
            ]
        )
        self.now += timedelta(hours=2)

    def closed(self) -> None:
        """Give payments their times, and close the library."""
        self.library.close()
        with closing(sqlite3.connect(self._path)) as connection:
            for number, at in enumerate(self._paid, start=1):
                connection.execute("update latm_journal set created = ? where id = ?", (at, number))
            connection.commit()


def fill(path: Path) -> None:
    """Ten questions to the strong model, a making, and 200 answers of the tool, with all that goes wrong."""
    filling = Filling(path)
    library = filling.library
    for number in range(10):
        filling.asked(number, "word-sorting", "model")
    first = library.begin("word-sorting", "a")
    filling.paid(first, "propose/1", "maker", MAKING, task="word-sorting")
    library.fail(
        first,
        [Attempt(stage="verify", number=1, reply="r", problem="p")],
        stage="verify",
        error="3 of 6 calls were wrong",
    )
    second = library.begin("word-sorting", "b")
    filling.paid(second, "propose/1", "maker", MAKING, task="word-sorting")
    old = library.add(
        made(
            "word-sorting", run=second, source="def sort_words(words):\n    return sorted(words)\n", right=2
        ),
        run=second,
    )
    library.add(made("word-sorting", run=second, parser=PARSER))
    for number in range(10, 210):
        layer = "repeat" if number % 9 == 0 else "parser" if number % 3 == 0 else "dispatcher"
        filling.asked(number, "word-sorting", "tool", layer=layer)
        if number % 40 == 0:
            filling.asked(1000 + number, "opening-hours", "model")
            filling.asked(2000 + number, None, "none")
    current = library.get("word-sorting")
    library.count_uses(current, uses=200, failures=1)
    library.count_uses(old, uses=14, failures=2)
    for number in range(24):
        filling.paid(f"audit-{number}", "fallback", "fallback", STRONG, task="word-sorting")
        library.record_audit(
            Audit(
                tool="word-sorting",
                version=2,
                question=f"Sort these words: b a {number}",
                answer="a b",
                other="a b" if number else "b a",
                agreed=number > 0,
                source="feedback" if number % 5 == 0 else "model",
            )
        )
    _wrong(filling)
    _pending(filling)
    _tuned(filling)
    filling.closed()


def _wrong(filling: Filling) -> None:
    """A tool that was found wrong."""
    library = filling.library
    run = library.begin("roman-numerals", "c")
    filling.paid(run, "propose/1", "maker", MAKING, task="roman-numerals")
    wrong = library.add(made("roman-numerals", run=run), run=run)
    library.count_uses(wrong, uses=9, failures=0)
    for number in range(6):
        library.record_audit(
            Audit(
                tool="roman-numerals",
                version=1,
                question=f"What is {number} in Roman numerals?",
                answer="IIII",
                other="IV",
                agreed=False if number else None,
            )
        )
    library.quarantine(wrong, "5 of 5 audited answers are disagreed with")


def _pending(filling: Filling) -> None:
    """Tasks that wait for a tool, one of them after a making that failed."""
    library = filling.library
    for number in range(5):
        library.remember("opening-hours", Example(f"When does shop {number} open?", "at 9"))
    run = library.begin("opening-hours", "d", pending=5)
    filling.paid(run, "propose/1", "maker", None, task="opening-hours")
    library.fail(run, [], stage="propose", error="the function needs a network")


def _tuned(filling: Filling) -> None:
    """Two comparisons, one of which shows something, and a promotion."""
    filling.paid("tune-1", "compare/1", "base", Decimal("0.25"))
    sets = {"real.jsonl": contest.samples(60), "written.jsonl": contest.samples(30, name="written")}
    for right in (34, 55):
        comparison = contest.compared(
            sets,
            contest.majority(contest.SPEC, sets),
            contest.contender("base", contest.right_of(30)),
            contest.contender("tuned", contest.right_of(right), model="local:tuned/complaints"),
            synthetic=["written.jsonl"],
        )
        number = filling.library.keep_comparison("complaints", comparison.to_record())
    filling.library.promote(
        Promotion(role="user", model="local:tuned/complaints", tuning="complaints", comparison=number)
    )
