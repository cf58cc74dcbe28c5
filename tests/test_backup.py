"""``kartabl backup`` and ``kartabl restore``: what comes back, what is refused, and who may read it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url, select, text

import kartabl
from engine import documents
from engine.actor import SYSTEM, actor_for
from engine.audit import events
from engine.backup import durable, manifest, postgres
from engine.backup.refusals import BackupRefused
from engine.settings import Settings
from models.account import Person, RoleGrant, SignInSession
from models.case import Case
from models.document import Document
from tests import audited
from tests.databases import client_programs, drop_database, fresh_database
from tests.secret import SECRET_KEY
from workflows.certificates import signing_keys

OTHER_KEY = "Jw3pT8sVbN5yGc6E-mK4hZ9xQ2dL7tRf"
PDF = b"%PDF-1.4\na paper\n%%EOF\n"


def empty(url: str) -> None:
    """A database without a table."""


@pytest.fixture
def office(server: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an installation with a case, a document, a session and a signing key."""
    url = fresh_database(server, prepare=_furnish)
    files = tmp_path / "files"
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url, files_path=files, mode="demo"))
    with application.engine.transaction() as session:
        person = session.scalars(select(Person)).one()
        case_id = application.engine.start_case(session, "ticket", by=actor_for(person)).case.id
        now = application.clock()
        session.add(
            SignInSession(
                token_hash="0" * 64, person_id=person.id, kind="browser", created_at=now, seen_at=now, expires_at=now
            )
        )
        signing_keys.signing_key(session, secret_key=SECRET_KEY, now=now)
    with application.engine.transaction() as session:
        documents.store(
            session,
            session.get_one(Case, case_id),
            file=BytesIO(PDF),
            name="paper.pdf",
            by=SYSTEM,
            now=datetime.now(UTC),
            folder=files,
        )
    application.database.dispose()
    yield settings_of(url, files)
    drop_database(url)


def _furnish(url: str) -> None:
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url, mode="demo"))
    kartabl.prepare(application)
    with application.engine.transaction() as session:
        session.add(
            Person(
                username="ali",
                first_name="علی",
                last_name="",
                password_hash="",
                created_at=application.clock(),
                roles=[RoleGrant(role="citizen")],
            )
        )
    application.database.dispose()


def settings_of(url: str, files: Path, key: str = SECRET_KEY) -> dict[str, str]:
    return {
        "KARTABL_MODE": "demo",
        "KARTABL_SECRET_KEY": key,
        "KARTABL_DATABASE_URL": url,
        "KARTABL_FILES_PATH": str(files),
        "PATH": f"{client_programs()}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture
def elsewhere(office: dict[str, str], server: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an installation that has nothing yet."""
    url = fresh_database(server, prepare=empty) if "postgresql" in server else f"sqlite:///{tmp_path}/new/k.db"
    yield settings_of(url, tmp_path / "new" / "files")
    if "postgresql" in server:
        drop_database(url)


def run(environment: dict[str, str], *arguments: str) -> Result:
    result = CliRunner().invoke(kartabl.main, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def backup(office: dict[str, str], tmp_path: Path) -> Path:
    target = tmp_path / "backups" / "one"
    done = run(office, "backup", str(target))
    assert done.exit_code == 0, done.output
    return target


def application_of(environment: dict[str, str]) -> kartabl.Application:
    return kartabl.build(
        Settings(
            secret_key=environment["KARTABL_SECRET_KEY"],
            database_url=environment["KARTABL_DATABASE_URL"],
            files_path=Path(environment["KARTABL_FILES_PATH"]),
            mode="demo",
        )
    )


@pytest.mark.both_databases("sql", "saving")
def test_everything_comes_back_but_the_sessions(
    backup: Path, elsewhere: dict[str, str], office: dict[str, str]
) -> None:
    restored = run(elsewhere, "restore", str(backup))
    assert restored.exit_code == 0, restored.output
    assert "1 files, 1 cases" in restored.output
    application = application_of(elsewhere)
    with application.engine.transaction() as session:
        document = session.scalars(select(Document)).one()
        assert documents.path_of(application.settings.files_path, document.sha256).read_bytes() == PDF
        assert session.scalars(select(SignInSession)).all() == []
        key = signing_keys.signing_key(session, secret_key=SECRET_KEY, now=application.clock())
        assert signing_keys.sign(key, "still ours", secret_key=SECRET_KEY)
        assert list(json.loads((backup / "public-keys.json").read_text())["keys"][0].values())[4] == key.id
    assert not application.incompatible()
    rows = audited.rows(application, events.BACKUP_TAKEN, events.BACKUP_RESTORED)
    assert [(row.event, row.subject_key, row.address) for row in rows] == [
        (events.BACKUP_RESTORED, str(backup), "command")
    ]
    assert (rows[0].actor, rows[0].after["cases"]) == (pwd.getpwuid(os.getuid()).pw_name, 1)  # type: ignore[index]
    application.database.dispose()
    of_the_source = application_of(office)
    assert [(row.event, row.subject_key) for row in audited.rows(of_the_source, events.BACKUP_TAKEN)] == [
        (events.BACKUP_TAKEN, str(backup))
    ]
    of_the_source.database.dispose()
    verified = run(elsewhere, "audit", "verify")
    assert verified.exit_code == 0, verified.output


@pytest.mark.both_databases("sql")
def test_a_target_that_holds_something_is_left_alone(
    backup: Path, office: dict[str, str], elsewhere: dict[str, str]
) -> None:
    onto = run(office | {"KARTABL_FILES_PATH": elsewhere["KARTABL_FILES_PATH"]}, "restore", str(backup))
    assert onto.exit_code == 1 and "nothing is overwritten" in onto.output
    assert not Path(elsewhere["KARTABL_FILES_PATH"]).exists()
    onto = run(elsewhere | {"KARTABL_FILES_PATH": office["KARTABL_FILES_PATH"]}, "restore", str(backup))
    assert onto.exit_code == 1 and "is not empty" in onto.output
    again = run(office, "backup", str(backup))
    assert again.exit_code == 1 and "a new folder" in again.output


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _some_file(backup: Path) -> Path:
    return next(path for path in backup.rglob("files/??/*"))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "a bit of the database": lambda backup: _flip(backup / "database.sqlite"),
    "a bit of a file": lambda backup: _flip(_some_file(backup)),
    "a bit of the list": lambda backup: _flip(backup / "manifest.json"),
    "the list is gone": lambda backup: (backup / "manifest.json").unlink(),
    "the list is empty": lambda backup: (backup / "manifest.json").write_text("{}"),
    "the list is no list": lambda backup: (backup / "manifest.json").write_bytes(b"\xff["),
    "a file is gone": lambda backup: _some_file(backup).unlink(),
    "the keys are gone": lambda backup: (backup / "public-keys.json").unlink(),
    "cut short": lambda backup: os.truncate(backup / "database.sqlite", 4096),
    "something more": lambda backup: (backup / "files" / "more").write_text("x"),
    "a link instead": lambda backup: _as_link(backup / "public-keys.json"),
}


def _as_link(path: Path) -> None:
    away = path.parent.parent / "away"
    shutil.move(path, away)
    path.symlink_to(away)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_verify_is_refused_and_nothing_is_made(
    damage: str, backup: Path, elsewhere: dict[str, str]
) -> None:
    DAMAGES[damage](backup)
    for arguments in (("restore", str(backup)), ("restore", "--verify", str(backup))):
        refused = run(elsewhere, *arguments)
        assert refused.exit_code == 1, refused.output
        assert "does not verify" in refused.output or "no whole backup" in refused.output
    assert not Path(elsewhere["KARTABL_FILES_PATH"]).exists()
    assert not Path(make_url(elsewhere["KARTABL_DATABASE_URL"]).database or "").exists()


@pytest.mark.parametrize("change", ["rows", "parts"])
def test_whoever_changes_a_backup_needs_the_secret_key(change: str, backup: Path, elsewhere: dict[str, str]) -> None:
    """All hashes are made anew; only the seal tells."""
    path = backup / "manifest.json"
    values = json.loads(path.read_text())["manifest"]
    values[change] = {} if change == "rows" else values[change][:-1]
    forged = {name: value for name, value in values.items() if name != "format"}
    forged |= {"made_at": datetime.fromisoformat(values["made_at"]), "missing": ()}
    forged |= {"parts": tuple(manifest.Part(**part) for part in values["parts"])}
    path.write_bytes(manifest.written(manifest.Manifest(**forged), OTHER_KEY))
    refused = run(elsewhere, "restore", str(backup))
    assert refused.exit_code == 1 and "another KARTABL_SECRET_KEY" in refused.output


@pytest.mark.parametrize(
    "path", ["../evil", "/etc/passwd", "files/../../evil", "files/ab/abcd", f"files/ab/cd{'0' * 62}", "manifest.json"]
)
def test_a_part_is_never_written_outside(path: str, backup: Path, elsewhere: dict[str, str]) -> None:
    listed = manifest.read((backup / "manifest.json").read_bytes(), SECRET_KEY)
    parts = (*listed.parts, manifest.Part(path=path, size=0, sha256="0" * 64))
    named = {name: getattr(listed, name) for name in listed.__dataclass_fields__} | {"parts": parts}
    (backup / "manifest.json").write_bytes(manifest.written(manifest.Manifest(**named), SECRET_KEY))
    refused = run(elsewhere, "restore", str(backup))
    assert refused.exit_code == 1 and "is no part of a backup" in refused.output


def test_another_schema_is_refused_with_the_version_that_fits(backup: Path, elsewhere: dict[str, str]) -> None:
    listed = manifest.read((backup / "manifest.json").read_bytes(), SECRET_KEY)
    named = {name: getattr(listed, name) for name in listed.__dataclass_fields__}
    old = manifest.Manifest(**named | {"revision": "0001", "version": "0.0.1"})
    (backup / "manifest.json").write_bytes(manifest.written(old, SECRET_KEY))
    refused = run(elsewhere, "restore", str(backup))
    assert refused.exit_code == 1
    assert "Restore it with Kartabl 0.0.1, then install this version and run kartabl migrate" in refused.output


def test_a_backup_of_another_kind_of_database_is_refused(backup: Path, elsewhere: dict[str, str]) -> None:
    other = elsewhere | {"KARTABL_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    refused = run(other, "restore", str(backup))
    assert refused.exit_code == 1 and "a database of the same kind" in refused.output


def test_with_the_secret_key_lost_the_backup_is_taken_when_asked_for(
    backup: Path, office: dict[str, str], elsewhere: dict[str, str]
) -> None:
    new = elsewhere | {"KARTABL_SECRET_KEY": OTHER_KEY}
    assert run(new, "restore", str(backup)).exit_code == 1
    restored = run(new, "restore", "--other-secret-key", str(backup))
    assert restored.exit_code == 0, restored.output
    listed = run(new, "keys", "list").output
    assert "cannot be read" in listed and "kartabl keys rotate" in listed
    assert run(new, "keys", "rotate").exit_code == 0
    listed = run(new, "keys", "list").output
    assert "signs" in listed.splitlines()[1] and "kartabl keys rotate" not in listed
    assert "signs" in run(office, "keys", "list").output and "cannot" not in run(office, "keys", "list").output


@pytest.mark.both_databases("sql")
def test_nobody_else_reads_any_of_it_whatever_the_umask(office: dict[str, str], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        target = tmp_path / "deep" / "down" / "backup"
        assert run(office, "backup", str(target)).exit_code == 0
    finally:
        os.umask(before)
    made = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_file()} == {"0o600"}


def test_the_database_and_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        environment = settings_of(f"sqlite:///{tmp_path}/var/here/k.db", tmp_path / "uploads" / "files")
        application = application_of(environment)
        kartabl.prepare(application)
        with application.engine.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = version_num"))
            documents._write_once(application.settings.files_path, "ab" * 32, b"x")
        made = [*(tmp_path / "var").rglob("*"), *(tmp_path / "uploads").rglob("*"), tmp_path / "var"]
        names = {path.name for path in made}
        assert {"k.db", "k.db-wal", "k.db-shm", "k.db-turn"} <= names
        open_to_others = [str(path) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077]
        application.database.dispose()
    finally:
        os.umask(before)
    assert open_to_others == []


def test_without_room_nothing_is_begun(backup: Path, elsewhere: dict[str, str], monkeypatch: Any, office: Any) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(durable.shutil, "disk_usage", lambda _path: usage(10**9, 10**9, 10**6))
    refused = run(office, "backup", str(backup.parent / "two"))
    assert refused.exit_code == 1 and "Make room there" in refused.output
    refused = run(elsewhere, "restore", str(backup))
    assert refused.exit_code == 1 and "Make room there" in refused.output
    assert [path.name for path in backup.parent.iterdir()] == ["one"]


def test_a_file_that_the_installation_has_lost_is_named_and_keeps_no_backup_from_being_made(
    office: dict[str, str], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    lost = _some_file(Path(office["KARTABL_FILES_PATH"]).parent)
    lost.unlink()
    done = run(office, "backup", str(tmp_path / "backup"))
    assert done.exit_code == 0 and lost.name in done.output
    assert run(elsewhere, "restore", str(tmp_path / "backup")).exit_code == 0


def test_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    environment = settings_of(f"sqlite:///{tmp_path}/none.db", tmp_path / "files")
    refused = run(environment, "backup", str(tmp_path / "backup"))
    assert refused.exit_code == 1 and "nothing to back up" in refused.output
    assert list(tmp_path.iterdir()) == []


def test_the_tool_of_an_older_postgresql_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.22 (Debian 13.22-1)'\n")
    old.chmod(0o755)
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres.find("pg_dump", least=13) == (old, 13)
    with pytest.raises(BackupRefused, match="postgresql-client-18"):
        postgres.find("pg_dump", least=18)
    with pytest.raises(BackupRefused, match="none is installed"):
        postgres.find("pg_restore", least=13)
