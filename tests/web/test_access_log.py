"""The server's log: a line for each request, with its number, and nothing of what was typed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.play import PASSWORD

LOG = "webapp.shell.access_log"
SECRET = "Zebra-Quartz-9041"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level("INFO")

    def of_log(name: str = LOG) -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == name]

    return of_log


def test_each_request_has_a_line_and_a_number(signed_in: Any, lines: Any) -> None:
    browser: FlaskClient = signed_in("finance", "finance")
    answer = browser.get(f"/cases?q={SECRET}")
    number = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", number)
    (line,) = [one for one in lines() if number in one]
    assert re.fullmatch(rf"GET /cases 200 \d+ms request={number} person=\d+ from=127\.0\.0\.1", line)
    assert browser.get("/cases").headers["X-Request-ID"] != number


@pytest.mark.parametrize("given", ["a1b2c3d4-e5f6", "x" * 64])
def test_the_number_that_a_proxy_gave_is_kept(client: FlaskClient, given: str) -> None:
    assert client.get("/sign-in", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space in", "<script>alert(1)"])
def test_any_other_number_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/sign-in", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_an_error_page_says_the_number(client: FlaskClient, lines: Any) -> None:
    answer = client.get("/nowhere\x1b[31m")
    number = answer.headers["X-Request-ID"]
    assert answer.status_code == 404
    assert number in answer.text
    (line,) = [one for one in lines() if number in one]
    assert line.startswith("GET /nowhere?[31m 404 ")
    assert "person=- " in line


def test_a_call_of_the_api_has_one_too(client: FlaskClient, lines: Any) -> None:
    answer = client.get("/api/v1/cases")
    assert answer.status_code == 401
    assert any(answer.headers["X-Request-ID"] in line for line in lines())


def test_what_is_typed_at_the_door_is_in_no_line(signed_in: Any, client: FlaskClient, lines: Any, caplog: Any) -> None:
    signed_in("finance", "finance")
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "t"
    for username, password in ((SECRET, "x"), ("finance", SECRET), ("finance", PASSWORD)):
        client.post(
            "/sign-in", data={"csrf_token": "t", "username": username, "password": password}, query_string={"next": "/"}
        )
    assert [line.split()[2] for line in lines("engine.audit.trail")][-3:] == [
        "sign_in_failed",
        "sign_in_failed",
        "signed_in",
    ]
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert SECRET not in text and PASSWORD not in text and "finance" not in text


def test_a_refused_act_and_a_forged_form_have_lines_of_their_own(signed_in: Any, lines: Any) -> None:
    browser: FlaskClient = signed_in("finance", "finance")
    number = browser.get("/audit").headers["X-Request-ID"]
    forged = browser.post("/language/fa", data={"csrf_token": SECRET}).headers["X-Request-ID"]
    browser.get("/cases")
    first, second = [line for line in lines() if " refused " in line]
    assert re.fullmatch(rf"GET /audit refused request={number} person=\d+ from=127\.0\.0\.1: see_audit", first)
    assert re.fullmatch(
        rf"POST /language/fa refused request={forged} person=\d+ from=127\.0\.0\.1: not_sent_by_a_form_of_ours", second
    )
    assert SECRET not in "".join(lines())
