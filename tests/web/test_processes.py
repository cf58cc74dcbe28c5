"""The admin's page of processes, and what everybody sees of a process that is switched off."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

import kartabl
from engine.actor import SYSTEM
from tests.web.api_client import Api, code_of
from tests.web.test_pages import Browser, send, started

PAGE = "/office/processes"


@pytest.fixture
def admin(signed_in: Any) -> FlaskClient:
    browser: FlaskClient = signed_in("admin", "admin", first_name="بیتا", last_name="مقدم")
    return browser


def switch(browser: FlaskClient, key: str, offered: str) -> Any:
    return send(browser, f"{PAGE}/{key}", offered=offered)


def row(page: str, key: str) -> str:
    """The part of the page about one process."""
    return page.partition(f'id="process-{key}"')[2].partition("</tr>")[0]


def test_the_page_names_every_process_with_what_switching_would_do(admin: FlaskClient) -> None:
    page = admin.get(PAGE).text
    ticket = row(page, "ticket")
    assert "فعال" in ticket and "غیرفعال شود؟ پروندهٔ جدیدی شروع نمی‌شود." in ticket
    assert "لازم برای" in row(page, "payment") and "<form" not in row(page, "payment")
    assert "فرا می‌خواند" in row(page, "project_registration")
    assert f'href="{PAGE}"' in admin.get("/worklist").text
    assert "هنوز کسی چیزی را تغییر نداده است" in page


def test_a_change_is_confirmed_with_the_running_cases_and_listed_with_who(
    admin: FlaskClient, signed_in: Browser
) -> None:
    started(signed_in("contractor"))
    asked = row(admin.get(PAGE).text, "project_registration")
    assert "۱ پروندهٔ در جریان تا پایان ادامه دارد" in asked
    answer = switch(admin, "project_registration", "no")
    assert (answer.status_code, answer.location) == (303, PAGE)
    page = admin.get(PAGE).text
    assert "غیرفعال" in row(page, "project_registration") and "بیتا مقدم" in row(page, "project_registration")
    history = page.partition('class="timeline"')[2]
    assert "غیرفعال شد" in history and "بیتا مقدم" in history
    assert send(admin, f"{PAGE}/nothing", offered="yes").status_code == 404


def test_a_request_that_does_not_say_what_it_switches_changes_nothing(admin: FlaskClient) -> None:
    for sent in ({}, {"offered": ""}, {"offered": "maybe"}, {"offered": "YES"}):
        assert send(admin, f"{PAGE}/ticket", **sent).status_code == 422, sent
    page = admin.get(PAGE).text
    assert "غیرفعال شود؟" in row(page, "ticket") and "هنوز کسی چیزی را تغییر نداده است" in page


@pytest.mark.parametrize("offered", ["yes", "no"])
def test_what_only_follows_from_other_cases_is_not_switched(admin: FlaskClient, offered: str) -> None:
    refused = switch(admin, "payment", offered)
    assert refused.status_code == 422 and "فقط در پی پرونده‌های دیگر شروع می‌شود" in refused.text
    assert "هنوز کسی چیزی را تغییر نداده است" in admin.get(PAGE).text


def test_a_switch_that_changes_nothing_says_so(admin: FlaskClient) -> None:
    switch(admin, "ticket", "no")
    assert "فرایند غیرفعال شد" in admin.get(PAGE).text
    switch(admin, "ticket", "no")
    page = admin.get(PAGE).text
    assert "فرایند از پیش غیرفعال بود." in page and "فرایند غیرفعال شد" not in page
    switch(admin, "ticket", "yes")
    admin.get(PAGE)
    switch(admin, "ticket", "yes")
    page = admin.get(PAGE).text
    assert "فرایند از پیش فعال بود." in page and "فرایند فعال شد؛" not in page


def test_people_see_no_way_to_start_it_and_go_on_with_what_runs(admin: FlaskClient, signed_in: Browser) -> None:
    contractor = signed_in("contractor")
    address = started(contractor)
    switch(admin, "project_registration", "no")
    assert "/start/project_registration" not in contractor.get("/worklist").text
    refused = contractor.get("/start/project_registration")
    assert refused.status_code == 403
    assert "این فرایند فعال نیست" in refused.text and "پرونده‌های در جریان آن ادامه دارند" in refused.text
    assert send(contractor, "/start/project_registration").status_code == 403
    assert contractor.get(address).status_code == 200
    assert send(contractor, address, source="new").status_code == 303
    assert signed_in("citizen").get("/start/project_registration").status_code == 404
    switch(admin, "project_registration", "yes")
    assert "/start/project_registration" in contractor.get("/worklist").text


def test_its_lists_leave_the_pages_while_it_has_no_cases(
    admin: FlaskClient, signed_in: Browser, application: kartabl.Application
) -> None:
    inspector = signed_in("inspector")
    citizen = signed_in("citizen")
    assert "/lists/tickets" in citizen.get("/worklist").text
    application.engine.offers.undecided = False  # as in production, and what only follows cannot be switched
    for key in ("ticket", "project_registration"):
        switch(admin, key, "no")
    page = citizen.get("/worklist").text
    assert "/lists/tickets" not in page and "درخواست‌های من" not in page
    page = inspector.get("/worklist").text
    assert "/lists/" not in page and "/weeks/" not in page and "/sheets/" not in page
    for key in ("ticket", "project_registration"):
        switch(admin, key, "yes")
    assert "/lists/tickets" in citizen.get("/worklist").text
    page = inspector.get("/worklist").text
    assert "/lists/" in page and "/weeks/" in page and "/sheets/" in page


def test_programs_get_a_code_of_its_own(client: Any, people: Any, application: kartabl.Application) -> None:
    people.add("contractor", "contractor")
    api = Api.signed_in(client, "contractor")
    assert {one["key"]: one["offered"] for one in api.get("/processes").json}["project_registration"] is True  # type: ignore[union-attr]
    begun: Any = api.post("/cases", {"process": "project_registration"})
    assert begun.status_code == 201
    engine = application.engine
    with application.engine.transaction() as session:
        for key in ("project_registration", "ticket"):
            engine.offers.switch(session, key, False, by=SYSTEM, now=application.clock())
    listed = {one["key"]: (one["offered"], one["may_start"]) for one in api.get("/processes").json}  # type: ignore[union-attr]
    assert listed["project_registration"] == (False, False), "it has a case"
    assert "ticket" not in listed
    assert code_of(api.post("/cases", {"process": "project_registration"})) == (403, "process_not_offered")
    assert code_of(api.post("/cases", {"process": "certificate_revocation"})) == (404, "not_found")
    assert "tickets" not in [one["key"] for one in api.get("/lists").json]  # type: ignore[union-attr]
