"""Bring the tables of an older latm up to date, by Alembic."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from latm.library._opening import begin_writing, schema_of
from latm.library._schema import SCHEMA_VERSION, meta, schema

_SCRIPTS = Path(__file__).parent / "_migrations"
# Alembic keeps what a migration works on in its modules, one for the whole process.
_ALONE = threading.Lock()


def migrate(engine: sa.Engine) -> None:
    """Bring a library to this version's tables, in one transaction: wholly, or not at all.

    Two processes may do it at the same moment: the second waits, and finds it done.

    Raises:
        ValueError: what the library holds cannot be read; it is left as it was.
    """
    config = Config()
    # Text between percent signs would be taken for an option.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with _ALONE, engine.begin() as connection:
        begin_writing(connection)
        found = schema_of(connection)
        if found is None or found >= SCHEMA_VERSION:
            return
        config.attributes["connection"] = connection
        if not sa.inspect(connection).has_table(schema.name):
            command.stamp(config, str(found))  # from before Alembic kept the version
        command.upgrade(config, str(SCHEMA_VERSION))
        connection.execute(sa.update(meta).where(meta.c.key == "schema").values(value=str(SCHEMA_VERSION)))
