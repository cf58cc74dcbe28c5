"""What an inspector who withdrew or was dismissed goes on reading: own reports as they were, nothing after (INS-17)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from engine import documents
from engine.actor import SYSTEM
from models.case import Case
from tests.engine.test_documents import PDF
from tests.play import PASSWORD, Play
from tests.scenarios import inspections as insp
from tests.web.api_client import Api, upload

SignIn = Callable[..., FlaskClient]


def add_file(play: Play, name: str, *, by: str) -> int:
    """A document of the case."""
    with play.session() as session:
        return documents.store(
            session,
            session.get_one(Case, play.case_id),
            file=io.BytesIO(PDF + name.encode()),
            name=name,
            by=play.actor(by) if by else SYSTEM,
            now=play.clock.now,
            folder=play.application.settings.files_path,
            limit=1_000_000,
        ).id


def status(reader: FlaskClient | Api, path: str) -> int:
    """The status of an answer that may be a file, which is closed."""
    answer = reader.get(path)
    answer.close()
    return answer.status_code


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """A browser in which somebody whom the story has made already is signed in."""

    def open_browser(username: str) -> FlaskClient:
        browser = app.test_client()
        token = browser.get("/sign-in").text.partition('name="csrf_token" value="')[2].partition('"')[0]
        sent = {"username": username, "password": PASSWORD, "csrf_token": token}
        assert browser.post("/sign-in", data=sent).status_code == 303
        return browser

    return open_browser


@pytest.fixture(params=["withdraw", "dismiss_inspector"])
def left(play: Play, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A case with a report of ``inspector-1``, who left it, and with what came after, all within one moment."""
    insp.begins(play)
    insp.visits(play)
    before = {
        "own": add_file(play, "own.pdf", by="inspector-1"),
        "theirs": add_file(play, "theirs.pdf", by="contractor"),
    }
    values = insp.report("absent_without_fee", 1, photos=[before["own"]])
    play.does("inspector-1", "record_report", **values)
    if request.param == "withdraw":
        play.does("inspector-1", "withdraw", confirmed=True)
    else:
        play.does("gas_office", "dismiss_inspector", reason="تأخیر")
    insp.visits(play, "inspector-2")
    later = add_file(play, "later.pdf", by="inspector-2")
    play.does("inspector-2", "record_report", **insp.report("defects", 1, photos=[later]))
    return {**before, "later": later, "number": play.case.number, "how": request.param}


@pytest.mark.rule("INS-17")
def test_the_case_is_read_as_it_was(play: Play, left: dict[str, Any], sign_in: SignIn, client: FlaskClient) -> None:
    case = f"/cases/{left['number']}"
    reader = sign_in("inspector-1")
    page, history = reader.get(case), reader.get(f"{case}/history")
    assert (page.status_code, history.status_code) == (200, 200)
    assert "own.pdf" in page.text
    assert insp.TEXT["absent_without_fee"] in page.text
    for text in (page.text, history.text):
        for later in ("later.pdf", insp.TEXT["defects"], "inspector-2", "بدهی", "بدهکار"):
            assert later not in text, later
    assert "تعیین زمان بازدید" in history.text
    for path, wanted in (
        (f"/documents/{left['own']}", 200),
        (f"/documents/{left['theirs']}", 404),
        (f"/documents/{left['later']}", 404),
        (f"{case}/diagram.xml", 404),
        (f"{case}/next", 404),
        (f"{case}/reports/introduction_letter.pdf", 404),
    ):
        assert status(reader, path) == wanted, path

    printed = reader.get(f"{case}/reports/inspection_reports.pdf")
    assert printed.status_code == 200
    assert printed.data.startswith(b"%PDF")
    assert len(PdfReader(io.BytesIO(printed.data)).pages) == 1
    for path in ("/cases", f"/cases?q={left['number']}", "/cases?q=inspector-2", "/worklist"):
        assert f'/cases/{left["number"]}"' not in reader.get(path).text, path


@pytest.mark.rule("INS-17")
def test_programs_read_no_more(left: dict[str, Any], client: FlaskClient) -> None:
    reader = Api.signed_in(client, "inspector-1")
    case = reader.get(f"/cases/{left['number']}").json
    assert case["left_at"]
    assert (case["status"], case["waits_for"], case["actions"], case["summary"]) == (None, [], [], "")
    lines = reader.get(f"/cases/{left['number']}/history").json
    assert lines
    assert insp.TEXT["defects"] not in str(lines)
    assert "inspector-2" not in str(lines)
    assert reader.get("/cases").json["items"] == []
    assert status(reader, f"/documents/{left['own']}") == 200
    assert status(reader, f"/documents/{left['later']}") == 404
    assert upload(reader, left["number"]).status_code == 404


@pytest.mark.rule("INS-17")
def test_their_lists_lead_to_what_was_theirs(left: dict[str, Any], sign_in: SignIn) -> None:
    reader = sign_in("inspector-1")
    listed = "withdrawn_inspections" if left["how"] == "withdraw" else "dismissed_inspections"
    assert f'/cases/{left["number"]}"' in reader.get(f"/lists/{listed}").text


@pytest.mark.rule("INS-17", "INS-14")
def test_those_who_stayed_read_everything(left: dict[str, Any], sign_in: SignIn) -> None:
    for who in ("contractor", "inspector-2"):
        reader = sign_in(who)
        page = reader.get(f"/cases/{left['number']}").text
        assert insp.TEXT["absent_without_fee"] in page
        assert insp.TEXT["defects"] in page
        for name in ("own", "theirs", "later"):
            assert status(reader, f"/documents/{left[name]}") == 200
