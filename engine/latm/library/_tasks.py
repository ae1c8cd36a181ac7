"""Tasks by their names: other words for them, and questions that only look like theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import final

import sqlalchemy as sa

from latm._records import Attempt, Tool, slug
from latm.errors import ConfigError, LibraryError
from latm.library import _instances, _leases, _makings
from latm.library._database import Database, changed, named, resolve
from latm.library._instances import fold_of
from latm.library._leases import Lease
from latm.library._schema import aliases, negatives, tools
from latm.library._tools import serving

_MOST_NEGATIVES = 20
# One object for all questions: to build a statement takes longer than to run it.
_NEGATIVES_OF = (
    sa.select(negatives.c.task, negatives.c.question)
    .where(negatives.c.task.in_(sa.bindparam("names", expanding=True)))
    .order_by(negatives.c.id.desc())
)
_ALIASES = sa.select(aliases.c.alias, aliases.c.name)


@final
class Tasks:
    """Aliases and negatives of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alias(self, alias: str, name: str) -> None:
        """Make one name another word for a task; what was known under it moves there."""
        with self._database.writing() as connection:
            self._rename(connection, alias, name)

    def merge(self, alias: str, tool: Tool, *, run: str, history: Sequence[Attempt], lease: Lease) -> None:
        """Close a making whose tool another one makes needless: its name is another word for that one."""
        with self._database.writing() as connection:
            _leases.check(connection, lease)
            _makings.close_made(connection, run, history, tool.version)
            self._rename(connection, alias, tool.name)

    def _rename(self, connection: sa.Connection, alias: str, name: str) -> None:
        old, new = slug(alias), resolve(connection, name)
        if old == new:
            return
        served = sa.select(tools.c.id).where((tools.c.name == old) & serving())
        if connection.execute(served).first() is not None:
            raise LibraryError(
                f"{self._database.url}: {old!r} has a tool of its own; retire it before the name becomes "
                f"another word for {new!r}"
            )
        connection.execute(sa.update(aliases).where(aliases.c.name == old).values(name=new))
        connection.execute(sa.delete(aliases).where(aliases.c.alias == old))
        connection.execute(sa.insert(aliases).values(alias=old, name=new))
        _instances.move(connection, old, new)
        _makings.move(connection, old, new)
        moved = connection.execute(
            sa.select(negatives.c.question).where(negatives.c.task == old).order_by(negatives.c.id)
        ).scalars()
        for question in moved.all():
            _add_negative(connection, new, question)
        connection.execute(sa.delete(negatives).where(negatives.c.task == old))
        changed(connection)

    def resolve(self, name: str) -> str:
        """The name under which a task is kept."""
        with self._database.transaction() as connection:
            return resolve(connection, name)

    def resolve_all(self, names: Iterable[str]) -> Mapping[str, str]:
        """The same for many names; what can be no name of a task stands for itself."""
        with self._database.transaction() as connection:
            known = {row.alias: row.name for row in connection.execute(_ALIASES)}
        found: dict[str, str] = {}
        for name in names:
            try:
                own = slug(name)
            except ConfigError:
                found[name] = name
            else:
                found[name] = known.get(own, own)
        return found

    def negatives(self, task: str) -> tuple[str, ...]:
        """Questions that look like a task's and are not, newest first."""
        query = (
            sa.select(negatives.c.question)
            .where(negatives.c.task == named(task))
            .order_by(negatives.c.id.desc())
        )
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalars())

    def negatives_of(self, names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """The same of several tasks under their own names, at once."""
        wanted = list(names)
        found: dict[str, tuple[str, ...]] = {}
        if not wanted:
            return found
        with self._database.transaction() as connection:
            for row in connection.execute(_NEGATIVES_OF, {"names": wanted}):
                found[row.task] = (*found.get(row.task, ()), row.question)
        return found

    def add_negative(self, task: str, question: str) -> None:
        """Keep such a question; of each task the newest 20 stay."""
        with self._database.writing() as connection:
            _add_negative(connection, resolve(connection, task), question)

    def forget_negative(self, task: str, question: str) -> None:
        """Drop such a question."""
        mine = (negatives.c.task == named(task)) & (negatives.c.fold == fold_of(question))
        with self._database.transaction() as connection:
            connection.execute(sa.delete(negatives).where(mine))


def _add_negative(connection: sa.Connection, name: str, question: str) -> None:
    fold = fold_of(question)
    mine = negatives.c.task == name
    connection.execute(sa.delete(negatives).where(mine & (negatives.c.fold == fold)))
    connection.execute(sa.insert(negatives).values(task=name, fold=fold, question=question))
    newest = sa.select(negatives.c.id).where(mine).order_by(negatives.c.id.desc()).limit(_MOST_NEGATIVES)
    kept = connection.execute(newest).scalars().all()
    connection.execute(sa.delete(negatives).where(mine & negatives.c.id.not_in(kept)))
