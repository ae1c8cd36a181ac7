"""Answered questions of tasks: what tools are made from, and what they are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

import sqlalchemy as sa

from latm._reading import folded
from latm._records import Example, Tool, digest
from latm.library._content import tool_of
from latm.library._database import Database, changed, named, now_text, resolve
from latm.library._schema import instances, tools
from latm.library._tools import ACTIVE, QUARANTINED, WITHDRAWN, current

Source = Literal["model", "feedback", "audit"]
FEEDBACK: Source = "feedback"
_SHOWN = 2


def fold_of(question: str) -> str:
    """A digest of a question up to white space."""
    return digest(folded(question))


@final
class Instances:
    """The instances of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, task: str, example: Example, source: Source) -> int:
        """Keep an answered question, unless it is pending already; gives how many are pending.

        What a caller said of a question outranks what a model said of it, whichever came first.
        """
        with self._database.writing() as connection:
            name = resolve(connection, task)
            moved = keep(connection, name, example, source)
            pending = _count(connection, name)
            if moved or pending <= _SHOWN:
                changed(connection)
        return pending

    def disown(self, task: str, question: str) -> None:
        """Drop what a model said of a question and no tool was made from yet."""
        wrong = (
            (instances.c.task == named(task))
            & (instances.c.fold == fold_of(question))
            & (instances.c.source != FEEDBACK)
            & instances.c.tool_version.is_(None)
        )
        with self._database.writing() as connection:
            if connection.execute(sa.delete(instances).where(wrong)).rowcount:
                changed(connection)

    def pending(self, task: str) -> tuple[tuple[int, Example], ...]:
        """The pending instances of a task with their ids, oldest first."""
        query = (
            sa.select(instances.c.id, instances.c.question, instances.c.answer)
            .where((instances.c.task == named(task)) & instances.c.tool_version.is_(None))
            .order_by(instances.c.id)
        )
        with self._database.transaction() as connection:
            return tuple((row.id, Example(row.question, row.answer)) for row in connection.execute(query))

    def sources(self, task: str) -> Mapping[int, str]:
        """Whose answers the pending instances of a task are, by their ids."""
        query = sa.select(instances.c.id, instances.c.source).where(
            (instances.c.task == named(task)) & instances.c.tool_version.is_(None)
        )
        with self._database.transaction() as connection:
            return {row.id: row.source for row in connection.execute(query)}

    def overruled(self, task: str) -> Mapping[str, str]:
        """What callers said of questions of a task, used or not: folded question -> answer."""
        query = (
            sa.select(instances.c.question, instances.c.answer)
            .where((instances.c.task == named(task)) & (instances.c.source == FEEDBACK))
            .order_by(instances.c.id)
        )
        with self._database.transaction() as connection:
            return {folded(row.question): row.answer for row in connection.execute(query)}

    def tasks(self) -> Mapping[str, tuple[Example, ...]]:
        """Tasks that a question can belong to and that no tool serves, with up to two instances of each.

        They are those with pending instances, and those whose tool is quarantined.
        """
        with self._database.transaction() as connection:
            found: dict[str, tuple[Example, ...]] = {}
            for row in connection.execute(_first_pending()):
                if row.status != ACTIVE:
                    found[row.task] = (*found.get(row.task, ()), Example(row.question, row.answer))
            quarantined = sa.select(tools.c.name).where(current(QUARANTINED))
            for name in connection.execute(quarantined).scalars().all():
                if name not in found:
                    found[name] = _known(connection, name)
        return found


def _first_pending() -> sa.Select[Any, Any, Any, Any]:
    """The first pending instances of each task, with the status of its tool's current version."""
    rank = sa.func.row_number().over(partition_by=instances.c.task, order_by=instances.c.id)
    ranked = (
        sa.select(instances.c.id, rank.label("rank")).where(instances.c.tool_version.is_(None)).subquery()
    )
    status = (
        sa.select(tools.c.status)
        .where((tools.c.name == instances.c.task) & (tools.c.status != WITHDRAWN))
        .order_by(tools.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(instances.c.task, instances.c.question, instances.c.answer, status.label("status"))
        .join(ranked, ranked.c.id == instances.c.id)
        .where(ranked.c.rank <= _SHOWN)
        .order_by(instances.c.id)
    )


def keep(connection: sa.Connection, name: str, example: Example, source: Source) -> bool:
    """Keep an instance under a resolved name; whether one that was there before was replaced."""
    fold = fold_of(example.question)
    mine = (instances.c.task == name) & (instances.c.fold == fold)
    known = connection.execute(
        sa.select(instances)
        .where(mine)
        .order_by(instances.c.tool_version.is_not(None), instances.c.id.desc())
    ).all()
    answer = example.answer
    if source != FEEDBACK and (said := next((row for row in known if row.source == FEEDBACK), None)):
        answer, source = said.answer, FEEDBACK
    pending = next((row for row in known if row.tool_version is None), None)
    if pending is None:
        connection.execute(
            sa.insert(instances).values(
                task=name,
                question=example.question,
                answer=answer,
                fold=fold,
                source=source,
                created=now_text(),
            )
        )
        return False
    if source != FEEDBACK or (pending.source, pending.answer) == (FEEDBACK, answer):
        return False
    connection.execute(
        sa.update(instances).where(instances.c.id == pending.id).values(answer=answer, source=source)
    )
    return True


def move(connection: sa.Connection, old: str, new: str) -> None:
    """Give the instances of one task to another."""
    rows = connection.execute(
        sa.select(instances).where(instances.c.task == old).order_by(instances.c.id)
    ).all()
    connection.execute(sa.delete(instances).where(instances.c.task == old))
    for row in rows:
        # What a tool was made from is of no use to another's task, but for what callers said.
        if row.tool_version is None or row.source == FEEDBACK:
            keep(connection, new, Example(row.question, row.answer), row.source)


def _count(connection: sa.Connection, name: str) -> int:
    query = sa.select(sa.func.count()).where((instances.c.task == name) & instances.c.tool_version.is_(None))
    return int(connection.execute(query).scalar_one())


def _known(connection: sa.Connection, name: str) -> tuple[Example, ...]:
    """Up to two questions with answers that a quarantined tool was made from."""
    query = (
        sa.select(instances.c.question, instances.c.answer)
        .where(instances.c.task == name)
        .order_by(instances.c.id)
        .limit(_SHOWN)
    )
    if rows := connection.execute(query).all():
        return tuple(Example(row.question, row.answer) for row in rows)
    record: Any = connection.execute(
        sa.select(tools.c.record)
        .where((tools.c.name == name) & (tools.c.status == QUARANTINED))
        .order_by(tools.c.version.desc())
        .limit(1)
    ).scalar()
    tool: Tool = tool_of(record)
    return tuple(Example(check.question, check.answer) for check in tool.checks[:_SHOWN])
