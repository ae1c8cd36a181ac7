"""One module for each schema version; Alembic reads them from their files."""
