"""Versions with a status of their own, aliases, negatives, repeats, audits and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from latm._reading import folded
from latm._records import digest
from latm.library._content import content_digest
from latm.library._schema import Json

revision = "3"
down_revision = "2"

_tools = sa.table(
    "latm_tools",
    sa.column("id", sa.Integer),
    sa.column("record", Json),
    sa.column("digest", sa.String),
)
_instances = sa.table(
    "latm_instances",
    sa.column("id", sa.Integer),
    sa.column("question", Json),
    sa.column("fold", sa.String),
)


def upgrade() -> None:
    """Add tables and columns; give old versions their digests, and old instances theirs."""
    _more_columns()
    _more_tables()
    connection = op.get_bind()
    for row in connection.execute(sa.select(_tools.c.id, _tools.c.record)).all():
        known = content_digest(row.record)
        connection.execute(sa.update(_tools).where(_tools.c.id == row.id).values(digest=known))
    for row in connection.execute(sa.select(_instances.c.id, _instances.c.question)).all():
        fold = digest(folded(row.question))
        connection.execute(sa.update(_instances).where(_instances.c.id == row.id).values(fold=fold))
    counters = sa.table("latm_counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger))
    connection.execute(sa.insert(counters).values(name="revision", value=0))


def _more_columns() -> None:
    def add(table: str, *columns: sa.Column[object]) -> None:
        for column in columns:
            op.add_column(table, column)

    add(
        "latm_tools",
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("reason", Json),
    )
    add(
        "latm_instances",
        sa.Column("fold", sa.String(64), nullable=False, server_default=""),
        sa.Column("source", sa.String(16), nullable=False, server_default="model"),
    )
    add(
        "latm_makings",
        sa.Column("token", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("stage", sa.String(64)),
        sa.Column("error", Json),
        sa.Column("version", sa.Integer),
        sa.Column("ended", sa.String(40)),
    )
    op.create_index("ix_latm_tools_current", "latm_tools", ["name", "version", "status"])
    op.create_index("ix_latm_instances_fold", "latm_instances", ["task", "fold"])
    op.create_index(
        "ix_latm_instances_pending",
        "latm_instances",
        ["task", "id"],
        sqlite_where=sa.text("tool_version IS NULL"),
        postgresql_where=sa.text("tool_version IS NULL"),
    )
    op.create_index("ix_latm_makings_fingerprint", "latm_makings", ["fingerprint"])


def _more_tables() -> None:
    op.create_table(
        "latm_counters",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "latm_aliases",
        sa.Column("alias", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
    )
    op.create_table(
        "latm_negatives",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("fold", sa.String(64), nullable=False),
        sa.Column("question", Json, nullable=False),
        sa.UniqueConstraint("task", "fold"),
    )
    op.create_table(
        "latm_repeats",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fold", sa.String(64), nullable=False, unique=True),
        sa.Column("tool", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("call", Json, nullable=False),
    )
    op.create_table(
        "latm_audits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tool", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("question", Json, nullable=False),
        sa.Column("answer", Json, nullable=False),
        sa.Column("other", Json, nullable=False),
        sa.Column("agreed", sa.Boolean),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_index("ix_latm_audits_tool", "latm_audits", ["tool", "version"])
    op.create_table(
        "latm_leases",
        sa.Column("task", sa.String(64), primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
    )
