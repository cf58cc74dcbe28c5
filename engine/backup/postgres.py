"""pg_dump and pg_restore: which ones there are, and how they are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from engine.backup.refusals import BackupRefused
from models.database import open_database, unhurried, without_password

DEBIAN = Path("/usr/lib/postgresql")  # a folder for each installed version
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find(program: str, *, least: int) -> tuple[Path, int]:
    """The oldest installed ``pg_dump`` or ``pg_restore`` that knows a server of major version ``least``, and its own.

    Looks on the PATH first. Raises BackupRefused: there is none, or all are older.
    """
    on_path = shutil.which(program)
    candidates = [Path(on_path)] if on_path else []
    candidates += sorted(DEBIAN.glob(f"*/bin/{program}"), key=lambda path: int(_number(path.parents[1].name)))
    versions = [(path, _version_of(path)) for path in candidates]
    for path, version in versions:
        if version >= least:
            return path, version
    there = ", ".join(f"{path} is {version}" for path, version in versions) or "none is installed"
    raise BackupRefused(
        f"{program} of PostgreSQL {least} or newer is needed ({there}). "
        f"Debian, Ubuntu: apt-get install postgresql-client-{least}; then it is found by itself."
    )


@contextmanager
def opened(database_url: str, **options: str) -> Iterator[Connection]:
    """A connection for long statements, with these execution options; afterwards nothing of it stays open.

    Raises BackupRefused: the server does not answer, or refuses.
    """
    engine = open_database(database_url, pool_size=1)
    try:
        with unhurried():
            try:
                connection = engine.connect().execution_options(**options)
            except DBAPIError as error:
                reason = without_password(str(error.orig).partition("\n")[0], database_url)
                raise BackupRefused(f"The database of KARTABL_DATABASE_URL cannot be opened: {reason}") from None
            with connection:
                yield connection
    finally:
        engine.dispose()


def server_version(connection: Connection) -> int:
    """Major version of the server."""
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def run(program: Path, *arguments: str, url: URL) -> None:
    """Run a tool on a database; its password stands in no list of processes.

    Raises BackupRefused: the tool failed, with what it said.
    """
    environment = {**os.environ}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    finished = subprocess.run(  # noqa: S603 - a path that we looked up, arguments of ours
        [program, "--no-password", "--dbname", _conninfo(url), *arguments],
        env=environment,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise BackupRefused(f"{program.name} failed: {finished.stderr.strip()[-2000:]}")


def _conninfo(url: URL) -> str:
    named = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    return make_conninfo("", **{name: value for name, value in (named | query).items() if value is not None})


def _version_of(program: Path) -> int:
    answer = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = _VERSION.search(answer.stdout)
    return int(found[1]) if found else 0


def _number(name: str) -> str:
    return re.sub(r"\D", "", name) or "0"
