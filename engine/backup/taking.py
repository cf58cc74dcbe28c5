"""Takes a backup while people work: the database first, then the files that it knows, then the list of both.

The content of a file is on disk before its row is written, and is swept away only when no row names it. So every
file that the database of the backup knows is there when the files are copied, and none is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, column, func, inspect, select, table, text
from sqlalchemy.orm import Session

from engine.backup import durable, manifest
from engine.backup.manifest import Manifest, Part
from engine.backup.refusals import BackupRefused
from engine.backup.snapshot import Source, source_of
from engine.documents import path_of
from models.private_files import make_folder

UNFINISHED = ".unfinished-"  # in the name of a folder that is no backup yet

PublicKeys = Callable[[Session], dict[str, Any]]


def take(
    target: Path,
    *,
    database_url: str,
    files_path: Path,
    secret_key: str,
    version: str,
    now: datetime,
    public_keys: PublicKeys,
) -> Manifest:
    """Back an installation up into the new folder ``target``. It appears there whole, or not at all.

    ``version``: of Kartabl; ``public_keys``: what everybody may know of the keys that sign. A backup goes through
    although files are missing or damaged at the installation; it names them (``missing``).

    Raises BackupRefused: ``target`` is there, there is no room, or the database cannot be read.
    """
    if target.exists():
        raise BackupRefused(f"{target} is there already; a backup goes into a new folder.")
    source = source_of(database_url)
    make_folder(target.absolute().parent)
    durable.demand_space(target, source.size() + _size_of(files_path), what="The backup")
    folder = Path(tempfile.mkdtemp(prefix=f"{target.name}{UNFINISHED}", dir=target.absolute().parent))
    try:
        made = _fill(folder, source, files_path=files_path, version=version, now=now, public_keys=public_keys)
        durable.write(folder / manifest.NAME, manifest.written(made, secret_key))
        durable.sync_tree(folder)
        os.rename(folder, target)
        durable.sync(target.absolute().parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def unfinished(target: Path) -> list[Path]:
    """Folders beside ``target`` that backups left which were killed."""
    return sorted(target.absolute().parent.glob(f"*{UNFINISHED}*"))


def _fill(
    folder: Path, source: Source, *, files_path: Path, version: str, now: datetime, public_keys: PublicKeys
) -> Manifest:
    with source.taken(folder) as (connection, tool, server):
        tables = inspect(connection).get_table_names()
        if "alembic_version" not in tables:
            raise BackupRefused("The database holds no Kartabl: nothing to back up.")
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        keys = public_keys(Session(bind=connection)) if "signing_keys" in tables else {"keys": []}
        durable.write(folder / manifest.PUBLIC_KEYS, json.dumps(keys, indent=2).encode() + b"\n")
        rows = count_rows(connection)
        missing = _copy_files(connection, files_path, folder / manifest.FILES)
    return Manifest(
        version=version,
        revision=revision,
        made_at=now,
        database=source.kind,
        tool=tool,
        server=server,
        rows=rows,
        missing=tuple(missing),
        parts=tuple(
            Part(path=str(path.relative_to(folder)), size=path.stat().st_size, sha256=durable.digest_of(path))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ),
    )


def count_rows(connection: Connection) -> dict[str, int]:
    """Table → number of its rows."""
    names = sorted(inspect(connection).get_table_names())
    return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}


def _copy_files(connection: Connection, source: Path, target: Path) -> list[str]:
    """Copy the content of every document; returns the hashes of those that are missing or damaged."""
    target.mkdir(mode=0o700)
    missing = []
    stored = table("documents", column("sha256"), column("state"))
    digests = select(stored.c.sha256).distinct().order_by(stored.c.sha256)
    if any(one["name"] == "state" for one in inspect(connection).get_columns("documents")):
        digests = digests.where(stored.c.state != "infected")  # their content is deleted
    for digest in connection.execute(digests).scalars():
        copy = path_of(target, digest)
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            whole = durable.copy(path_of(source, digest), copy) == digest
        except FileNotFoundError:
            whole = False
        if not whole:
            copy.unlink(missing_ok=True)
            missing.append(digest)
    return missing


def _size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below it; one that disappears meanwhile needs no room."""
    total = 0
    for path in folder.glob("??/*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
