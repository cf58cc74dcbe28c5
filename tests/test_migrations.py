"""The schema by its migrations is the schema of the models, on both databases, and can be undone."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from models import migrate
from models.base import Base
from models.database import open_database
from tests.databases import fresh_database


def nothing(url: str) -> None:
    """A template without any table; connecting makes SQLite's file."""
    database = open_database(url)
    database.connect().close()
    database.dispose()


@pytest.mark.both_databases("migrations")
def test_migrations_and_models_agree_and_can_be_undone(server: str) -> None:
    database = open_database(fresh_database(server, prepare=nothing))
    assert not migrate.is_current(database)
    migrate.upgrade(database)
    assert migrate.is_current(database)
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    command.downgrade(migrate.configuration(database), "base")
    assert inspect(database).get_table_names() in ([], ["alembic_version"])
    database.dispose()
