"""Counts of what was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from latm.library._database import now_text
from latm.library._schema import Json

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add the table, and keep when counting begins: of what was answered before nothing is known."""
    op.create_table(
        "latm_traffic",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("task", sa.String(64)),
        sa.Column("tool", sa.String(64)),
        sa.Column("version", sa.Integer),
        sa.Column("layer", sa.String(16), nullable=False),
        sa.Column("route", sa.String(16), nullable=False),
        sa.Column("questions", sa.BigInteger, nullable=False),
        sa.Column("known_usd", sa.String(40), nullable=False),
        sa.Column("unpriced", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("times", Json, nullable=False),
        sa.Column("hour", sa.Boolean, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_index("ix_latm_traffic_created", "latm_traffic", ["created"])
    meta = sa.table("latm_meta", sa.column("key", sa.String), sa.column("value", sa.Text))
    op.get_bind().execute(sa.insert(meta).values(key="counted since", value=now_text()))
