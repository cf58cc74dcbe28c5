"""Every page as people meet it: signing in, the worklist, tasks with files and drafts, cases, messages, supervision."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

import kartabl
from models.case import Case, Task, TaskDraft, TaskStatus

Browser = Callable[..., FlaskClient]


def token(browser: FlaskClient) -> str:
    """The CSRF token as a page's form holds it."""
    return browser.get("/worklist").text.partition('name="csrf_token" value="')[2].partition('"')[0]


def send(browser: FlaskClient, path: str, /, **data: Any) -> Any:
    return browser.post(path, data={"csrf_token": token(browser), **data})


def started(browser: FlaskClient) -> str:
    """Start a project registration; returns the address of its first task's page."""
    answer = send(browser, "/start/project_registration")
    assert answer.status_code == 303, answer.text
    answer = browser.get(answer.location)
    assert answer.status_code == 303
    return str(answer.location)


@pytest.mark.both_databases("story")
def test_the_first_step_waits_in_the_worklist_and_at_the_case(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    address = started(browser)
    page = browser.get(address)
    assert page.status_code == 200, page.text
    worklist = browser.get("/worklist")
    assert address in worklist.text
    number = re.search(r"/cases/([0-9-]+)", page.text)[1]  # type: ignore[index]
    case = browser.get(f"/cases/{number}")
    assert case.status_code == 200
    assert address in case.text
    assert "در انتظار" in case.text
    assert browser.get(f"/cases/{number}/diagram.xml").data.startswith(b"<?xml")
    assert "پرونده شروع شد" in browser.get(f"/cases/{number}/history").text
    assert number in browser.get("/cases", query_string={"q": number.replace("-", "")}).text


def test_completing_a_step_leads_to_the_next_one(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    address = started(browser)
    answer = send(browser, address, source="new", _action="complete")
    assert answer.status_code == 303, answer.text
    following = browser.get(answer.location)
    assert following.status_code == 303
    assert following.location != address
    assert browser.get(following.location).status_code == 200


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(signed_in: Browser, session: Any) -> None:
    browser = signed_in("contractor")
    address = started(browser)
    browser.get(send(browser, address, source="new").location)
    task = session.query(Task).filter(Task.status == TaskStatus.OPEN, Task.key == "register_property").one()
    answer = send(browser, f"/tasks/{task.id}", address="خیابان یکم", postal_code="12")
    assert answer.status_code == 422
    assert "خیابان یکم" in answer.text
    assert "postal_code-error" in answer.text


@pytest.mark.both_databases("saving")
def test_a_draft_is_kept_and_shown_again(signed_in: Browser, session: Any) -> None:
    browser = signed_in("contractor")
    browser.get(send(browser, started(browser), source="new").location)
    task = session.query(Task).filter(Task.status == TaskStatus.OPEN, Task.key == "register_property").one()
    answer = send(browser, f"/tasks/{task.id}", address="خیابان یکم", postal_code="12", _action="draft")
    assert answer.status_code == 303
    page = browser.get(f"/tasks/{task.id}").text
    assert "خیابان یکم" in page
    assert session.query(TaskDraft).one().values["postal_code"] == "12"


def test_a_second_window_is_told_who_was_quicker(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    address = started(browser)
    send(browser, address, source="new")
    answer = send(browser, address, source="existing")
    assert answer.status_code == 409
    assert "انجام داد" in answer.text
    assert "data-failed" in answer.text


def test_the_tasks_cases_and_files_of_others_do_not_exist(signed_in: Browser, session: Any) -> None:
    address = started(signed_in("contractor"))
    number = session.query(Case).one().number
    stranger = signed_in("citizen")
    for path in (address, f"/cases/{number}", f"/cases/{number}/next", f"/cases/{number}/diagram.xml"):
        assert stranger.get(path).status_code == 404, path
    assert stranger.get(f"/cases/{number}/history").status_code == 404
    assert send(stranger, address, source="new").status_code == 404
    assert send(stranger, "/start/project_registration").status_code == 404
    assert stranger.get("/documents/1").status_code == 404


@pytest.mark.parametrize("path", ["/monitor", "/incidents", "/messages/send"])
def test_pages_of_the_organisation_are_closed_to_others(signed_in: Browser, path: str) -> None:
    assert signed_in("citizen").get(path).status_code == 403
    assert signed_in("supervisor").get(path).status_code == 200


def test_a_page_asks_for_signing_in_and_leads_back(client: FlaskClient) -> None:
    answer = client.get("/cases?q=a")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=%2Fcases%3Fq%3Da"


PUBLIC = {
    "accounts.begin_openid",
    "accounts.forgot",
    "accounts.leave_openid",
    "accounts.new_openid_account",
    "accounts.register",
    "accounts.reset",
    "accounts.return_from_openid",
    "accounts.second_step",  # of a session that is not one yet
    "accounts.sign_in",
    "accounts.sign_out",
    "accounts.verify_code",
    "health.live",
    "gallery.show",  # in demo mode only: tests/web/test_gallery.py
    "health.ready",
    "outbox.show",
    "payments.come_back",
    "payments.decide",
    "payments.test_gateway",
    "preferences.choose_language",
    "public.certificate",
    "public.keys",
    "public.verify",
    "script_texts.script_texts",
    "static",
}


def test_a_page_that_nobody_declared_public_is_closed_to_who_is_not_signed_in(app: Any) -> None:
    """A new page is closed by itself; opening one needs a line here."""
    asked = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC or rule.endpoint.startswith("api."):
            continue
        address = re.sub("<[^>]+>", "1", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = app.test_client().open(address, method=method)
            assert (answer.status_code, str(answer.location).partition("?")[0]) == (303, "/sign-in"), rule
            asked += 1
    assert asked > 20


def test_a_form_of_another_site_is_refused(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    assert browser.post("/start/project_registration").status_code == 400
    assert browser.post("/start/project_registration", data={"csrf_token": "x"}).status_code == 400
    answer = browser.post(
        "/start/project_registration", data={"csrf_token": token(browser)}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 400


def test_every_page_says_what_a_browser_may_load_and_is_not_stored(signed_in: Browser) -> None:
    answer = signed_in("citizen").get("/worklist")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    cookie = answer.headers.get("Set-Cookie", "HttpOnly SameSite=Lax")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_an_unknown_error_is_a_page_with_a_number_that_is_in_the_log(
    signed_in: Browser, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    browser = signed_in("citizen")
    app.testing = False
    app.view_functions["worklist.show"] = lambda: 1 // 0
    answer = browser.get("/worklist")
    assert answer.status_code == 500
    number = re.search(r'<bdi class="code">([0-9a-f]{16})</bdi>', answer.text)[1]  # type: ignore[index]
    assert number in caplog.text
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.both_databases("search")
@pytest.mark.rule("ACC-4")
def test_a_message_to_a_role_is_counted_on_every_page_until_it_is_read(signed_in: Browser) -> None:
    reader, sender = signed_in("inspector"), signed_in("gas_office")
    answer = send(sender, "/messages/send", role="inspector", title="جلسه", body="شنبه ساعت ۱۰")
    assert answer.status_code == 303, answer.text
    page = reader.get("/worklist").text
    assert "پیام خوانده‌نشده" in page
    address = re.search(r'href="(/messages/[0-9]+)"', reader.get("/messages").text)[1]  # type: ignore[index]
    assert "شنبه ساعت" in reader.get(address).text
    assert "پیام خوانده‌نشده" not in reader.get("/worklist").text


def test_a_message_to_nobody_is_refused_with_the_text_kept(signed_in: Browser) -> None:
    answer = send(signed_in("gas_office"), "/messages/send", title="جلسه", body="متن بلند")
    assert answer.status_code == 422
    assert "متن بلند" in answer.text


@pytest.mark.both_databases("story")
def test_a_supervisor_suspends_and_resumes_a_case(signed_in: Browser, session: Any) -> None:
    browser, supervisor = signed_in("contractor"), signed_in("supervisor")
    address = started(browser)
    number = session.query(Case).one().number
    assert send(supervisor, f"/cases/{number}/suspend", reason="بررسی").status_code == 303
    assert browser.get(address).status_code == 409
    assert "متوقف" in browser.get(f"/cases/{number}").text
    assert send(supervisor, f"/cases/{number}/resume").status_code == 303
    assert browser.get(address).status_code == 200
    assert send(supervisor, f"/cases/{number}/cancel").status_code == 422
    assert send(supervisor, f"/cases/{number}/cancel", reason="به درخواست").status_code == 303
    assert browser.get(address).status_code == 409
    assert send(browser, f"/cases/{number}/suspend").status_code == 403


def test_pages_are_read_in_english_too(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    assert send(browser, "/language/en", next="/worklist").location == "/worklist"
    page = browser.get("/worklist").text
    assert '<html lang="en" dir="ltr">' in page
    assert send(browser, "/language/en", next="//evil.example").location == "/"


@pytest.mark.both_databases("story")
def test_the_system_says_whether_it_is_well(client: FlaskClient, application: kartabl.Application) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503, "no worker has looked yet"
    application.worker.work()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["checks"]["worker"]) == (200, True)  # type: ignore[index]


def test_the_demo_shows_its_messages_on_the_screen(client: FlaskClient) -> None:
    assert client.get("/outbox").status_code == 200


def test_an_unknown_address_and_method_are_pages_too(signed_in: Browser) -> None:
    browser = signed_in("citizen")
    assert "صفحه پیدا نشد" in browser.get("/nowhere").text
    assert browser.get("/sign-out").status_code == 405


def test_the_return_of_an_unknown_payment_changes_nothing(client: FlaskClient) -> None:
    assert client.get("/payments/return/test?Authority=nonsense&Status=OK").status_code == 404
    assert client.get("/test-gateway/nonsense").status_code == 404
