"""Two-step sign-in on the pages and in the API, and half sessions that open nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select, update

import kartabl
import webapp
from engine.audit import events
from engine.identity import devices
from engine.settings import Settings
from models.account import Message, Person
from models.organisation import Role
from models.second_factor import SecondFactor
from tests import audited
from tests.play import PASSWORD
from tests.web.test_accounts import Browser
from tests.web.test_accounts import code as sms_code

ACCOUNT = "/account/second-factor"
MINUTE = timedelta(minutes=1)
TURNED_ON = "ورود دومرحله‌ای حساب شما فعال شد"


class Phone:
    """A browser of a person, and the telephone in their hand."""

    def __init__(self, app: Any, clock: Any) -> None:
        self.browser = Browser(app.test_client())
        self.clock = clock
        self.secret = ""
        self.recovery: list[str] = []

    def code(self) -> str:
        totp = pyotp.TOTP(self.secret)
        return totp.generate_otp(totp.timecode(self.clock.now))

    def enrols(self) -> Phone:
        page = self.browser.get(f"{ACCOUNT}/app").text
        found = re.search(r'id="secret" dir="ltr">([A-Z2-7 ]+)<', page)
        assert found is not None
        self.secret = found[1].replace(" ", "")
        self.keeps(self.browser.post(f"{ACCOUNT}/app", code=self.code()))
        self.clock.advance(MINUTE)
        return self

    def keeps(self, answer: Any) -> None:
        assert answer.status_code == 200, answer.text
        self.recovery = re.findall(r'dir="ltr">([a-z2-9]{5}-[a-z2-9]{5})<', answer.text)
        assert len(self.recovery) == 10


@pytest.fixture
def phone(app: Any, people: Any, clock: Any) -> Phone:
    people.add("finance", "finance", mobile="09123456789")
    made = Phone(app, clock)
    assert made.browser.sign_in("finance").location == "/"
    return made


@pytest.fixture
def admin(app: Any, people: Any) -> Browser:
    people.add("admin", "admin")
    browser = Browser(app.test_client())
    browser.sign_in("admin")
    return browser


def test_the_code_by_sms_is_sent_before_it_is_asked_for(phone: Phone) -> None:
    before = phone.browser.get(f"{ACCOUNT}/sms").text
    assert '<button class="btn btn-primary">ارسال کد</button>' in before
    assert "فعال کردن</button>" not in before
    early = phone.browser.post(f"{ACCOUNT}/sms", code="123456")
    assert early.status_code == 422
    assert "هنوز کدی ارسال نشده است" in early.text
    phone.browser.post(f"{ACCOUNT}/sms", _action="resend")
    after = phone.browser.get(f"{ACCOUNT}/sms").text
    assert '<button class="btn btn-primary">فعال کردن</button>' in after
    assert "ارسال دوبارهٔ کد" in after


@pytest.mark.parametrize(("arrives", "status"), [(True, 200), (False, 303)])
def test_no_code_by_sms_is_offered_where_none_arrives(
    phone: Phone, application: Any, clock: Any, arrives: bool, status: int
) -> None:
    there = Phone(webapp.create_app(replace(application, sms_arrives=arrives)), clock).browser
    there.sign_in("finance")
    page = there.get(ACCOUNT).text
    assert (f'href="{ACCOUNT}/sms"' in page) is arrives
    assert ("هنوز به سامانهٔ پیامک وصل نیست" in page) is not arrives
    assert there.get(f"{ACCOUNT}/sms").status_code == status


@pytest.mark.parametrize(("mode", "arrives"), [("demo", True), ("staging", False), ("production", False)])
def test_messages_on_screen_reach_nobody_but_in_a_demo(settings: Settings, mode: str, arrives: bool) -> None:
    application = kartabl.build(settings.model_copy(update={"mode": mode}))
    assert application.sms_arrives is arrives
    application.database.dispose()


def test_after_a_recovery_code_one_knows_how_many_are_left(phone: Phone, app: Any) -> None:
    phone.enrols()
    again = Browser(app.test_client())
    again.sign_in("finance")
    wrong = again.post("/sign-in/second?with=recovery", code="aaaaa-aaaaa")
    assert "وارد نشدید. این موارد را اصلاح کنید" in wrong.text
    assert "چیزی ثبت نشد" not in wrong.text
    entered = again.post("/sign-in/second?with=recovery", code=phone.recovery[0])
    assert entered.status_code == 303
    page = again.get("/worklist").text
    assert "۹ کد بازیابی دیگر دارید" in page
    assert f'<a href="{ACCOUNT}">' in page


def demand(application: Any, role: str) -> None:
    with application.engine.transaction() as session:
        session.execute(update(Role).where(Role.key == role).values(second_factor=True))


def person_id(application: Any, username: str = "finance") -> int:
    with application.engine.transaction() as session:
        return int(session.scalars(select(Person.id).where(Person.username == username)).one())


def titles(application: Any) -> list[str]:
    """The titles of the person's messages, in order."""
    with application.engine.transaction() as session:
        own = select(Message.title).where(Message.person_id == person_id(application)).order_by(Message.id)
        return list(session.scalars(own))


# Signing in


@pytest.mark.both_databases("story")
def test_after_the_password_the_code_is_asked_for(phone: Phone, app: Any, application: Any) -> None:
    phone.enrols()
    again = Browser(app.test_client())
    answer = again.sign_in("finance", next="/cases")
    assert answer.location == "/sign-in/second?next=%2Fcases"
    assert again.get("/worklist").location.startswith("/sign-in?next=")
    assert again.get("/sign-in?next=/worklist").location == "/sign-in/second?next=%2Fworklist"
    wrong = again.post("/sign-in/second", code="000000" if phone.code() != "000000" else "111111")
    assert wrong.status_code == 422
    assert "کد درست نیست" in wrong.text
    assert again.post("/sign-in/second?next=/cases", code=phone.code()).location == "/cases"
    assert again.get("/worklist").status_code == 200
    by_step = {"by": "browser", "step": "totp"}
    assert audited.told(application, events.SIGNED_IN, events.PASSWORD_ONLY, events.SIGN_IN_FAILED) == [
        (events.SIGNED_IN, "finance", "finance", {"by": "browser"}),  # before enrolling
        (events.PASSWORD_ONLY, "", "finance", by_step),
        (events.SIGN_IN_FAILED, "", "finance", by_step),
        (events.SIGNED_IN, "finance", "finance", by_step),
    ]


@pytest.mark.rule("ACC-6")
def test_a_browser_is_known_only_after_the_second_step(phone: Phone, app: Any, application: Any) -> None:
    """Who has the password alone gets no counters of the owner's, and the owner reads of the device once it is in."""
    phone.enrols()
    again = Browser(app.test_client())
    again.client.environ_base["HTTP_USER_AGENT"] = "Firefox Windows"
    again.sign_in("finance")
    assert again.client.get_cookie("kartabl-device") is None
    assert titles(application) == [TURNED_ON]
    again.post("/sign-in/second", code=phone.code())
    kept = again.client.get_cookie("kartabl-device")
    assert kept is not None
    assert titles(application) == [TURNED_ON, "با حساب شما از دستگاه جدیدی وارد شدند"]
    assert "Firefox" in again.get("/account/sessions").text
    with application.engine.transaction() as session:
        assert devices.known(session, "finance", kept.value) is not None


def test_turning_it_on_and_off_is_told_to_the_person(phone: Phone, application: Any) -> None:
    phone.enrols()
    phone.browser.post(f"{ACCOUNT}/off", on=ACCOUNT)
    assert titles(application) == [TURNED_ON, "ورود دومرحله‌ای حساب شما غیرفعال شد"]


def test_with_a_recovery_code(phone: Phone, app: Any) -> None:
    phone.enrols()
    for expected in (303, 422):
        again = Browser(app.test_client())
        again.sign_in("finance")
        assert again.post("/sign-in/second?with=recovery", code=phone.recovery[0]).status_code == expected
    assert "۹" in phone.browser.get(ACCOUNT).text


def test_who_is_at_the_second_step_can_go_back(phone: Phone, app: Any) -> None:
    phone.enrols()
    again = Browser(app.test_client())
    again.sign_in("finance")
    assert again.post("/sign-out", on="/sign-in/second").location == "/sign-in"
    assert again.get("/sign-in").status_code == 200
    assert again.get("/sign-in/second").location == "/sign-in?next=%2F"


def test_the_second_step_leads_to_no_other_site(phone: Phone, app: Any) -> None:
    phone.enrols()
    again = Browser(app.test_client())
    again.sign_in("finance")
    assert again.post("/sign-in/second?next=//evil.example/", code=phone.code()).location == "/"


@pytest.mark.rule("ACC-3")
def test_a_recovered_password_leaves_the_second_step(phone: Phone, app: Any, application: Any) -> None:
    phone.enrols()
    again = Browser(app.test_client())
    again.post("/forgot", username="finance")
    new_password = "a-long-way-to-walk-7"
    assert again.post("/reset", code=sms_code(application), password=new_password).status_code == 303
    assert again.get("/worklist").location.startswith("/sign-in?next=")
    assert again.post("/sign-in/second", code=phone.code()).status_code == 303
    assert again.get("/worklist").status_code == 200


@pytest.mark.rule("ACC-2")
def test_with_an_sms(phone: Phone, app: Any, application: Any) -> None:
    sent = phone.browser.post(f"{ACCOUNT}/sms", _action="resend")
    assert sent.location == f"{ACCOUNT}/sms"
    phone.keeps(phone.browser.post(f"{ACCOUNT}/sms", code=sms_code(application)))
    phone.clock.advance(MINUTE)
    again = Browser(app.test_client())
    again.sign_in("finance")
    assert "۶۷۸۹" in again.get("/sign-in/second").text
    assert again.post("/sign-in/second", _action="resend").status_code == 429
    phone.clock.advance(MINUTE)
    assert again.post("/sign-in/second", _action="resend").status_code == 303
    assert again.post("/sign-in/second", code=sms_code(application)).status_code == 303
    assert audited.told(application, events.SECOND_FACTOR_ENROLLED) == [
        (events.SECOND_FACTOR_ENROLLED, "finance", "finance", {"kind": "sms"})
    ]
    assert audited.told(application, events.SIGNED_IN)[-1][3] == {"by": "browser", "step": "sms"}


# The account's page


def test_enrolling_signs_out_elsewhere_and_shows_the_codes_once(phone: Phone, app: Any, application: Any) -> None:
    elsewhere = Browser(app.test_client())
    elsewhere.sign_in("finance")
    page = phone.browser.get(f"{ACCOUNT}/app")
    assert "data:image/svg+xml" in page.text
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]
    assert phone.browser.get(f"{ACCOUNT}/app").text.count(re.findall("[A-Z2-7]{4} [A-Z2-7 ]+", page.text)[0]) == 1
    phone.enrols()
    assert elsewhere.get("/worklist").location.startswith("/sign-in")
    assert phone.recovery[0] not in phone.browser.get(ACCOUNT).text
    fresh = phone.browser.post(f"{ACCOUNT}/recovery-codes", on=ACCOUNT)
    assert fresh.status_code == 200
    assert phone.recovery[0] not in fresh.text
    assert audited.told(application, events.SECOND_FACTOR_ENROLLED, events.RECOVERY_CODES_MADE) == [
        (events.SECOND_FACTOR_ENROLLED, "finance", "finance", {"kind": "totp"}),
        (events.RECOVERY_CODES_MADE, "finance", "finance", None),
    ]


def test_it_is_turned_off_unless_a_role_demands_it(phone: Phone, application: Any) -> None:
    phone.enrols()
    demand(application, "finance")
    assert "غیرفعال کردن" not in phone.browser.get(ACCOUNT).text
    assert phone.browser.post(f"{ACCOUNT}/off", on=ACCOUNT).status_code == 422
    with application.engine.transaction() as session:
        session.execute(update(Role).where(Role.key == "finance").values(second_factor=False))
    assert phone.browser.post(f"{ACCOUNT}/off", on=ACCOUNT).status_code == 303
    removed = (events.SECOND_FACTOR_REMOVED, "finance", "finance", None)
    assert audited.told(application, events.SECOND_FACTOR_REMOVED) == [removed]
    phone.browser.post("/sign-out", on=ACCOUNT)
    assert phone.browser.sign_in("finance").location == "/"


@pytest.mark.both_databases("story")
def test_whose_role_demands_it_enrols_before_anything_else(phone: Phone, application: Any) -> None:
    demand(application, "finance")
    for path in ("/", "/worklist", "/cases", "/messages", "/password"):
        assert phone.browser.get(path).location == ACCOUNT
    assert "الزامی" in phone.browser.get(ACCOUNT).text
    phone.enrols()
    assert phone.browser.get("/worklist").status_code == 200


def test_an_admin_says_for_which_roles_it_is_compulsory(admin: Browser, application: Any, phone: Phone) -> None:
    for role in ("finance", "admin"):
        page = admin.get(f"/organisation/roles/{role}").text
        names = re.findall(r'name="(name_fa|name_en)"[^>]*value="([^"]*)"', page)
        assert admin.post(f"/organisation/roles/{role}", second_factor="y", **dict(names)).status_code == 303
    assert admin.get("/people").location == ACCOUNT  # the admin, too
    assert phone.browser.get("/worklist").location == ACCOUNT


# Losing it


@pytest.mark.both_databases("story")
def test_an_admin_removes_it_and_the_person_is_told(phone: Phone, admin: Browser, application: Any, app: Any) -> None:
    phone.enrols()
    place = f"/people/{person_id(application)}"
    assert "برنامهٔ تولید کد" in admin.get(place).text
    assert admin.post(f"{place}/second-factor", on=place).status_code == 303
    assert phone.browser.get("/worklist").location.startswith("/sign-in")
    again = Browser(app.test_client())
    assert again.sign_in("finance").location == "/"
    with application.engine.transaction() as session:
        told = session.scalars(select(Message.body)).all()
    assert sum("ورود دومرحله‌ای حساب شما را حذف کرد" in text for text in told) == 1
    assert admin.post(f"{place}/second-factor", on=place).status_code == 422


def test_an_admin_does_not_remove_their_own_there(admin: Browser, application: Any) -> None:
    place = f"/people/{person_id(application, 'admin')}"
    assert admin.post(f"{place}/second-factor", on=place).status_code == 422


# The API


def call(client: Any, **given: str) -> Any:
    return client.post("/api/v1/token", json={"username": "finance", "password": PASSWORD} | given)


@pytest.mark.both_databases("story")
def test_a_token_takes_the_code_in_the_same_call(phone: Phone, client: Any, application: Any) -> None:
    phone.enrols()
    answer = call(client)
    assert (answer.status_code, answer.json["code"]) == (401, "second_factor_required")
    told = (events.PASSWORD_ONLY, "", "finance", {"by": "api", "step": "totp"})
    assert audited.told(application, events.PASSWORD_ONLY) == [told]
    wrong = call(client, otp="000000" if phone.code() != "000000" else "111111")
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["otp"])
    token = call(client, otp=phone.code()).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/tasks", headers=headers).status_code == 200
    assert call(client, otp=phone.code()).status_code == 422  # each code once
    assert call(client, otp=phone.recovery[3]).status_code == 200


def test_a_token_by_sms(phone: Phone, client: Any, application: Any) -> None:
    phone.browser.post(f"{ACCOUNT}/sms", _action="resend")
    phone.browser.post(f"{ACCOUNT}/sms", code=sms_code(application))
    phone.clock.advance(MINUTE)
    before = sms_code(application)
    assert call(client).status_code == 401
    assert sms_code(application) != before
    assert call(client, otp=sms_code(application)).status_code == 200


def test_a_token_of_a_demanding_role_does_nothing_until_its_person_enrols(
    phone: Phone, client: Any, application: Any
) -> None:
    headers = {"Authorization": f"Bearer {call(client).json['access_token']}"}
    demand(application, "finance")
    for answer in (client.get("/api/v1/tasks", headers=headers), call(client)):
        assert (answer.status_code, answer.json["code"]) == (403, "must_enrol_second_factor")
    phone.enrols()
    assert client.get("/api/v1/tasks", headers=headers).status_code == 401  # given without a second factor
    assert call(client, otp=phone.code()).status_code == 200


# Another secret key


def test_with_another_secret_key_recovery_codes_still_work(phone: Phone, application: Any, app: Any) -> None:
    phone.enrols()
    with application.engine.transaction() as session:
        session.get_one(SecondFactor, person_id(application)).secret = "sealed-with-another-key"
    again = Browser(app.test_client())
    again.sign_in("finance")
    assert again.post("/sign-in/second", code=phone.code()).status_code == 422
    assert again.post("/sign-in/second?with=recovery", code=phone.recovery[0]).status_code == 303
