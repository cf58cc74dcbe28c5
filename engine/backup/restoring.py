"""Restores a backup into an empty database and an empty folder of files, after it has proved to be whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, delete, make_url, table, text

from engine.backup import durable, manifest, postgres
from engine.backup.manifest import Manifest
from engine.backup.refusals import BackupRefused
from engine.backup.taking import UNFINISHED, count_rows
from models.private_files import make_folder

RESTORING = "restoring-"  # how a folder's name begins whose files are not in their places yet
# What somebody may have taken away since the backup: everybody signs in again, and asks for a new code.
ENDED = ("sign_in_sessions", "verification_codes")
_OTHERS = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'"""


def verify(folder: Path, *, secret_key: str | None) -> Manifest:
    """Check every part of a backup against its manifest. ``secret_key``: see ``manifest.read``.

    Raises BackupRefused: with the first part that is missing, damaged or not listed.
    """
    path = folder / manifest.NAME
    if not path.is_file():
        broken_off = f"; it was broken off while it was made ({UNFINISHED}…)" if UNFINISHED in folder.name else ""
        raise BackupRefused(f"{folder} is no whole backup: it has no {manifest.NAME}{broken_off}. Take another backup.")
    listed = manifest.read(path.read_bytes(), secret_key)
    for part in listed.parts:
        one = folder / part.path
        if not one.is_file() or one.is_symlink():
            raise BackupRefused(f"The backup does not verify: {part.path} is missing. Take another backup.")
        if one.stat().st_size != part.size or durable.digest_of(one) != part.sha256:
            raise BackupRefused(f"The backup does not verify: {part.path} is damaged. Take another backup.")
    known = {part.path for part in listed.parts} | {manifest.NAME}
    if more := sorted({str(one.relative_to(folder)) for one in folder.rglob("*") if not one.is_dir()} - known):
        raise BackupRefused(f"The backup does not verify: {more[0]} is not in its list. Take that file out.")
    return listed


def restore(
    folder: Path, *, database_url: str, files_path: Path, secret_key: str | None, version: str, revision: str
) -> Manifest:
    """Put a backup into the empty database of ``database_url`` and the empty folder ``files_path``.

    ``version`` and ``revision``: of this Kartabl and of its schema. Everybody is signed out afterwards. Broken off,
    it has left the database empty, or it is done.

    Raises BackupRefused: the backup does not verify, is of another schema or kind of database, or does not fit; or
    database or folder are not empty.
    """
    listed = verify(folder, secret_key=secret_key)
    _demand_same_schema(listed, version=version, revision=revision)
    kind = make_url(database_url).get_backend_name()
    if kind != listed.database:
        raise BackupRefused(
            f"The backup is of {listed.database}, KARTABL_DATABASE_URL names {kind}. Name a database of the same kind."
        )
    _demand_empty(files_path)
    database = _Sqlite(database_url) if kind == "sqlite" else _Postgres(database_url, listed)
    database.demand_empty()
    durable.demand_space(files_path, sum(part.size for part in listed.files), what="Restoring the files")
    _restore_files(folder, listed, files_path)
    database.fill(folder / manifest.DATABASE[kind], listed)
    return listed


def _demand_same_schema(listed: Manifest, *, version: str, revision: str) -> None:
    if listed.revision != revision:
        raise BackupRefused(
            f"The backup has schema {listed.revision} of Kartabl {listed.version}; this is Kartabl {version} with "
            f"schema {revision}. Restore it with Kartabl {listed.version}, then install this version and run "
            "kartabl migrate."
        )


def _demand_empty(files_path: Path) -> None:
    there = [one for one in files_path.iterdir() if not one.name.startswith(RESTORING)] if files_path.exists() else []
    if there:
        raise BackupRefused(
            f"The folder {files_path} is not empty ({there[0].name}). Name a new one with KARTABL_FILES_PATH, or move "
            "its content away: nothing is overwritten."
        )


def _restore_files(folder: Path, listed: Manifest, files_path: Path) -> None:
    """Copy all files beside their places, then move them there."""
    make_folder(files_path)
    for left in files_path.glob(f"{RESTORING}*"):
        shutil.rmtree(left)
    beside = Path(tempfile.mkdtemp(prefix=RESTORING, dir=files_path))
    try:
        for part in listed.files:
            target = beside / Path(part.path).relative_to(manifest.FILES)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if durable.copy(folder / part.path, target) != part.sha256:
                raise BackupRefused(f"{part.path} changed while it was restored. Nothing was restored.")
        durable.sync_tree(beside)
        for inner in beside.iterdir():
            os.rename(inner, files_path / inner.name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    durable.sync(files_path)


def _finish(connection: Connection, listed: Manifest) -> None:
    """Compare with what the manifest says, and end all sessions. Raises BackupRefused."""
    there = count_rows(connection)
    if wrong := sorted(name for name in there.keys() | listed.rows if there.get(name) != listed.rows.get(name)):
        raise BackupRefused(
            f"{wrong[0]} has {there.get(wrong[0])} rows and should have {listed.rows.get(wrong[0])}. "
            "Drop the restored database and take another backup."
        )
    for name in ENDED:
        connection.execute(delete(table(name)))


class _Sqlite:
    def __init__(self, database_url: str) -> None:
        self._path = Path(make_url(database_url).database or "")

    def demand_empty(self) -> None:
        there = [one for one in (self._path, Path(f"{self._path}-wal")) if one.exists() and one.stat().st_size]
        if there:
            raise BackupRefused(
                f"There is a database at {there[0]}. Name a new file with KARTABL_DATABASE_URL, or move this one away, "
                "together with its -wal and -shm: nothing is overwritten."
            )

    def fill(self, copy: Path, listed: Manifest) -> None:
        """Prepare the file beside its place; its new name is the last step."""
        parent = self._path.absolute().parent
        make_folder(parent)
        durable.demand_space(parent, copy.stat().st_size, what="Restoring the database")
        beside = parent / f"{RESTORING}{self._path.name}"
        beside.unlink(missing_ok=True)
        try:
            durable.copy(copy, beside)
            engine = create_engine(f"sqlite:///{beside}", poolclass=NullPool)
            with engine.begin() as connection:
                if connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() != ["ok"]:
                    raise BackupRefused("The database of the backup is damaged. Take another backup.")
                _finish(connection, listed)
            durable.sync(beside)
            for left in ("-wal", "-shm"):  # of a database that was here before, and empty
                Path(f"{self._path}{left}").unlink(missing_ok=True)
            os.rename(beside, self._path)
            durable.sync(parent)
        finally:
            beside.unlink(missing_ok=True)


class _Postgres:
    def __init__(self, database_url: str, listed: Manifest) -> None:
        self._url = database_url
        self._listed = listed
        self._program = Path()

    def demand_empty(self) -> None:
        """Also that a pg_restore is there, and that the server is new enough."""
        with postgres.opened(self._url) as connection:
            server = postgres.server_version(connection)
            there = connection.execute(text(_OTHERS)).scalar_one()
        if there:
            raise BackupRefused(
                "The database of KARTABL_DATABASE_URL is not empty. Name a new one (createdb): nothing is overwritten."
            )
        if server < self._listed.server:
            raise BackupRefused(
                f"The backup is of PostgreSQL {self._listed.server}, the server is {server}. Restore it on "
                f"{self._listed.server} or newer."
            )
        self._program, _version = postgres.find("pg_restore", least=self._listed.tool)

    def fill(self, copy: Path, listed: Manifest) -> None:
        """In one transaction: broken off, the database is empty as before."""
        postgres.run(
            self._program,
            *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(copy)),
            url=make_url(self._url),
        )
        with postgres.opened(self._url) as connection, connection.begin():
            _finish(connection, listed)
        with postgres.opened(self._url, isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
