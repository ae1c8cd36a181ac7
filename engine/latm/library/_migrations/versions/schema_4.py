"""Tunings, comparisons and promotions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from latm.library._schema import Json

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Add the tables."""
    for table, key in (("latm_tunings", True), ("latm_comparisons", False)):
        run = (sa.Column("run", sa.String(40), nullable=False, unique=True),) if key else ()
        op.create_table(
            table,
            sa.Column("id", sa.Integer, primary_key=True),
            *run,
            sa.Column("name", sa.String(64), nullable=False),
            sa.Column("record", Json, nullable=False),
            sa.Column("created", sa.String(40), nullable=False),
            sa.Column("changed", sa.String(40), nullable=False),
        )
        op.create_index(f"ix_{table}_name", table, ["name"])
    op.create_table(
        "latm_promotions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("tuning", sa.String(64), nullable=False),
        sa.Column("comparison", sa.Integer, nullable=False),
        sa.Column("expires", sa.String(40)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
