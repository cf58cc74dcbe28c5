"""The machine that measured, and with what: the head of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import create_engine

from benchmarks import databases
from benchmarks.reporting import percentile
from tests.databases import NoPostgres

PACED = 10  # seconds
LIBRARIES = ("SpiffWorkflow", "SQLAlchemy", "psycopg", "Flask", "waitress", "lxml")


def describe() -> list[tuple[str, str]]:
    """(what, which) of everything that the numbers depend on."""
    return [
        ("Processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("Memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"),
        (
            "Disk",
            f"{shutil.disk_usage('.').total / 2**30:.0f} GB; a write of 4 kB with fsync {_sync_milliseconds():.2f} ms",
        ),
        ("Pace", _pace()),
        ("Load before", " ".join(f"{load:.2f}" for load in os.getloadavg()) + " (1, 5, 15 minutes)"),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("Libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("SQLite", f"{sqlite3.sqlite_version}, WAL, synchronous=FULL, as the application opens it"),
        ("PostgreSQL", f"{_postgres()}, fsync and synchronous_commit on, {', '.join(databases.SERVER)}, unix socket"),
    ]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _pace() -> str:
    """Steadiness of the processor: the same piece of Python, repeated for some seconds."""
    took, until = [], time.perf_counter() + PACED
    while time.perf_counter() < until:
        began = time.perf_counter()
        sum(number & 3 for number in range(200_000))
        took.append((time.perf_counter() - began) * 1000)
    return "the same piece of Python takes " + ", ".join(
        f"{percentile(took, share):.1f} ms ({name})"
        for name, share in (("quickest twentieth", 0.05), ("median", 0.5), ("slowest twentieth", 0.95))
    )


def _sync_milliseconds() -> float:
    """The middle one of 100 small writes that are forced to the disk."""
    path = databases.folder() / "sync"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[50]


def _postgres() -> str:
    try:
        url = databases.server()
    except NoPostgres as absent:
        return f"none ({absent})"
    engine = create_engine(url)
    with engine.connect() as connection:
        version = ".".join(map(str, engine.dialect.server_version_info or ()))
        connection.rollback()
    engine.dispose()
    return version
