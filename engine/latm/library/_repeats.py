"""The calls that answered questions before: a question that comes again needs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import sqlalchemy as sa

from latm._records import Tool
from latm.library._database import Database
from latm.library._instances import fold_of
from latm.library._schema import repeats, tools
from latm.library._tools import serving

MOST_REPEATS = 100_000
_TIDY_EVERY = 1_000
# Every question asks for these. Built once: to build them, and their key in SQLAlchemy's cache, takes four
# times as long as to run them.
_KEPT = sa.select(repeats.c.tool, repeats.c.version, repeats.c.call).where(
    repeats.c.fold == sa.bindparam("fold")
)
_DROP = sa.delete(repeats).where(repeats.c.fold == sa.bindparam("fold"))
_KEEP = sa.insert(repeats)
_SERVES = sa.select(tools.c.id).where(
    (tools.c.name == sa.bindparam("name")) & (tools.c.version == sa.bindparam("version")) & serving()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How a question was answered before: the decision and the call, never the answer.

    Attributes:
        tool: the tool's name.
        version: its version, which is current and active.
        call: the literal call, as Python writes it.
    """

    tool: str
    version: int
    call: str


@final
class Repeats:
    """The repeats of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, question: str) -> Repeat | None:
        """The call for a question, up to white space, while the version that it was made for serves."""
        with self._database.transaction() as connection:
            row = connection.execute(_KEPT, {"fold": fold_of(question)}).first()
            if row is None:
                return None
            if connection.execute(_SERVES, {"name": row.tool, "version": row.version}).first() is None:
                return None
        return Repeat(tool=row.tool, version=row.version, call=row.call)

    def forget(self, question: str) -> None:
        """Drop the call for a question."""
        with self._database.transaction() as connection:
            connection.execute(_DROP, {"fold": fold_of(question)})

    def keep(self, question: str, tool: Tool, call: str) -> None:
        """Keep the call for a question, in place of an earlier one."""
        fold = fold_of(question)
        wanted = {"tool": tool.name, "version": tool.version, "call": call}
        with self._database.writing() as connection:
            found = connection.execute(_KEPT, {"fold": fold}).mappings().first()
            if found is not None and dict(found) == wanted:
                return
            # Not updated but written anew: the order of ids is that of age.
            connection.execute(_DROP, {"fold": fold})
            done = connection.execute(_KEEP, {"fold": fold, **wanted})
            number = int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0
            if number % _TIDY_EVERY == 0:
                connection.execute(sa.delete(repeats).where(repeats.c.id <= number - MOST_REPEATS))
