"""Which acts ask for the password again: every act of the product is in one of these lists, and what asking does."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from models.account import Person, RoleGrant
from models.outbox import Sms
from tests.play import PASSWORD
from tests.web.test_accounts import Browser

DANGEROUS = {
    # accounts and rights
    "people.new",
    "people.grant",
    "leaving.revoke",
    "leaving.lock",
    "leaving.move",
    "people.unlock",
    "people.reset_password",
    "people.reset_second_factor",
    "openid.index",
    "openid.remove",
    "openid.new_accounts",
    "person_openid.link",
    "person_openid.unlink",
    "organisation.new_role",
    "organisation.role",
    "organisation.deactivate_role",
    "organisation.activate_role",
    # what every case goes by
    "calendar.day",
    "calendar.settings",
    "office_rules.edit",
    "processes.switch",
    # who did what, as a file
    "audit.export",
    # one's own account
    "accounts.enrol_app",
    "accounts.enrol_sms",
    "accounts.new_recovery_codes",
    "accounts.turn_off_second_factor",
}
HARMLESS = {
    # nobody is signed in yet, or they sign out
    "accounts.sign_in": "asks for the password itself",
    "accounts.second_step": "asks for the second factor itself",
    "accounts.sign_out": "takes rights and gives none",
    "accounts.register": "nobody is signed in",
    "accounts.verify_code": "nobody is signed in",
    "accounts.forgot": "nobody is signed in",
    "accounts.reset": "nobody is signed in",
    "accounts.change_password": "asks for the password itself",
    "accounts.new_openid_account": "nobody is signed in",
    "accounts.own_openid": "asks for the password itself",
    "accounts.end_own_session": "takes rights and gives none",
    "accounts.end_other_sessions": "takes rights and gives none",
    "people.end_sessions": "takes rights and gives none",
    "accounts.unlink_own_openid": "takes a way in and gives none",
    "preferences.choose_language": "a taste",
    # work on cases: many times a day, each in the case's history
    "tasks.submit": "daily work",
    "tasks.claim": "daily work",
    "tasks.release": "daily work",
    "documents.upload": "daily work",
    "starting.start": "daily work",
    "sheets.submit": "a person's own sheet",
    "notices.send": "everybody sees who has sent it",
    "payments.come_back": "a browser that comes from the bank; verified there",
    "payments.decide": "the built-in gateway of demonstrations",
    # supervisors: undone by the opposite act, each in the case's history
    "monitor.suspend": "can be undone",
    "monitor.resume": "can be undone",
    "monitor.cancel": "asks for a reason, and is in the history",
    "monitor.reassign": "can be undone",
    "monitor.retry": "does what was to be done anyway",
    "monitor.advance_clock": "demonstrations only",
    # names of units and districts
    "organisation.new_division": "gives nobody a right",
    "organisation.division": "gives nobody a right",
    "organisation.deactivate_division": "refused while it is in use",
    "organisation.activate_division": "gives nobody a right",
}
SAFE = {"GET", "HEAD", "OPTIONS"}
HOUR = timedelta(hours=1)


@pytest.fixture
def admin(app: Flask, people: Any, clock: Any) -> Browser:
    """Signed in so long ago that they have to confirm."""
    people.add("admin", "admin", mobile="09123456789")
    browser = Browser(app.test_client())
    browser.sign_in("admin")
    for _n in range(3):
        clock.advance(timedelta(minutes=10))
        browser.get("/worklist")
    return browser


@pytest.fixture
def finance(people: Any) -> int:
    return int(people.add("finance", "finance").id)


def test_every_act_is_dangerous_or_listed_as_not(app: Flask) -> None:
    acts = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - SAFE and not rule.endpoint.startswith("api.")
    }
    declared = {name for name in acts if getattr(app.view_functions[name], "dangerous", False)}
    assert declared == DANGEROUS
    assert acts - declared == set(HARMLESS)


def test_the_api_has_no_dangerous_act(app: Flask) -> None:
    """Who adds one asks there for a fresh token; see docs/decisions."""
    acts = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - SAFE
        if rule.endpoint.startswith("api.")
    }
    assert {re.sub("<[^>]+>", "…", act) for act in acts} == {
        "POST /api/v1/token",
        "DELETE /api/v1/token",
        "POST /api/v1/cases",
        "POST /api/v1/documents",
        "PUT /api/v1/tasks/…/draft",
        "POST /api/v1/tasks/…/claim",
        "POST /api/v1/tasks/…/release",
        "POST /api/v1/tasks/…/complete",
    }


def granted(application: Any, person_id: int) -> set[str]:
    with application.engine.transaction() as session:
        return set(session.scalars(select(RoleGrant.role).where(RoleGrant.person_id == person_id)))


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


@pytest.mark.both_databases("story")
def test_the_password_is_asked_for_and_what_was_typed_goes_along(
    admin: Browser, finance: int, application: Any
) -> None:
    place = f"/people/{finance}"
    asked = admin.post(f"{place}/roles", on=place, role="department_staff", unit="information_technology")
    assert asked.status_code == 403
    assert granted(application, finance) == {"finance"}
    sent = hidden(asked.text)
    assert sent["role"] == "department_staff"
    wrong = admin.client.post(f"{place}/roles", data=sent | {"confirm_password": "wrong-one"})
    assert wrong.status_code == 422
    assert granted(application, finance) == {"finance"}
    assert hidden(wrong.text)["unit"] == "information_technology"
    done = admin.client.post(f"{place}/roles", data=sent | {"confirm_password": PASSWORD})
    assert done.location == place
    assert granted(application, finance) == {"finance", "department_staff"}
    assert admin.post(f"{place}/lock", on=place).status_code == 303  # for some minutes it is not asked again


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_audit_log_leaves_only_after_the_password(admin: Browser, kind: str) -> None:
    place = f"/audit.{kind}?event=signed_in"
    assert admin.get(place).status_code == 405, "no link and no other site takes it"
    asked = admin.post(place, on="/audit")
    assert asked.status_code == 403
    assert "Content-Disposition" not in asked.headers
    assert f'action="{place}"' in asked.text, "the filters go along"
    wrong = admin.client.post(place, data=hidden(asked.text) | {"confirm_password": "wrong-one"})
    assert wrong.status_code == 422
    given = admin.client.post(place, data=hidden(asked.text) | {"confirm_password": PASSWORD})
    assert given.headers["Content-Disposition"].startswith("attachment")


def test_every_line_of_a_text_and_every_choice_goes_along(admin: Browser, application: Any) -> None:
    values = {
        "key": "surveyor",
        "name_fa": 'نقشه‌بردار "ارشد" & <همکار>',
        "name_en": "Surveyor",
        "granted_by": ["finance", "president"],
        "second_factor": "y",
    }
    token = re.findall(r'name="csrf_token" value="([^"]+)"', admin.get("/organisation/roles/new").text)[0]
    asked = admin.client.post("/organisation/roles/new", data=values | {"csrf_token": token})
    assert asked.status_code == 403
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.text)
    sent: dict[str, Any] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(html.unescape(value))
    assert admin.client.post("/organisation/roles/new", data=sent | {"confirm_password": PASSWORD}).status_code == 303
    page = admin.get("/organisation/roles/surveyor").text
    assert html.escape(values["name_fa"]) in page or "&#34;ارشد&#34;" in page
    assert page.count("checked") == 3


def test_guesses_at_an_open_browser_are_stopped(admin: Browser, finance: int, clock: Any) -> None:
    place = f"/people/{finance}"
    sent = hidden(admin.post(f"{place}/lock", on=place).text)
    answers = [admin.client.post(f"{place}/lock", data=sent | {"confirm_password": "wrong-one"}) for _n in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    stopped = admin.client.post(f"{place}/lock", data=sent | {"confirm_password": PASSWORD})
    assert stopped.status_code == 429
    clock.advance(timedelta(minutes=15))
    assert admin.client.post(f"{place}/lock", data=sent | {"confirm_password": PASSWORD}).status_code == 303


def test_a_forged_form_confirms_nothing(admin: Browser, finance: int) -> None:
    answer = admin.client.post(f"/people/{finance}/lock", data={"confirm_password": PASSWORD})
    assert answer.status_code == 400


def test_the_second_factor_confirms_too(admin: Browser, finance: int, application: Any, clock: Any) -> None:
    factors = application.second_factors
    with application.engine.transaction() as session:
        person = session.scalars(select(Person).where(Person.username == "admin")).one()
        offer = factors.offer(person.id)
        totp = pyotp.TOTP(factors.offered_secret(person.id, offer))
        now = clock.now
        factors.enrol_app(session, person, offer, totp.generate_otp(totp.timecode(now)), address="", now=now)
    clock.advance(timedelta(minutes=1))
    place = f"/people/{finance}"
    asked = admin.post(f"{place}/lock", on=place)
    assert "confirm_code" in asked.text
    code = totp.generate_otp(totp.timecode(clock.now))
    assert admin.client.post(f"{place}/lock", data=hidden(asked.text) | {"confirm_code": code}).status_code == 303


def test_a_code_by_sms_confirms_too(admin: Browser, finance: int, application: Any, clock: Any) -> None:
    factors = application.second_factors

    def newest() -> str:
        with application.engine.transaction() as session:
            text = session.scalars(select(Sms.text).order_by(Sms.id.desc())).first() or ""
            return re.findall(r"\b\d{6}\b", text)[0]

    for step in (
        lambda session, person: factors.send_code(session, person, address="", now=clock.now),
        lambda session, person: factors.enrol_sms(session, person, newest(), address="", now=clock.now),
    ):
        with application.engine.transaction() as session:
            step(session, session.scalars(select(Person).where(Person.username == "admin")).one())
    clock.advance(timedelta(minutes=2))
    place = f"/people/{finance}"
    before = newest()
    asked = admin.post(f"{place}/lock", on=place)
    sent = admin.client.post(
        f"{place}/lock", data=hidden(asked.text) | {"_confirm": "sms", "confirm_password": "", "confirm_code": ""}
    )
    assert sent.status_code == 403
    assert newest() != before
    assert admin.client.post(f"{place}/lock", data=hidden(sent.text) | {"confirm_code": newest()}).status_code == 303


@pytest.mark.parametrize("path", ["/people/new", "/calendar/settings", "/office/rules", "/account/second-factor/app"])
def test_looking_is_not_asked_for(admin: Browser, path: str) -> None:
    assert admin.get(path).status_code == 200
