"""The commands as an operator runs them: a version of the code that running cases do not fit does not start."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import kartabl
from engine.actor import actor_for
from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from engine.settings import Settings
from models.account import Person, RoleGrant
from tests.databases import SQLITE, fresh_database
from tests.engine.small import chain, end, process, start, user_task
from tests.secret import SECRET_KEY

GONE = process(start() + user_task("vanished") + end() + chain("begin", "vanished", "done"), key="gone")
WITHIN = 60  # seconds until a process answers or ends


@pytest.fixture(scope="module")
def url() -> str:
    """A database with a running case whose task has no form in this code."""

    def prepare(url: str) -> None:
        application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url, mode="demo"))
        kartabl.prepare(application)
        with application.engine.transaction() as session:
            read = {diagram.key: diagram for diagram in read_diagrams(GONE)}
            definitions.deploy(session, read, now=application.clock())
            person = Person(
                username="ali",
                first_name="علی",
                last_name="",
                password_hash="",
                created_at=application.clock(),
                roles=[RoleGrant(role="citizen")],
            )
            session.add(person)
        with application.engine.transaction() as session:
            by = actor_for(session.scalars(select(Person).where(Person.username == "ali")).one())
            application.engine.start_case(session, "gone", by=by)
        application.database.dispose()

    return fresh_database(SQLITE, prepare=prepare)


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    ours = {
        "KARTABL_MODE": "demo",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": url,
        "KARTABL_FILES_PATH": str(tmp_path),
        "PYTHONPATH": str(Path(kartabl.__file__).parent),
    }
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ours


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kartabl", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_check_tells_people_and_programs(environment: dict[str, str]) -> None:
    told = command(environment, "check", "--database")
    assert told.returncode == 1, told.stderr
    first, fa, en, last = told.stdout.splitlines()
    assert first.startswith("error | gone v1 | vanished (vanished) | ")
    assert fa.strip() == "این کار فرم ندارد: نه در پوشهٔ forms و نه در خود نمودار."
    assert "no form" in en
    assert last == "1 findings about running cases"
    (finding,) = json.loads(command(environment, "check", "--database", "--json").stdout)
    assert {name: finding[name] for name in ("process", "version", "element", "kind", "missing", "cases")} == {
        "process": "gone",
        "version": 1,
        "element": "vanished",
        "kind": "form",
        "missing": "gone.vanished",
        "cases": 1,
    }
    assert set(finding["message"]) == {"fa", "en"}


@pytest.mark.parametrize("name", ["run", "worker"])
def test_the_start_is_refused_with_the_list_and_what_to_do(environment: dict[str, str], name: str) -> None:
    refused = command(environment, name)
    assert refused.returncode == 1
    assert "gone v1 | vanished" in refused.stderr
    assert "--force" in refused.stderr and "CONTRIBUTING.md" in refused.stderr
    assert "http://" not in refused.stdout


@pytest.fixture
def behind(tmp_path: Path, url: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment with a copy of the database in which a shipped process is not deployed yet."""
    copy = tmp_path / "behind.db"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("DELETE FROM process_definitions WHERE key = 'certificate_revocation'")
    return environment | {"KARTABL_DATABASE_URL": f"sqlite:///{copy}"}


def definitions_of(environment: dict[str, str]) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(environment["KARTABL_DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        return database.execute("SELECT key, version FROM process_definitions ORDER BY key, version").fetchall()


@pytest.mark.parametrize("arguments", [("run",), ("deploy",), ("demo", "--cases", "1")])
def test_a_refused_command_deploys_nothing(behind: dict[str, str], arguments: tuple[str, ...]) -> None:
    before = definitions_of(behind)
    refused = command(behind, *arguments)
    assert refused.returncode == 1 and "gone v1 | vanished" in refused.stderr
    assert definitions_of(behind) == before


def test_commands_beside_a_site_that_was_refused_work_and_deploy_nothing(behind: dict[str, str]) -> None:
    before = definitions_of(behind)
    assert command(behind, "process", "withdraw", "ticket").returncode == 0
    assert definitions_of(behind) == before


def test_deploy_goes_on_with_force(behind: dict[str, str]) -> None:
    assert command(behind, "deploy", "--force").returncode == 0
    assert ("certificate_revocation", 1) in definitions_of(behind)


def test_errors_and_warnings_stand_apart_in_both_languages_with_the_running_cases(
    behind: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "gone.bpmn").write_bytes(GONE)
    before = definitions_of(behind)
    refused = command(behind, "deploy", "--force", "--folder", str(folder))
    assert refused.returncode == 1 and definitions_of(behind) == before
    heading, first, fa, en, *_rest = refused.stdout.splitlines()
    assert heading == "خطا / Error × 1"
    assert first.startswith("  خطا / Error | gone.bpmn") and "1 پروندهٔ در جریان / 1 running case" in first
    assert "فرم" in fa and "form" in en


def test_a_database_of_another_version_is_not_looked_at(environment: dict[str, str], tmp_path: Path) -> None:
    empty = environment | {"KARTABL_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}"}
    for arguments in (("check", "--database"), ("worker",)):
        refused = command(empty, *arguments)
        assert refused.returncode == 1
        assert "run kartabl migrate first" in refused.stderr


@pytest.mark.parametrize("arguments", [("run",), ("worker",), ("check", "--database"), ("migrate",), ("deploy",)])
def test_a_database_that_is_away_is_one_sentence(environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        away = {"KARTABL_DATABASE_URL": f"postgresql://kartabl:hidden-word@127.0.0.1:{port}/kartabl"}
        refused = command(environment | away, *arguments)
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith("Error: The database of KARTABL_DATABASE_URL cannot be opened: ") and str(port) in line
    assert "hidden-word" not in refused.stdout + refused.stderr


def test_a_folder_that_cannot_be_made_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = command(environment | {"KARTABL_DATABASE_URL": f"sqlite:///{tmp_path / 'file' / 'k.db'}"}, "migrate")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The database of KARTABL_DATABASE_URL cannot be opened: ")
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_one_sentence(environment: dict[str, str]) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = command(environment, "run", "--force", "--port", port)
    assert refused.returncode == 1
    assert (
        refused.stderr.splitlines()[-1] == f"Error: Port {port} of 127.0.0.1 cannot be opened: Address already in use"
    )
    assert "Traceback" not in refused.stderr and "http://" not in refused.stdout


@pytest.fixture
def forced(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a site that was started with ``--force``, and the file of its log."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = tmp_path / "log"
    with log.open("w") as stderr:
        site = subprocess.Popen(
            [sys.executable, "-m", "kartabl", "run", "--force", "--port", port],
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert site.stdout is not None
    for line in site.stdout:
        if "http://" in line:
            break
    yield f"http://127.0.0.1:{port}", log
    site.terminate()
    site.wait(timeout=WITHIN)
    site.stdout.close()


def test_with_force_it_starts_and_says_so(forced: tuple[str, Path]) -> None:
    address, log = forced
    answer = _ready(address)
    assert answer["checks"]["definitions"] is True
    assert answer["incompatible_definitions"] == 1
    assert "gone v1 | vanished" in log.read_text()
    assert "Started with --force" in log.read_text()


def _ready(address: str) -> Any:
    """What the site says of itself; its port opens a moment after it has printed its address."""
    give_up = time.monotonic() + WITHIN
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=WITHIN) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as not_ready:
            return json.load(not_ready)
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("the site does not answer")
