"""The admin's pages of roles and divisions: adding, changing, what is in use, and where the new names are seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event, select

from models.account import Person, RoleGrant
from tests.play import Play
from tests.scenarios import tickets
from tests.web.test_accounts import Browser

SURVEYOR = {"key": "surveyor", "name_fa": "نقشه‌بردار", "name_en": "Surveyor"}


@pytest.fixture
def admin(app: Any, people: Any) -> Browser:
    people.add("admin", "admin", first_name="بیتا", last_name="مقدم")
    browser = Browser(app.test_client())
    assert browser.sign_in("admin").status_code == 303
    return browser


def person_id(application: Any, username: str) -> int:
    with application.engine.transaction() as session:
        return session.scalars(select(Person.id).where(Person.username == username)).one()


@pytest.mark.both_databases("story")
def test_an_admin_adds_a_role_and_a_region_and_gives_them_to_a_person(admin, app, people, application):
    people.add("clerk", "finance")
    added = admin.post("/organisation/region/new", key="north", name_fa="ناحیهٔ شمال", name_en="North")
    assert (added.status_code, added.location) == (303, "/organisation/region")
    added = admin.post("/organisation/roles/new", **SURVEYOR, divided_by="region", permissions="send_messages")
    assert (added.status_code, added.location) == (303, "/organisation/roles/surveyor")
    assert "اکنون آن را در صفحهٔ کاربران به افراد بدهید" in admin.get(added.location).text

    place = f"/people/{person_id(application, 'clerk')}"
    assert "ناحیهٔ شمال" in admin.get(place).text
    refused = admin.post(f"{place}/roles", on=place, role="surveyor")
    assert refused.status_code == 422
    assert "ناحیه این نقش را انتخاب کنید" in refused.text
    assert admin.post(f"{place}/roles", on=place, role="surveyor", region="north").status_code == 303
    assert "نقشه‌بردار: ناحیهٔ شمال" in admin.get(place).text
    assert "نقشه‌بردار" in admin.get("/people?role=surveyor&scope=north").text

    clerk = Browser(app.test_client())
    clerk.sign_in("clerk")
    assert clerk.get("/messages/send").status_code == 200
    assert "نقشه‌بردار: ناحیهٔ شمال" in clerk.get("/worklist").text
    clerk.post("/language/en", on="/worklist", next="/worklist")
    assert "Surveyor: North" in clerk.get("/worklist").text

    changes = admin.get("/organisation/changes").text
    for words in ("نقش «نقشه‌بردار» افزوده شد", "ناحیه «ناحیهٔ شمال» افزوده شد", "به clerk داده شد", "بیتا مقدم"):
        assert words in changes


def test_a_district_is_added_by_its_number(admin):
    assert "شمارهٔ آن، مانند ۱۱" in admin.get("/organisation/district/new").text
    for key in ("north", "0", "011", "12345"):
        refused = admin.post("/organisation/district/new", key=key, name_fa="منطقهٔ کوار", name_en="Kavar")
        assert refused.status_code == 422 and "شناسهٔ این بخش شمارهٔ آن است" in refused.text
    added = admin.post("/organisation/district/new", key="۱۱", name_fa="منطقهٔ کوار", name_en="Kavar")
    assert added.status_code == 303
    assert "منطقهٔ کوار" in admin.get("/organisation/district/11").text


def test_a_form_that_is_refused_keeps_what_was_typed(admin):
    for path, typed in (
        ("/organisation/roles/new", SURVEYOR | {"key": "finance", "divided_by": "unit", "granted_by": "gas_office"}),
        ("/organisation/unit/new", {"key": "finance", "name_fa": "واحد دیگر", "name_en": "Other"}),
    ):
        answer = admin.post(path, **typed)
        assert answer.status_code == 422
        assert "این شناسه را نقش یا بخش دیگری دارد" in answer.text
        for value in (typed["key"], typed["name_fa"], typed["name_en"]):
            assert f'value="{value}"' in answer.text
    refused = admin.post("/organisation/roles/finance", name_fa="بازرس گاز", name_en="Finance office")
    assert refused.status_code == 422
    assert 'value="Finance office"' in refused.text


def test_a_changed_name_is_seen_everywhere_and_the_change_says_what_was_before(admin, people):
    people.add("clerk", "finance")
    given = {"name_fa": "امور مالی", "name_en": "Accounts", "granted_by": "gas_office"}
    assert admin.post("/organisation/roles/finance", **given).status_code == 303
    page = admin.get("/organisation/roles/finance").text
    assert "نام فارسی: از «مالی» به «امور مالی»" in page
    assert "از «—» به «امور گاز سازمان»" in page
    assert "امور مالی" in admin.get("/people").text
    assert admin.post("/organisation/unit/surveying", name_fa="نقشه", name_en="Maps").status_code == 303
    assert "نام انگلیسی: از «Surveying» به «Maps»" in admin.get("/organisation/unit/surveying").text


@pytest.mark.both_databases("story")
def test_what_is_in_use_is_refused_and_the_page_says_by_what(admin, play: Play):
    tickets.staff(play)
    tickets.asks(play)
    page = "/organisation/roles/department_staff"
    refused = admin.post(f"{page}/deactivate", on=page)
    assert refused.status_code == 422
    for words in (
        "در حال استفاده است و غیرفعال نشد",
        "عضو دارد",
        "کار باز",
        "/people?role=department_staff",
        "«مکاتبه",
    ):
        assert words in refused.text
    page = "/organisation/unit/information_technology"
    refused = admin.post(f"{page}/deactivate", on=page)
    assert refused.status_code == 422
    assert "/people?role=department_staff&amp;scope=information_technology" in refused.text


def test_what_is_not_in_use_goes_out_of_use_and_comes_back(admin, application):
    admin.post("/organisation/roles/new", **SURVEYOR)
    for page in ("/organisation/roles/surveyor", "/organisation/district/10"):
        assert admin.post(f"{page}/deactivate", on=page).status_code == 303
        assert "غیرفعال شد" in admin.get(page).text
        assert admin.post(f"{page}/activate", on=page).status_code == 303
        assert "فعال شد" in admin.get(page).text
    page = "/organisation/roles/surveyor"
    admin.post(f"{page}/deactivate", on=page)
    assert 'value="surveyor"' not in admin.get("/people/new").text


def test_the_systems_own_roles_have_names_only(admin):
    page = admin.get("/organisation/roles/admin").text
    assert "این نقش از خود سامانه است" in page
    assert 'name="divided_by"' not in page
    assert "/organisation/roles/admin/deactivate" not in page
    assert admin.post("/organisation/roles/admin", name_fa="راهبر", name_en="Operator").status_code == 303


@pytest.mark.parametrize(
    "path",
    ["/organisation/planet", "/organisation/planet/new", "/organisation/unit/mars", "/organisation/roles/nobody"],
)
def test_what_is_not_there_is_not_found(admin, path):
    assert admin.get(path).status_code == 404


def test_whom_a_role_names_gives_it_on_the_persons_page_and_nothing_else(admin, app, people, application):
    for username, role in (("office", "gas_office"), ("new-one", "citizen")):
        people.add(username, role)
    office = Browser(app.test_client())
    office.sign_in("office")
    place = f"/people/{person_id(application, 'new-one')}"
    assert office.get(place).status_code == 403
    admin.post("/organisation/roles/inspector", name_fa="بازرس گاز", name_en="Inspector", granted_by="gas_office")
    page = office.get(place).text
    assert "/people" in office.get("/worklist").text
    assert 'value="inspector"' in page
    for absent in ('value="finance"', f"{place}/lock", f"{place}/password", "حذف نقش"):
        assert absent not in page
    assert "/people/new" not in office.get("/people").text
    assert office.get("/people/new").status_code == 403
    assert office.post(f"{place}/roles", on=place, role="finance").status_code == 422
    assert office.post(f"{place}/roles", on=place, role="inspector").status_code == 303
    assert "حذف نقش" in office.get(place).text
    with application.engine.transaction() as session:
        held = session.scalars(
            select(RoleGrant.role).where(RoleGrant.person_id == person_id(application, "new-one"))
        ).all()
    assert set(held) == {"citizen", "inspector"}


def test_a_page_looks_the_organisation_up_once(admin, application):
    """However many roles and tasks it shows, and nothing more while nothing was changed."""
    admin.get("/worklist")
    asked: list[str] = []
    event.listen(application.database, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
    admin.get("/worklist")
    assert sum("organisation_revision" in one for one in asked) == 1
    assert not any(re.match(r"SELECT (roles|divisions)\.", one) for one in asked), "no table is read anew"


def seen(browser: Browser, page: str) -> str:
    """The version that a page was opened with."""
    return re.findall(r'name="seen" value="([^"]+)"', browser.get(page).text)[0]


def test_an_older_page_of_a_role_takes_nothing_away_that_was_changed_meanwhile(admin):
    page = "/organisation/roles/finance"
    older = seen(admin, page)
    given = {"name_fa": "مالی", "name_en": "Finance", "granted_by": "gas_office"}
    assert admin.post(page, **given, seen=older).status_code == 303
    typed = {"name_fa": "امور مالی", "name_en": "Finance"}
    refused = admin.post(page, **typed, seen=older)
    assert refused.status_code == 422
    for words in ("در این میان شخص دیگری این را تغییر داده است", "«مالی»", "«امور گاز سازمان»", 'value="امور مالی"'):
        assert words in refused.text
    assert admin.post(page, **given, seen=older).status_code == 303, "nothing is taken away by the same values"
    again = re.findall(r'name="seen" value="([^"]+)"', refused.text)[0]
    assert admin.post(page, **typed, seen=again).status_code == 303


def test_an_older_page_of_a_division_is_refused_with_its_present_name(admin):
    page = "/organisation/unit/surveying"
    older = seen(admin, page)
    assert admin.post(page, name_fa="نقشه", name_en="Maps", seen=older).status_code == 303
    refused = admin.post(page, name_fa="پیمایش", name_en="Maps", seen=older)
    assert refused.status_code == 422
    assert "نام فارسی: «نقشه»" in refused.text and 'value="پیمایش"' in refused.text


def test_a_name_with_a_number_is_saved_again_as_it_is_and_not_given_twice(admin):
    page = "/organisation/district/2"
    for typed in ("منطقهٔ ۲", "منطقهٔ 2"):
        assert admin.post(page, name_fa=typed, name_en="District 2").status_code == 303
        assert 'value="منطقهٔ ۲"' in admin.get(page).text
    assert "منطقهٔ ۲» تغییر کرد</" not in admin.get("/organisation/changes").text
    for typed in ("منطقهٔ ۱", "منطقهٔ 1"):
        refused = admin.post("/organisation/district/new", key="11", name_fa=typed, name_en="Another")
        assert refused.status_code == 422
        assert "این نام را نقش یا بخش دیگری دارد" in refused.text
    assert admin.post("/organisation/region/new", key="r", name_fa="ناحیهٔ 7", name_en="Region 7").status_code == 303
    assert "ناحیهٔ ۷" in admin.get("/organisation/region").text


def test_a_role_that_grants_another_stays_when_it_is_out_of_use(admin):
    admin.post("/organisation/roles/new", **SURVEYOR)
    page = "/organisation/roles/inspector"
    given = {"name_fa": "بازرس گاز", "name_en": "Inspector", "granted_by": "surveyor"}
    assert admin.post(page, **given).status_code == 303
    assert admin.post("/organisation/roles/surveyor/deactivate", on="/organisation/roles/surveyor").status_code == 303
    assert "نقشه‌بردار (غیرفعال)" in admin.get(page).text
    assert admin.post(page, **(given | {"name_en": "Gas inspector"})).status_code == 303
    assert "از «نقشه‌بردار» به" not in admin.get(page).text


def test_counts_in_errors_are_in_the_readers_digits_and_reserved_pairs_are_refused_at_their_field(admin, people):
    people.add("clerk", "finance")
    page = "/organisation/roles/finance"
    refused = admin.post(page, name_fa="مالی", name_en="Finance", divided_by="unit")
    assert refused.status_code == 422
    assert "۱ عضو دارد" in refused.text
    refused = admin.post("/organisation/roles/new", **SURVEYOR, divided_by="unit", on_registration="y")
    assert "نقش تقسیم‌شده هنگام ثبت‌نام داده نمی‌شود" in refused.text
    refused = admin.post("/organisation/roles/new", **(SURVEYOR | {"key": "payer"}))
    assert "این شناسه را نقش یا بخش دیگری دارد" in refused.text
