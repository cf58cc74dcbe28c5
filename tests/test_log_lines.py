"""What people typed and who they are stands in no line of the log, whatever fails; where it failed stands there."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

import kartabl
from engine import documents
from engine.jobs.worker import Worker
from engine.log_lines import Lines
from tests.engine.test_documents import PDF
from tests.play import Play
from tests.scenarios import tickets
from tests.web.api_client import Api
from workflows.providers.errors import ProviderError

TITLE, DRAFT, BODY = "رازعنوان", "رازپیش‌نویس", "رازمتن"
FILE, PASSWORD, CODE, MOBILE = "razfile", "Raz-Password-1405", "رازکد", "09121234567"
SECRETS = (TITLE, DRAFT, BODY, FILE, PASSWORD, CODE, MOBILE, "۰۹۱۲۱۲۳۴۵۶۷", "0013542419")
TABLES = ("task_drafts", "tickets", "attempts", "documents", "verification_codes", "sms_outbox")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """All that a process of ours would write to its log."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(Lines())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def refuse_rows(application: kartabl.Application, table: str) -> None:
    """From now on the database refuses every new row of the table, and repeats it in its error where it does so."""
    with application.database.begin() as connection:
        if application.database.dialect.name == "sqlite":
            body = "BEGIN SELECT RAISE(ABORT, 'no more'); END"
            connection.execute(text(f"CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} {body}"))
        else:
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT refuse_{table} CHECK (false) NOT VALID"))


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize("table", ["task_drafts", "tickets", "attempts", "documents"])
def test_a_database_that_refuses_rows_repeats_none_of_them_in_the_log(
    app: Flask, application: kartabl.Application, play: Play, lines: io.StringIO, table: str
) -> None:
    tickets.staff(play)
    play.people.add("reza", "citizen", mobile=MOBILE)
    api = Api.signed_in(app.test_client(), "reza")
    play.start("ticket", by="reza")
    task = play.task("submit_ticket").id
    refuse_rows(application, table)
    values = {**tickets.ASKS, "title": TITLE, "body": BODY}
    calls = [
        ("PUT", f"/tasks/{task}/draft", {"json": {"values": {"title": DRAFT, "body": "0013542419"}}}),
        ("POST", "/documents", {"data": {"case": play.case.number, "file": (io.BytesIO(PDF), f"{FILE}.pdf")}}),
        ("POST", f"/tasks/{task}/complete", {"json": {"values": values}}),
        ("POST", "/token", {"json": {"username": MOBILE, "password": PASSWORD}}),
    ]
    statuses = [api.call(method, path, **more).status_code for method, path, more in calls]
    assert 500 in statuses, statuses
    log = lines.getvalue()
    assert "IntegrityError" in log or "CheckViolation" in log
    assert [secret for secret in (*SECRETS, api.headers["Authorization"][7:]) if secret in log] == []


@pytest.mark.both_databases("saving")
def test_what_a_database_is_asked_wrongly_is_not_repeated(application: kartabl.Application, lines: io.StringIO) -> None:
    asked = ["SELECT nothing FROM people WHERE mobile = :it", "SELECT 1 FROM nowhere WHERE it = :it"]
    asked.append("SELECT CAST(:it AS INTEGER) FROM people, nowhere")
    for statement in asked:
        try:
            with application.database.connect() as connection:
                connection.execute(text(statement), {"it": DRAFT})
        except Exception:  # whatever the driver raises: it is the line in the log that counts
            logging.getLogger("kartabl").exception("it failed")
    assert lines.getvalue().count("it failed") == 3
    assert DRAFT not in lines.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"invalid literal for int() with base 10: '{DRAFT}'"),
        ValueError(f'no such "{DRAFT}" here'),
        ValueError(f"not «{DRAFT}»"),
        ValueError(f"cut in the middle '{DRAFT}"),
        ProviderError(f"receiver {MOBILE} refused"),
        RuntimeError("۰۹۱۲۱۲۳۴۵۶۷"),
        UnicodeDecodeError("utf-8", f"{PASSWORD}\xff".encode("latin-1"), len(PASSWORD), len(PASSWORD) + 1, "bad"),
    ],
)
def test_an_exception_is_told_without_what_it_quotes(lines: io.StringIO, error: Exception) -> None:
    try:
        try:
            raise error
        except Exception as first:
            raise LookupError("the second") from first
    except LookupError:
        logging.getLogger("kartabl").exception("it failed")
    log = lines.getvalue()
    assert [secret for secret in SECRETS if secret in log] == []
    assert type(error).__name__ in log and "LookupError: the second" in log
    assert "test_an_exception_is_told" in log, "where it happened is told"


def test_the_name_that_is_missing_is_told(lines: io.StringIO) -> None:
    for broken in ("{}['mobile']", "().mobile", "mobile"):
        try:
            eval(broken)  # noqa: S307 - a constant of this test
        except Exception:
            logging.getLogger("kartabl").exception("it failed")
    assert lines.getvalue().count("'mobile'") == 3


def test_a_message_that_cannot_be_delivered_is_told_without_its_receiver(
    play: Play, application: kartabl.Application, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets.asks(play)

    def refuse(*, receiver: str, **_more: Any) -> None:
        raise ProviderError(f"Kavenegar: 411 {receiver} is nobody")

    monkeypatch.setattr(type(application.engine.services.sms), "send", staticmethod(refuse))
    play.engine.in_transaction(lambda session: _sms(session, play))
    Worker(play.engine).work()
    assert "SMS" in lines.getvalue() and "[number]" in lines.getvalue()
    assert MOBILE not in lines.getvalue()


def _sms(session: Any, play: Play) -> None:
    from engine.persistence import outbox

    outbox.put_sms(session, None, MOBILE, f"{CODE} 123456", at=play.clock.now)


def test_a_full_disk_is_told_without_the_name_of_the_file(
    app: Flask, play: Play, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device", f"/files/{FILE}")

    monkeypatch.setattr(documents, "_write_once", full)
    tickets.staff(play)
    api = Api.signed_in(app.test_client(), "citizen")
    play.start("ticket", by="citizen")
    answer = api.post("/documents", data={"case": play.case.number, "file": (io.BytesIO(PDF), f"{FILE}.pdf")})
    assert answer.status_code == 503
    assert "No space left" in lines.getvalue()
    assert FILE not in lines.getvalue()


def test_the_commands_write_these_lines() -> None:
    """Every command begins with ``kartabl.main``, which sets the log up."""
    assert "Lines()" in Path(kartabl.__file__).read_text("utf-8")
