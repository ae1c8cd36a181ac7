"""The journal learns of attempts, outcomes, tokens and where prices come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from alembic import op

from latm.library._schema import Json

revision = "2"
down_revision = "1"

_BUCKETS = ("input", "cache_read", "cache_write", "output")
_BATCH = 500
_journal = sa.table(
    "latm_journal",
    sa.column("id", sa.Integer),
    sa.column("digest", sa.String),
    sa.column("reply", Json),
    sa.column("outcome", sa.String),
    *(sa.column(f"{bucket}_tokens", sa.BigInteger) for bucket in _BUCKETS),
)


def upgrade() -> None:
    """Add the columns; read the tokens of the old entries from their replies."""
    op.add_column("latm_journal", sa.Column("attempt", sa.Integer, nullable=False, server_default="1"))
    op.add_column(
        "latm_journal", sa.Column("outcome", sa.String(64), nullable=False, server_default="replied")
    )
    for bucket in _BUCKETS:
        counted = sa.Column(f"{bucket}_tokens", sa.BigInteger, nullable=False, server_default="0")
        op.add_column("latm_journal", counted)
    op.add_column("latm_journal", sa.Column("price_source", sa.Text))
    op.add_column("latm_journal", sa.Column("price_date", sa.String(10)))
    op.create_index("ix_latm_journal_created", "latm_journal", ["created"])
    connection = op.get_bind()
    # Until then a failed attempt was marked by having no digest.
    connection.execute(sa.update(_journal).where(_journal.c.digest == "").values(outcome="failed"))
    last = 0
    while rows := connection.execute(
        sa.select(_journal.c.id, _journal.c.reply)
        .where(_journal.c.id > last)
        .order_by(_journal.c.id)
        .limit(_BATCH)
    ).all():
        last = rows[-1].id
        connection.execute(
            sa.update(_journal)
            .where(_journal.c.id == sa.bindparam("row"))
            .values({f"{bucket}_tokens": sa.bindparam(bucket) for bucket in _BUCKETS}),
            [{"row": row.id, **_tokens(row.reply)} for row in rows],
        )


def _tokens(reply: object) -> Mapping[str, int]:
    usage: dict[str, Any] = {}
    if isinstance(reply, Mapping):
        usage = cast("Mapping[str, Any]", reply).get("usage") or usage
    return {bucket: int(usage.get(bucket, 0)) for bucket in _BUCKETS}
