"""The pages of accounts and people, used as a browser does (ACC-1 to ACC-5)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

import kartabl
import webapp
from engine.audit import events
from models.account import Person
from models.outbox import Sms
from tests import audited
from tests.play import PASSWORD

OWN_PASSWORD = "moon over karaj"
NEW_PASSWORD = "kolah-qermez-1405"
PERSON = {
    "first_name": "سارا",
    "last_name": "مرادی",
    "mobile": "۰۹۱۲۳۴۵۶۷۸۹",
    "kind": "citizen",
    "password": OWN_PASSWORD,
}


class Browser:
    """Posts forms with the token of the page they are on."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, on: str | None = None, **values: str) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(on or path).text)
        assert token is not None, f"no form on {on or path}"
        return self.client.post(path, data={**values, "csrf_token": token[1]})

    def sign_in(self, username: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/sign-in", username=username, password=password, **more)


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


@pytest.fixture
def admin(app: Any, people: Any) -> Browser:
    people.add("admin", "admin")
    browser = Browser(app.test_client())
    assert browser.sign_in("admin").status_code == 303
    return browser


def sms(application: Any) -> str:
    with application.engine.transaction() as session:
        return session.scalars(select(Sms.text).order_by(Sms.id.desc())).first() or ""


def code(application: Any) -> str:
    found = re.search(r"\b\d{6}\b", sms(application))
    assert found is not None
    return found[0]


def persian(digits: str) -> str:
    return digits.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-1", "ACC-5")
def test_a_citizen_registers_and_is_signed_in_by_the_code(browser, application):
    answer = browser.post("/register", **PERSON)
    assert (answer.status_code, answer.location) == (303, "/register/code")
    assert browser.get("/worklist").status_code == 303  # not signed in yet
    page = browser.get("/register/code").text
    assert "09123456789" not in page
    assert "۶۷۸۹" in page
    answer = browser.post("/register/code", code=persian(code(application)))
    assert (answer.status_code, answer.location) == (303, "/")
    assert "سارا مرادی" in browser.get("/worklist").text
    assert audited.told(application, events.REGISTERED, events.ROLE_GRANTED) == [
        (events.REGISTERED, "09123456789", "09123456789", {"kind": "citizen"}),
        (events.ROLE_GRANTED, "system", "09123456789", {"role": "citizen", "scope": ""}),
    ]


@pytest.mark.rule("ACC-1")
def test_what_was_typed_stays_when_the_registration_is_refused(browser):
    answer = browser.post("/register", **PERSON | {"mobile": "123", "password": "short"})
    assert answer.status_code == 422
    assert 'value="سارا"' in answer.text
    assert "short" not in answer.text


@pytest.mark.rule("ACC-2")
def test_a_wrong_code_is_told_and_a_new_one_can_be_asked_for(browser, application, clock):
    browser.post("/register", **PERSON)
    wrong = f"{(int(code(application)) + 1) % 1_000_000:06d}"
    answer = browser.post("/register/code", code=wrong)
    assert answer.status_code == 422
    assert "کد درست نیست" in answer.text

    early = browser.post("/register/code", _action="resend")
    assert early.status_code == 429
    assert 0 < int(early.headers["Retry-After"]) <= 61
    clock.advance(timedelta(seconds=60))
    assert browser.post("/register/code", _action="resend").status_code == 303
    assert browser.post("/register/code", code=code(application)).status_code == 303


def test_the_code_page_leads_to_registering_when_nothing_is_registered(browser):
    assert browser.get("/register/code").location == "/register"
    assert browser.get("/reset").location == "/forgot"


def test_signing_in_gives_a_new_session_in_a_guarded_cookie(browser, people):
    people.add("contractor", "contractor")
    before = browser.client.get("/sign-in").headers["Set-Cookie"]
    answer = browser.sign_in("contractor")
    cookie = answer.headers["Set-Cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert cookie.split(";")[0] != before.split(";")[0]
    assert browser.get("/worklist").status_code == 200


def test_a_wrong_password_and_an_unknown_user_get_the_same_page(browser, people):
    people.add("contractor", "contractor")
    pages = [browser.sign_in(name, "nonsense-123") for name in ("contractor", "nobody-at-all")]
    assert [page.status_code for page in pages] == [422, 422]
    assert all("نام کاربری یا رمز عبور درست نیست" in page.text for page in pages)
    assert "nonsense-123" not in pages[0].text


@pytest.mark.rule("ACC-2")
def test_too_many_tries_are_told_with_the_time_to_wait(browser, people):
    people.add("contractor", "contractor")
    for _ in range(5):
        browser.sign_in("contractor", "nonsense-123")
    answer = browser.sign_in("contractor")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "۱۵ دقیقه" in answer.text or "۱۶ دقیقه" in answer.text


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/cases?q=1", "/cases?q=1"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\tx", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_only_to_our_own_pages(browser, people, asked, led_to):
    people.add("contractor", "contractor")
    assert browser.sign_in("contractor", next=asked).location == led_to


def test_after_an_ended_session_signing_in_leads_back(browser, people, clock):
    people.add("contractor", "contractor")
    browser.sign_in("contractor")
    clock.advance(timedelta(minutes=31))
    answer = browser.get("/cases?q=1")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=%2Fcases%3Fq%3D1"


def test_signing_out_ends_the_session_itself(browser, people):
    people.add("contractor", "contractor")
    browser.sign_in("contractor")
    kept = browser.client.get_cookie("kartabl")
    assert kept is not None
    left = browser.post("/sign-out", on="/worklist")
    assert left.headers["Clear-Site-Data"] == '"cache", "storage"'
    browser.client.set_cookie("kartabl", kept.value)
    assert browser.get("/worklist").status_code == 303


@pytest.mark.rule("ACC-3")
def test_a_forgotten_password_is_recovered_by_code(browser, people, application):
    people.add("12-30-01234", "inspector", mobile="09123456789")
    answer = browser.post("/forgot", username="۱۲-۳۰-۰۱۲۳۴")
    assert answer.location == "/reset"
    answer = browser.post("/reset", code=code(application), password="short")
    assert answer.status_code == 422
    answer = browser.post("/reset", code=code(application), password=NEW_PASSWORD)
    assert answer.location == "/"
    assert browser.get("/worklist").status_code == 200
    own = "12-30-01234"
    assert audited.told(application, events.PASSWORD_RECOVERED) == [(events.PASSWORD_RECOVERED, own, own, None)]


@pytest.mark.rule("ACC-3")
def test_recovery_of_an_unknown_account_looks_the_same_and_sends_nothing(browser, people, application):
    answer = browser.post("/forgot", username="09120000000")
    assert answer.location == "/reset"
    assert sms(application) == ""
    assert browser.post("/reset", code="123456", password=NEW_PASSWORD).status_code == 422


@pytest.mark.rule("ACC-3")
def test_everyone_can_change_the_password(browser, people):
    people.add("contractor", "contractor")
    browser.sign_in("contractor")
    wrong = browser.post("/password", old_password="x", password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    assert wrong.status_code == 422
    differs = browser.post("/password", old_password=PASSWORD, password=NEW_PASSWORD, password_again="other")
    assert differs.status_code == 422
    answer = browser.post("/password", old_password=PASSWORD, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    assert answer.status_code == 303
    assert browser.get("/worklist").status_code == 200  # this session stays


@pytest.mark.rule("ACC-3")
def test_an_account_made_by_the_organisation_must_change_its_first_password(admin, app):
    made = admin.post(
        "/people/new",
        username="12-30-09999",
        first_name="نیما",
        last_name="فرجی",
        kind="engineer",
        role="inspector",
        mobile="",
        company="",
    )
    assert made.status_code == 200, made.text
    shown = re.search(r'id="initial-password">([^<]+)<', made.text)
    assert shown is not None

    browser = Browser(app.test_client())
    assert browser.sign_in("12-30-09999", shown[1]).status_code == 303
    for path in ("/", "/worklist", "/cases", "/messages", "/people"):
        assert browser.get(path).location == "/password", path
    assert "سازمان برای شما ساخته است" in browser.get("/password").text
    browser.post("/password", old_password=shown[1], password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    assert browser.get("/worklist").status_code == 200


def test_the_demo_offers_its_people_and_a_real_office_does_not(client, app, application, settings):
    assert "demo-people__one" in client.get("/sign-in").text
    real = kartabl.build(settings.model_copy(update={"mode": "production"}))
    page = webapp.create_app(real).test_client().get("/sign-in")
    assert page.status_code == 200
    assert "demo-people__one" not in page.text
    real.database.dispose()


@pytest.mark.rule("ACC-6")
def test_own_sessions_are_seen_and_ended_on_their_page(app, people, browser):
    people.add("contractor", "contractor")
    elsewhere = Browser(app.test_client())
    elsewhere.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0"
    assert elsewhere.sign_in("contractor").status_code == 303
    browser.sign_in("contractor")
    page = browser.get("/account/sessions").text
    assert page.count(">همین دستگاه<") == 1
    assert "Firefox روی Windows" in page
    ids = re.findall(r"/account/sessions/(\d+)/end", page)
    assert len(ids) == 2
    assert browser.post("/account/sessions/end-others", on="/account/sessions").status_code == 303
    assert elsewhere.get("/worklist").status_code == 303
    assert browser.get("/worklist").status_code == 200
    page = browser.get("/account/sessions").text
    assert "خروج از همهٔ دستگاه‌های دیگر" not in page
    own = re.search(r"/account/sessions/(\d+)/end", page)
    assert own is not None
    browser.post(own[0], on="/account/sessions")
    assert browser.get("/worklist").location.startswith("/sign-in")


@pytest.mark.rule("ACC-2")
def test_a_known_browser_signs_in_while_a_stranger_at_its_address_guesses(app, people, browser):
    people.add("contractor", "contractor")
    browser.sign_in("contractor")
    browser.post("/sign-out", on="/worklist")
    stranger = Browser(app.test_client())
    answers = [stranger.sign_in("contractor", "nonsense-123").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert browser.sign_in("contractor").status_code == 303


@pytest.mark.rule("ACC-2", "ACC-3")
def test_a_held_back_code_is_told_alike_for_everybody(app, people, application):
    people.add("12-30-01234", "inspector", mobile="09123456789")
    pages = []
    for username in ("12-30-01234", "12-30-09999"):
        stranger = Browser(app.test_client())
        assert stranger.post("/forgot", username=username).status_code == 303
        held = Browser(app.test_client()).post("/forgot", username=username)
        assert held.status_code == 429
        assert "کدی ارسال نشد" in held.text
        pages.append(re.sub(r'value="[^"]*"', "", held.text))
    assert pages[0] == pages[1]


# People


def person_id(application: Any, username: str) -> int:
    with application.engine.transaction() as session:
        return session.scalars(select(Person.id).where(Person.username == username)).one()


def test_only_admins_reach_the_pages_of_people(browser, people, application):
    people.add("contractor", "contractor")
    browser.sign_in("contractor")
    own = person_id(application, "contractor")
    for path in ("/people", "/people/new", f"/people/{own}"):
        assert browser.get(path).status_code in (403, 404), path
    for path in (f"/people/{own}/lock", f"/people/{own}/roles", f"/people/{own}/password"):
        answer = browser.post(path, on="/worklist", role="admin", unit="", district="")
        assert answer.status_code in (403, 404), path


@pytest.mark.both_databases("story")
def test_an_admin_finds_people_and_changes_their_roles(admin, people, application):
    people.add("12-30-01234", "inspector", first_name="علی", last_name="کریمی")
    assert "علی کریمی" in admin.get("/people?q=كريمي").text
    assert "علی کریمی" not in admin.get("/people?q=كريمي&role=finance").text
    own = person_id(application, "12-30-01234")
    page = admin.get(f"/people/{own}").text
    assert "بازرس گاز" in page

    answer = admin.post(f"/people/{own}/roles", on=f"/people/{own}", role="department_staff", unit="", district="")
    assert answer.status_code == 422
    answer = admin.post(f"/people/{own}/roles", on=f"/people/{own}", role="department_staff", unit="finance")
    assert answer.status_code == 303
    assert "کارشناس واحد سازمان: مالی" in admin.get(f"/people/{own}").text
    revoke = re.search(rf"/people/{own}/roles/\d+/revoke", admin.get(f"/people/{own}").text)
    assert revoke is not None
    assert admin.post(revoke[0], on=f"/people/{own}").status_code == 303
    assert people.actor("12-30-01234").roles == {"department_staff"}


def test_locking_works_from_the_next_page_on(admin, app, people, application):
    people.add("contractor", "contractor")
    browser = Browser(app.test_client())
    browser.sign_in("contractor")
    own = person_id(application, "contractor")
    assert browser.get("/worklist").status_code == 200
    assert admin.post(f"/people/{own}/lock", on=f"/people/{own}").status_code == 303
    assert browser.get("/worklist").status_code == 303
    assert browser.sign_in("contractor").status_code == 422
    assert admin.post(f"/people/{own}/unlock", on=f"/people/{own}").status_code == 303
    assert browser.sign_in("contractor").status_code == 303


def test_a_user_name_is_given_once(admin, people):
    people.add("contractor", "contractor")
    answer = admin.post(
        "/people/new", username="Contractor", first_name="ا", last_name="ب", kind="staff", role="finance"
    )
    assert answer.status_code == 422
    assert "قبلاً به کار رفته" in answer.text


def test_an_unknown_person_is_not_found(admin):
    assert admin.get("/people/999999").status_code == 404
    assert admin.get("/people/99999999999999999999").status_code == 404


@pytest.mark.rule("ACC-6")
def test_an_admin_signs_somebody_out_everywhere_without_locking_them(browser, app, client, people, application):
    other = people.add("finance", "finance").id
    own = people.add("admin", "admin").id
    browser.sign_in("finance")
    admin = Browser(app.test_client())
    admin.sign_in("admin")
    place = f"/people/{other}"
    assert admin.post(f"{place}/sessions/end", on=place).location == place
    assert browser.get("/worklist").location.startswith("/sign-in")
    assert browser.sign_in("finance").location == "/"
    assert admin.post(f"/people/{own}/sessions/end", on="/people").status_code == 422
    assert admin.get("/worklist").status_code == 200
