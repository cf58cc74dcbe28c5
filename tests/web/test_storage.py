"""``/readyz`` and the disks: what refuses to be written, what is nearly full, and how seldom it is asked."""

from __future__ import annotations

import resource
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import NullPool, create_engine, text

import kartabl
from engine.persistence import storage
from engine.persistence.storage import EVERY, Storage


@contextmanager
def nothing_can_be_written() -> Iterator[None]:
    """The system refuses to let any file of this process grow, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.both_databases("sql")
def test_readyz_tells_that_nothing_can_be_written(client: FlaskClient, application: kartabl.Application) -> None:
    postgresql = application.database.dialect.name == "postgresql"
    with nothing_can_be_written():
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["storage"] is False
    assert answer.json["refusing"] == (["files"] if postgresql else ["database", "files"])


@pytest.mark.both_databases("sql")
def test_it_is_well_again_as_soon_as_there_is_room(application: kartabl.Application) -> None:
    now = [0.0]
    disks = Storage(application.database, application.settings.files_path, elapsed=lambda: now[0])
    with nothing_can_be_written():
        assert "files" in disks.look().refusing
    assert "files" in disks.look().refusing  # not asked again yet
    now[0] += EVERY
    assert disks.look().refusing == ()
    assert list(application.settings.files_path.iterdir()) == []


@pytest.mark.both_databases("sql")
def test_a_server_that_only_reads_is_refusing(application: kartabl.Application) -> None:
    if application.database.dialect.name == "sqlite":
        return
    url = application.database.url
    name = application.database.dialect.identifier_preparer.quote(url.database or "")
    administrator = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    application.database.dispose()
    assert Storage(application.database, application.settings.files_path).look().refusing == ("database",)
    with administrator.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))


@pytest.mark.both_databases("sql")
def test_a_probe_leaves_nothing(application: kartabl.Application) -> None:
    now = [0.0]
    disks = Storage(application.database, application.settings.files_path, elapsed=lambda: now[0])
    for _look in range(3):
        assert disks.look().refusing == ()
        now[0] += EVERY
    with application.engine.transaction() as session:
        if application.database.dialect.name == "postgresql":
            assert session.scalar(text("SELECT count(*) FROM pg_class WHERE relname = 'kartabl_probe'")) == 0


def test_little_room_is_told_and_turns_nobody_away(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Any = namedtuple("usage", "total used free")
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _folder: usage(10**12, 10**12, 10**8))
    answer = client.get("/readyz")
    assert answer.json["almost_full"] == ["database", "files"]
    assert answer.json["checks"]["storage"] is True


def test_it_is_asked_seldom(application: kartabl.Application, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(storage, "_takes", lambda folder: written.append(folder) or True)
    disks = Storage(application.database, application.settings.files_path, elapsed=lambda: 7.0)
    for _look in range(100):
        disks.look()
    assert len(written) == 2
