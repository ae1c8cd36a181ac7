"""Bring the tables of an older latm up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn, CreateIndex

from latm.library._schema import SCHEMA_VERSION, journal, meta

_ADDED_BY_2 = (
    "attempt",
    "outcome",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "price_source",
    "price_date",
)
_BUCKETS = ("input", "cache_read", "cache_write", "output")
_BATCH = 500
_FAILED = "failed"


def migrate(engine: sa.Engine) -> None:
    """Bring a library to this version's tables, in one transaction: wholly, or not at all.

    Two processes may do it at the same moment: the second waits, and finds it done.
    """
    with engine.begin() as connection:
        # A write that changes nothing: from here on nobody else is at it.
        connection.execute(sa.update(meta).where(meta.c.key == "schema").values(value=meta.c.value))
        found = connection.execute(sa.select(meta.c.value).where(meta.c.key == "schema")).scalar_one()
        for version in range(int(found), SCHEMA_VERSION):
            _STEPS[version](connection)
        connection.execute(sa.update(meta).where(meta.c.key == "schema").values(value=str(SCHEMA_VERSION)))


def _from_1(connection: sa.Connection) -> None:
    """The journal learns of attempts, outcomes, tokens and where prices come from."""
    compiler = connection.dialect
    for name in _ADDED_BY_2:
        column = str(CreateColumn(journal.c[name]).compile(dialect=compiler))
        connection.execute(sa.text(f"ALTER TABLE {journal.name} ADD COLUMN {column}"))
    index = next(each for each in journal.indexes if each.name == "ix_latm_journal_created")
    connection.execute(CreateIndex(index))
    # Until then a failed attempt was marked by having no digest.
    connection.execute(sa.update(journal).where(journal.c.digest == "").values(outcome=_FAILED))
    last = 0
    while rows := connection.execute(
        sa.select(journal.c.id, journal.c.reply)
        .where(journal.c.id > last)
        .order_by(journal.c.id)
        .limit(_BATCH)
    ).all():
        last = rows[-1].id
        counted = [{"row": row.id, **_tokens(row.reply)} for row in rows]
        connection.execute(
            sa.update(journal)
            .where(journal.c.id == sa.bindparam("row"))
            .values({f"{bucket}_tokens": sa.bindparam(bucket) for bucket in _BUCKETS}),
            counted,
        )


def _tokens(reply: object) -> Mapping[str, int]:
    usage: dict[str, Any] = {}
    if isinstance(reply, Mapping):
        usage = cast("Mapping[str, Any]", reply).get("usage") or usage
    return {bucket: int(usage.get(bucket, 0)) for bucket in _BUCKETS}


_STEPS: Mapping[int, Callable[[sa.Connection], None]] = {1: _from_1}
