"""The tables."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 5
"""Raised by one with every change of a table, for which ``_migrations/versions`` has a revision of that name.

A library of a higher one is refused."""

VERSION_TABLE = "latm_schema"
"""Alembic's table; it holds the schema version as its revision."""

REVISION = "revision"
"""The counter that changes with everything that a dispatcher may have read."""

COUNTED_SINCE = "counted since"
"""The key under which an older library keeps from when on its answers are counted."""

metadata = sa.MetaData()


class Json(TypeDecorator[Any]):
    """JSON in ASCII: text from models holds NULs and lone surrogates, which databases refuse as they are."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        """To the database."""
        del dialect
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """From the database."""
        del dialect
        return None if value is None else json.loads(value)


meta = sa.Table(
    "latm_meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# As Alembic makes it, so that a new library needs no Alembic.
schema = sa.Table(
    VERSION_TABLE,
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)

counters = sa.Table(
    "latm_counters",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

tools = sa.Table(
    "latm_tools",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("record", Json, nullable=False),
    sa.Column("uses", sa.Integer, nullable=False, default=0),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("created", sa.String(40), nullable=False),
    # Since schema 3; what is added later has a default so that an older library can be given it.
    sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    sa.Column("reason", Json),
    sa.UniqueConstraint("name", "version"),
    # All that is needed to see what is current: the records themselves are many pages.
    sa.Index("ix_latm_tools_current", "name", "version", "status"),
)

aliases = sa.Table(
    "latm_aliases",
    metadata,
    sa.Column("alias", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
)

instances = sa.Table(
    "latm_instances",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("task", sa.String(64), nullable=False, index=True),
    sa.Column("question", Json, nullable=False),
    sa.Column("answer", Json, nullable=False),
    sa.Column("tool_version", sa.Integer),
    sa.Column("created", sa.String(40), nullable=False),
    # Since schema 3. "fold" is a digest of the question up to white space: questions themselves may be long.
    sa.Column("fold", sa.String(64), nullable=False, server_default=""),
    sa.Column("source", sa.String(16), nullable=False, server_default="model"),
    sa.Index("ix_latm_instances_fold", "task", "fold"),
    sa.Index(
        "ix_latm_instances_pending",
        "task",
        "id",
        sqlite_where=sa.text("tool_version IS NULL"),
        postgresql_where=sa.text("tool_version IS NULL"),
    ),
)

negatives = sa.Table(
    "latm_negatives",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("fold", sa.String(64), nullable=False),
    sa.Column("question", Json, nullable=False),
    sa.UniqueConstraint("task", "fold"),
)

repeats = sa.Table(
    "latm_repeats",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fold", sa.String(64), nullable=False, unique=True),
    sa.Column("tool", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("call", Json, nullable=False),
)

audits = sa.Table(
    "latm_audits",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tool", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("question", Json, nullable=False),
    sa.Column("answer", Json, nullable=False),
    sa.Column("other", Json, nullable=False),
    sa.Column("agreed", sa.Boolean),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Index("ix_latm_audits_tool", "tool", "version"),
)

makings = sa.Table(
    "latm_makings",
    metadata,
    sa.Column("run", sa.String(40), primary_key=True),
    sa.Column("task", sa.String(64), nullable=False, index=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("instances", Json, nullable=False),
    sa.Column("pending", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("history", Json),
    sa.Column("created", sa.String(40), nullable=False),
    # Since schema 3.
    sa.Column("token", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("stage", sa.String(64)),
    sa.Column("error", Json),
    sa.Column("version", sa.Integer),
    sa.Column("ended", sa.String(40)),
    sa.Index("ix_latm_makings_fingerprint", "fingerprint"),
)

# A row stays for good, so that a task's tokens never start again.
leases = sa.Table(
    "latm_leases",
    metadata,
    sa.Column("task", sa.String(64), primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

journal = sa.Table(
    "latm_journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(40), nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("task", sa.String(64)),
    sa.Column("tool", sa.String(64)),
    sa.Column("request", Json, nullable=False),
    sa.Column("reply", Json, nullable=False),
    sa.Column("cost_usd", sa.String(40)),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    # Since schema 2. They have defaults so that an older library can be given them.
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("outcome", sa.String(64), nullable=False, server_default="replied"),
    sa.Column("input_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cache_read_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cache_write_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("output_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("price_source", sa.Text),
    sa.Column("price_date", sa.String(10)),
    sa.Index("ix_latm_journal_run", "run", "step"),
    sa.Index("ix_latm_journal_created", "created"),
)

# Since schema 4.
tunings = sa.Table(
    "latm_tunings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(40), nullable=False, unique=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("record", Json, nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("changed", sa.String(40), nullable=False),
)

comparisons = sa.Table(
    "latm_comparisons",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("record", Json, nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("changed", sa.String(40), nullable=False),
)

promotions = sa.Table(
    "latm_promotions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("tuning", sa.String(64), nullable=False),
    sa.Column("comparison", sa.Integer, nullable=False),
    sa.Column("expires", sa.String(40)),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
)

# Since schema 5.
traffic = sa.Table(
    "latm_traffic",
    metadata,
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
    sa.Column("created", sa.String(40), nullable=False, index=True),
)
