"""Tunings, comparisons of models, and promotions of those that were shown to be better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from latm.errors import LibraryError
from latm.library._database import Database, now_text
from latm.library._schema import comparisons, promotions, tunings

ACTIVE, WITHDRAWN = "active", "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record of a tuning or of a comparison.

    Attributes:
        key: the run of a tuning, the number of a comparison.
        name: of the tuning.
        record: JSON data.
        created: when it was first kept, ISO 8601 in UTC.
        changed: when it was last.
    """

    key: str
    name: str
    record: Mapping[str, Any]
    created: str
    changed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A model that takes a role's place in every engine on the library.

    Attributes:
        role: the role.
        model: ``provider:model``.
        tuning: the name of its tuning.
        comparison: the number of the comparison that showed it.
        expires: when its service stops to serve it; None where that is not known.
        created: when it was promoted.
    """

    role: str
    model: str
    tuning: str
    comparison: int
    expires: datetime | None = None
    created: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether it cannot be served any more."""
        return self.expires is not None and self.expires <= now


class TuningWork:
    """The side of a library that tuning works with; see `latm.library.Library`."""

    def __init__(self, database: Database) -> None:
        self.__database = database

    def tuning(self, run: str) -> Kept | None:
        """The record of a training job; None where there is none."""
        query = sa.select(tunings).where(tunings.c.run == run)
        with self.__database.transaction() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _kept(row, row.run)

    def tunings(self, name: str | None = None) -> tuple[Kept, ...]:
        """The records of all training jobs, or of one tuning's, newest first."""
        query = sa.select(tunings).order_by(tunings.c.id.desc())
        if name is not None:
            query = query.where(tunings.c.name == name)
        with self.__database.transaction() as connection:
            return tuple(_kept(row, row.run) for row in connection.execute(query))

    def keep_tuning(self, run: str, name: str, record: Mapping[str, object]) -> None:
        """Keep the record of a training job, in place of what was kept of it before."""
        now = now_text()
        values = {"record": dict(record), "changed": now}
        change = sa.update(tunings).where(tunings.c.run == run).values(**values)
        with self.__database.writing() as connection:
            if connection.execute(change).rowcount == 0:
                connection.execute(sa.insert(tunings).values(run=run, name=name, created=now, **values))

    def comparisons(self, name: str | None = None) -> tuple[Kept, ...]:
        """The comparisons of all tunings, or of one, newest first."""
        query = sa.select(comparisons).order_by(comparisons.c.id.desc())
        if name is not None:
            query = query.where(comparisons.c.name == name)
        with self.__database.transaction() as connection:
            return tuple(_kept(row, str(row.id)) for row in connection.execute(query))

    def keep_comparison(self, name: str, record: Mapping[str, object]) -> int:
        """Keep a comparison; gives its number."""
        now = now_text()
        with self.__database.transaction() as connection:
            result = connection.execute(
                sa.insert(comparisons).values(name=name, record=dict(record), created=now, changed=now)
            )
            (key,) = result.inserted_primary_key or (0,)
            return int(key)

    def promotions(self) -> Mapping[str, Promotion]:
        """The promotion that holds of every role that has one, also where it has expired."""
        query = (
            sa.select(promotions).where(promotions.c.status == ACTIVE).order_by(promotions.c.id)
        )  # of a role's active ones the newest holds
        with self.__database.transaction() as connection:
            return {row.role: _promotion(row) for row in connection.execute(query)}

    def promote(self, promotion: Promotion) -> None:
        """Let a model take a role's place, in every engine that is opened from now on."""
        with self.__database.transaction() as connection:
            connection.execute(
                sa.insert(promotions).values(
                    role=promotion.role,
                    model=promotion.model,
                    tuning=promotion.tuning,
                    comparison=promotion.comparison,
                    expires=None if promotion.expires is None else promotion.expires.isoformat(),
                    status=ACTIVE,
                    created=now_text(),
                )
            )

    def withdraw(self, model: str) -> None:
        """Take every promotion of a model back, also those that later ones lie over."""
        change = sa.update(promotions).where(promotions.c.model == model).values(status=WITHDRAWN)
        with self.__database.writing() as connection:
            connection.execute(change)

    def demote(self, role: str) -> Promotion | None:
        """Withdraw a role's promotion; gives the one before it, which holds again, None if none does.

        Raises:
            LibraryError: the role has none.
        """
        query = (
            sa.select(promotions.c.id)
            .where((promotions.c.role == role) & (promotions.c.status == ACTIVE))
            .order_by(promotions.c.id.desc())
            .limit(1)
        )
        with self.__database.writing() as connection:
            newest = connection.execute(query).scalar_one_or_none()
            if newest is None:
                raise LibraryError(f"no model was promoted to the role {role!r}: there is no step back")
            connection.execute(
                sa.update(promotions).where(promotions.c.id == newest).values(status=WITHDRAWN)
            )
        return self.promotions().get(role)


def _kept(row: sa.Row[Any], key: str) -> Kept:
    return Kept(key=key, name=row.name, record=row.record, created=row.created, changed=row.changed)


def _promotion(row: sa.Row[Any]) -> Promotion:
    return Promotion(
        role=row.role,
        model=row.model,
        tuning=row.tuning,
        comparison=row.comparison,
        expires=None if row.expires is None else datetime.fromisoformat(row.expires),
        created=datetime.fromisoformat(row.created),
    )
