"""Backups while people work: each restores to a database whose cases are sound and whose documents have their files.

The processes, clients and judge are those of ``kill9``; beside them somebody files documents. The backups are taken
and restored by the commands that operators run. Some are killed while they are made. The naive twins are what one
types first: the files, then the database; and on SQLite ``cp`` of the database's file.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from sqlalchemy import NullPool, create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError

import kartabl
from engine import documents
from engine.actor import SYSTEM
from models.case import Case, CaseStatus
from models.database import open_database, session_factory
from tests.databases import SQLITE, client_programs, drop_database, fresh_database, postgres_url
from tests.prove.clients import Client
from tests.prove.kill9 import CLIENTS, DIAGRAMS, leave_empty
from tests.prove.oracle import Oracle, Told, summary
from tests.prove.processes import ROOT, Site
from tests.prove.protocol import Verdict
from tests.secret import SECRET_KEY

NAME = "backup"
BACKUPS, KILLS = 20, 10
SHORT_BACKUPS, SHORT_KILLS = 2, 1
BETWEEN = 1.0  # seconds of work between two backups
WARM = 10  # acknowledged submissions before the first one


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    return _Run(database, seed=seed).go(
        backups=SHORT_BACKUPS if short else BACKUPS, kills=SHORT_KILLS if short else KILLS
    )


class Clerk(threading.Thread):
    """Files one document after the other, of its own kind each: content first, then the row, as the product does."""

    def __init__(self, url: str, files: Path, seed: int) -> None:
        super().__init__(daemon=True)
        kartabl.install()
        self.stopped = threading.Event()
        self.filed = 0
        self.errors: list[str] = []
        self._database = open_database(url, pool_size=1)
        self._files = files
        self._random = random.Random(seed)

    def run(self) -> None:
        sessions = session_factory(self._database)
        while not self.stopped.is_set():
            content = b"%PDF-1.4\n" + self._random.randbytes(20_000) + b"\n%%EOF\n"
            try:
                with sessions.begin() as session:
                    case = session.scalars(
                        select(Case).where(Case.status == CaseStatus.RUNNING).order_by(Case.id.desc()).limit(1)
                    ).first()
                    if case is not None:
                        documents.store(
                            session,
                            case,
                            file=BytesIO(content),
                            name="proof.pdf",
                            by=SYSTEM,
                            now=datetime.now(UTC),
                            folder=self._files,
                        )
                        self.filed += 1
            except OperationalError:  # locked for too long: the next one
                continue
            except Exception as error:
                self.errors.append(repr(error))
                return
            self.stopped.wait(0.1)
        self._database.dispose()


class _Run:
    def __init__(self, database: str, *, seed: int) -> None:
        self._kind, self._seed = database, seed
        self._random = random.Random(seed)
        self._folder = Path(tempfile.mkdtemp(prefix="kartabl-prove-"))
        (self._folder / "diagrams").mkdir()
        for diagram in DIAGRAMS:
            shutil.copy(diagram, self._folder / "diagrams")
        self._server = SQLITE if database == "sqlite" else postgres_url()
        self._url = fresh_database(self._server, prepare=leave_empty)
        self._files = self._folder / "files"
        self._told = Told()
        self._site = Site(self._url, self._folder, naive=False)
        self._clients = [
            Client(f"person-{number}", self._site.ports, self._told, seed=seed + number, wanted=lambda: True)
            for number in range(CLIENTS)
        ]
        self._clerk = Clerk(self._url, self._files, seed)
        self._faults: list[str] = []
        self._times: list[float] = []
        self._sizes: list[int] = []

    def go(self, *, backups: int, kills: int) -> Verdict:
        try:
            self._site.prepare([client.name for client in self._clients])
            self._site.start()
            self._site.first_page()
            for worker in (*self._clients, self._clerk):
                worker.start()
            self._wait_for_work()
            twin = self._naive()
            cases = 0
            for number in range(backups):
                time.sleep(BETWEEN)
                cases = self._once(self._folder / f"backup-{number}")
            broken = sum(self._kill_one(self._folder / f"killed-{number}") for number in range(kills))
            if self._clerk.errors:
                self._faults.append(f"unfinished: the clerk stopped: {self._clerk.errors[0]}")
            self._faults += [f"lost: a client was answered {error}" for error in self._told.errors]
            return Verdict(
                harness=NAME,
                database=self._kind,
                seed=self._seed,
                numbers={
                    "backups under load": backups,
                    "restored": len(self._sizes),
                    "cases in the last": cases,
                    "documents filed meanwhile": self._clerk.filed,
                    "acknowledged meanwhile": len(self._told.completed) + len(self._told.started),
                    "bytes of the largest": max(self._sizes, default=0),
                    "slowest backup, s": max(self._times, default=0.0),
                    "killed while they were made": kills,
                    "of them left as whole ones": kills - broken,
                },
                violations=list(dict.fromkeys(self._faults)),
                twin=f"files first, then the database{', or cp' if self._kind == 'sqlite' else ''}: {summary(twin)}",
                twin_caught=bool(twin),
            )
        finally:
            for worker in (*self._clients, self._clerk):
                worker.stopped.set()
            self._site.close()
            self._clerk.join(timeout=10)
            drop_database(self._url)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_for_work(self) -> None:
        give_up = time.monotonic() + 60
        while len(self._told.completed) < WARM or self._clerk.filed < WARM:
            if time.monotonic() > give_up:
                raise TimeoutError("nobody works: there is nothing to back up")
            time.sleep(0.1)

    def _once(self, target: Path) -> int:
        """One backup, its restoration, and a look at what came out. Returns the number of cases in it."""
        promised = Told(completed=set(self._told.completed), started=set(self._told.started))
        began = time.monotonic()
        made = self._command("backup", str(target))
        self._times.append(time.monotonic() - began)
        restored, files, whole = self._restored(target)
        if not (made and whole):
            drop_database(restored)
            return 0
        database = create_engine(restored, poolclass=NullPool)
        try:
            self._faults += Oracle(database).look(all_cases=True)
            self._faults += lost(restored, promised) + without_file(restored, files)
            with database.connect() as connection:
                cases: int = connection.execute(text("SELECT count(*) FROM cases")).scalar_one()
        finally:
            database.dispose()
            drop_database(restored)
        self._sizes.append(sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))
        shutil.rmtree(target)
        shutil.rmtree(files)
        return cases

    def _restored(self, target: Path) -> tuple[str, Path, bool]:
        """The database and the folder of files that a backup was restored to, and whether it was."""
        files = self._folder / f"files-of-{target.name}"
        restored = fresh_database(self._server, prepare=leave_empty)
        if self._kind == "sqlite":
            Path(make_url(restored).database or "").unlink()
        environment = {"KARTABL_DATABASE_URL": restored, "KARTABL_FILES_PATH": str(files)}
        return restored, files, self._command("restore", str(target), **environment)

    def _kill_one(self, target: Path) -> bool:
        """SIGKILL to a backup at some moment. Returns True if there is none then; one that is there is whole."""
        process = subprocess.Popen(
            [sys.executable, "-m", "kartabl", "backup", str(target)],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=self._random.uniform(0.3, 1.2) * max(self._times, default=3.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if target.exists():
            self._command("restore", "--verify", str(target))
        return not target.exists()

    def _naive(self) -> list[str]:
        """What comes of copying the files first, and on SQLite of copying the database's file."""
        files, copy = self._folder / "naive-files", self._folder / "naive.db"
        promised = Told(completed=set(self._told.completed), started=set(self._told.started))
        shutil.copytree(self._files, files, ignore=shutil.ignore_patterns(f"{documents.HALF_WRITTEN}*"))
        target = self._folder / "naive"
        self._command("backup", str(target))
        restored, _files, whole = self._restored(target)
        faults = without_file(restored, files) if whole else []
        drop_database(restored)
        if self._kind == "sqlite":
            shutil.copy(make_url(self._url).database or "", copy)
            faults += lost(f"sqlite:///{copy}", promised)
        return faults

    def _command(self, *arguments: str, **settings: str) -> bool:
        """Run a command of ``kartabl``; one that fails or names missing files is a fault, and False."""
        finished = subprocess.run(
            [sys.executable, "-m", "kartabl", *arguments],
            cwd=ROOT,
            env=self._environment() | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        sound = finished.returncode == 0 and "missing" not in finished.stderr
        if not sound:
            self._faults.append(f"unfinished: kartabl {' '.join(arguments)}: {finished.stderr[-500:]}")
        return sound

    def _environment(self) -> dict[str, str]:
        programs = f"{client_programs()}{os.pathsep}" if self._kind == "postgresql" else ""
        return {**os.environ, "PATH": f"{programs}{os.environ['PATH']}"} | {
            "KARTABL_DATABASE_URL": self._url,
            "KARTABL_SECRET_KEY": SECRET_KEY,
            "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
            "KARTABL_FILES_PATH": str(self._files),
        }


def lost(url: str, promised: Told) -> list[str]:
    """What was acknowledged before the backup began and is not in it."""
    database = create_engine(url, poolclass=NullPool)
    with database.connect() as connection:
        numbers = set(connection.execute(text("SELECT number FROM cases")).scalars())
        details = " ".join(
            str(one)
            for one in connection.execute(text("SELECT details FROM history WHERE what = 'task_completed'")).scalars()
        )
    database.dispose()
    faults = [f"lost: case {number} was acknowledged before the backup" for number in promised.started - numbers]
    return faults + [f"lost: submission {mark}" for mark in promised.completed if mark not in details]


def without_file(url: str, files: Path) -> list[str]:
    """Documents whose content is not in the folder, or is another one; and rows that point nowhere."""
    database = create_engine(url, poolclass=NullPool)
    with database.connect() as connection:
        hashes = connection.execute(text("SELECT DISTINCT sha256 FROM documents")).scalars().all()
        astray = connection.exec_driver_sql("PRAGMA foreign_key_check").all() if url.startswith("sqlite") else []
    database.dispose()
    faults = [f"half-done: a row of {row[0]} points to nothing" for row in astray]
    for digest in hashes:
        path = documents.path_of(files, digest)
        if not path.is_file():
            faults.append(f"half-done: document {digest[:8]} has no content")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            faults.append(f"half-done: document {digest[:8]} has another content")
    return faults
