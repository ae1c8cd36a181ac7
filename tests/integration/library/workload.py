"""A process that works on a library; run by the drills beside it.

Usage: python workload.py SPEC, where SPEC is JSON: url, and

- for one that does every kind of write once: die_at: the number of the write point at which it sends itself
  SIGKILL, or null. It says the number of each step that is done, and at the end how many points there were;
- for one of many: name, and rounds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from latm import Example, Provenance, Tool
from latm._records import Attempt
from latm.library import Audit, JournalEntry, Lease, Library
from latm.library._schema import leases
from latm.plugin import Usage

ATTEMPT = Attempt(stage="verify", number=1, reply="no", problem="wrong")


def entry(run: str, step: str) -> JournalEntry:
    return JournalEntry(
        run=run,
        step=step,
        digest="d",
        role="maker",
        model="a:b",
        request={"q": step},
        reply={"text": "x" * 5000},
        cost_usd=Decimal("0.01"),
        usage=Usage(input=1, output=1),
    )


def numbered(number: int, name: str = "t") -> Tool:
    return Tool(
        name=name,
        version=0,
        source=f"def f(): return {number}",
        function="f",
        demonstrations=(),
        provenance=Provenance(
            protocol="paper",
            maker="a:b",
            run="r",
            examples_sha256="",
            source_sha256="",
            usage=Usage(),
            cost_usd=None,
            seconds=0.0,
            created="",
        ),
    )


def lease(library: Library, task: str) -> Lease:
    got = library.acquire(task, "me", fingerprint="print", ttl_s=30)
    assert isinstance(got, Lease)
    return got


def steps() -> list[Callable[[Library], object]]:
    """Every kind of write, in an order in which each finds something to write."""

    def used(library: Library) -> list[int]:
        return [number for number, _ in library.pending("t")][:2]

    def running(library: Library) -> str:
        return next(each.run for each in library.makings("t") if each.state == "running")

    def current(library: Library) -> Any:
        found = library.current("t")
        assert found is not None
        return found.tool

    def held(library: Library) -> Lease:
        return Lease(task="t", token=1, holder="me", ttl_s=30)

    return [
        lambda library: library.remember("t", Example("q 1", "a")),
        lambda library: library.remember("t", Example("q 2", "a")),
        lambda library: library.remember("t", Example("q 2", "b"), source="feedback"),
        lambda library: lease(library, "t"),
        lambda library: library.renew(held(library)),
        lambda library: library.begin("t", "print", instances=used(library), pending=2, lease=held(library)),
        lambda library: library.record(entry("r", "propose/1")),
        lambda library: library.add(
            numbered(1), run=running(library), used=used(library), lease=held(library)
        ),
        lambda library: library.release(held(library)),
        lambda library: library.count_uses(current(library), uses=1, failures=1),
        lambda library: library.remember_call("q 1", current(library), "f()"),
        lambda library: library.remember_call("q 1", current(library), "f(1)"),
        lambda library: library.record_audit(
            Audit(tool="t", version=1, question="q", answer="a", other="b", agreed=False)
        ),
        lambda library: library.add_negative("t", "not 1"),
        lambda library: library.add_negative("t", "not  1"),
        lambda library: library.begin("t", "another", pending=3),
        lambda library: library.fail(running(library), (ATTEMPT,), stage="verify", error="no"),
        lambda library: library.add(numbered(2)),
        lambda library: library.quarantine(current(library), "wrong"),
        lambda library: library.restore("t"),
        lambda library: library.rollback("t"),
        lambda library: library.retire("t"),
        lambda library: library.remember("other", Example("q 3", "a")),
        lambda library: library.add_negative("other", "not 2"),
        lambda library: library.alias("other", "t"),
        lambda library: library.forget_repeat("q 1"),
    ]


def look(library: Library) -> dict[str, Any]:
    """All that a library holds, but for times and ids that are made up."""
    with library._database.transaction() as connection:
        held = connection.execute(sa.select(leases.c.token, leases.c.holder)).all()
    return {
        "leases": [tuple(each) for each in held],
        "versions": [
            (each.tool.version, each.status, each.reason, each.uses, each.failures)
            for each in library.versions("t")
        ],
        "makings": [
            (each.state, each.version, each.stage, each.error, len(each.history))
            for each in library.makings("t")
        ],
        "pending": [(each.question, each.answer) for _, each in library.pending("t")],
        "other": [(each.question, each.answer) for _, each in library.pending("other")],
        "overruled": dict(library.overruled("t")),
        "negatives": [library.negatives("t"), library.negatives("other")],
        "repeat": str(library.repeat("q 1")),
        "audits": len(library.audits(numbered(1) if not library.versions("t") else library.get("t", 1))),
        "journal": [(each.step, str(each.cost_usd)) for each in library.journal()],
        "unfinished": library.unfinished("t"),
        "failed with": library.failed_with("t"),
        "revision": library.revision(),
    }


def once(spec: Mapping[str, Any]) -> None:
    points = 0

    def point(*_: object) -> None:
        nonlocal points
        points += 1
        if points == spec["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(_c: object, _cursor: object, text: str, *_: object) -> None:
        if not text.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            point()

    library = Library(spec["url"])
    engine: sa.Engine = library._database._engine
    # Before and after each statement that writes, and before each commit; behind it comes the next one.
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "after_cursor_execute", statement)
    event.listen(engine, "commit", point)
    for number, step in enumerate(steps()):
        step(library)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        point()
    library.close()
    sys.stdout.write(f"points {points}\n")


def one_of_many(spec: Mapping[str, Any]) -> None:
    library = Library(spec["url"])
    name = spec["name"]
    for number in range(spec["rounds"]):
        library.remember("shared", Example(f"{name} {number}", "a"))
        stored = library.add(numbered(number * 100 + int(name), "shared"))
        library.count_uses(library.get("shared", 1), uses=1, failures=int(number % 2 == 0))
        library.record(entry(name, f"s/{number}"))
        library.remember_call(f"{name} {number}", stored, "f()")
        library.add_negative("shared", f"{name} {number}")
        got = library.acquire("shared", name, fingerprint="", ttl_s=30)
        if isinstance(got, Lease):
            library.begin("shared", f"{name} {number}", lease=got)
            library.release(got)
    library.close()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    (once if "die_at" in given else one_of_many)(given)
