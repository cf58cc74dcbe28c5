"""Brings a database to the newest schema, with Alembic; one process at a time."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import models
from models.database import unhurried

MIGRATIONS = Path(__file__).parent / "migrations"


def import_all_tables() -> None:
    """Load every module of the package, so that the metadata knows every table."""
    for module in pkgutil.iter_modules(models.__path__):
        if not module.ispkg:
            importlib.import_module(f"models.{module.name}")


def configuration(database: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database"] = database
    return config


def upgrade(database: Engine) -> None:
    """Upgrade to the newest schema; does nothing if it is current."""
    if not is_current(database):
        with unhurried():
            command.upgrade(configuration(database), "head")


def is_current(database: Engine) -> bool:
    """Returns True if the database has the schema of this version of the program."""
    return revision(database) == head()


def revision(database: Engine) -> str | None:
    """The revision of the database's schema; ``None`` for an empty database."""
    with database.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision of the schema in this version of the program."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    if newest is None:
        raise LookupError(f"There are no migrations in {MIGRATIONS}")
    return newest
