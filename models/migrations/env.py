"""Alembic's door to our database; run through ``models.migrate`` only."""

from alembic import context

from models.base import Base
from models.migrate import import_all_tables

import_all_tables()

with context.config.attributes["database"].begin() as connection:
    if connection.dialect.name == "postgresql":
        # Two processes that start at once: the second waits here and then finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20261121)")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    context.run_migrations()
