"""What Alembic runs around the migrations, in the transaction of `latm.library._migrating`."""

from alembic import context

from latm.library._schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
