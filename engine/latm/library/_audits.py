"""Audits: answers of tools beside what a strong model, or a caller, said to the same question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import sqlalchemy as sa

from latm._records import Tool
from latm.library._database import Database, now_text
from latm.library._schema import audits


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One answer of a tool's version, held against another's.

    Attributes:
        tool: the tool's name.
        version: its version.
        question: what was asked.
        answer: what the tool answered.
        other: what the other said.
        agreed: whether they are the same; None where that could not be told.
        source: who the other is: ``model`` or ``feedback``; ``failure`` where the tool's own run failed.
            ``restored`` is none: a person let the version serve again here.
    """

    tool: str
    version: int
    question: str
    answer: str
    other: str
    agreed: bool | None
    source: Literal["model", "feedback", "failure", "restored"] = "model"


@final
class Audits:
    """The audits of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, audit: Audit) -> None:
        """Keep an audit."""
        with self._database.transaction() as connection:
            record(connection, audit)

    def of(self, tool: Tool, limit: int) -> tuple[Audit, ...]:
        """The newest audits of a tool's version, oldest first."""
        query = (
            sa.select(audits)
            .where((audits.c.tool == tool.name) & (audits.c.version == tool.version))
            .order_by(audits.c.id.desc())
            .limit(limit)
        )
        with self._database.transaction() as connection:
            newest_first = tuple(
                Audit(
                    tool=row.tool,
                    version=row.version,
                    question=row.question,
                    answer=row.answer,
                    other=row.other,
                    agreed=row.agreed,
                    source=row.source,
                )
                for row in connection.execute(query)
            )
        return newest_first[::-1]


def record(connection: sa.Connection, audit: Audit) -> None:
    """Keep an audit in a transaction that is under way."""
    connection.execute(
        sa.insert(audits).values(
            tool=audit.tool,
            version=audit.version,
            question=audit.question,
            answer=audit.answer,
            other=audit.other,
            agreed=audit.agreed,
            source=audit.source,
            created=now_text(),
        )
    )
