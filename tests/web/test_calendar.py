"""The admin's pages of the working calendar: looked at, foreseen, saved, refused (CAL-1, CAL-4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

import kartabl
from models.account import Message
from models.case import Task, TaskStatus
from models.jalali import jalali_text
from models.working_calendar import ONLY, CalendarChange, CalendarDay, CalendarSettings
from tests.play import Play
from tests.scenarios import gas_office as office

pytestmark = pytest.mark.rule("CAL-1")

SUNDAY = "/calendar/days/2026-11-22"  # 1405/09/01, the day after the clock of these tests
STRUCK = {"action": "holiday", "name": "تعطیلی به سبب برف", "reason": "مصوبهٔ استانداری"}


@pytest.fixture
def admin(signed_in: Any) -> FlaskClient:
    browser: FlaskClient = signed_in("admin", "admin")
    return browser


@pytest.fixture
def waiting(play: Play) -> Play:
    """A project that waits for the gas office until Sunday, 1405/09/01, at ten."""
    return office.paid(play, region=5, renovation_code="5-1-1-1")


def post(browser: FlaskClient, path: str, **values: Any) -> Any:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/calendar/settings").text)
    assert token is not None
    return browser.post(path, data={"csrf_token": token[1], **values})


def hidden(page: str) -> dict[str, str]:
    """The fields of the form below a preview."""
    form = page.partition('id="preview"')[2].partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form)) | {"_action": "save"}


def due(play: Play) -> str:
    with play.session() as session:
        task = session.scalars(select(Task).where(Task.case_id == play.case_id, Task.status == TaskStatus.OPEN)).one()
        assert task.due_at is not None
        return jalali_text(task.due_at.date())


@pytest.mark.rule("CAL-4")
def test_a_year_is_seen_at_a_glance(admin: FlaskClient) -> None:
    page = admin.get("/calendar").text
    assert "تقویم کاری سال ۱۴۰۵" in page
    assert page.count('class="year-month"') == 12
    assert page.count("year-day--weekend") > 90
    assert "عید سعید فطر" in page
    assert "year-day--estimated" in page
    assert "در انتظار تایید" in page, "an estimated day is near"
    for year, days in (("1403", 366), ("1404", 365), ("1408", 366)):
        assert admin.get(f"/calendar?year={year}").text.count('href="/calendar/days/') >= days
    assert "2025-03-20" in admin.get("/calendar?year=1403").text, "30 Esfand of a leap year"


@pytest.mark.both_databases("story")
def test_a_change_is_foreseen_and_then_saved(admin: FlaskClient, waiting: Play) -> None:
    assert due(waiting) == "1405/09/01"
    foreseen = post(admin, SUNDAY, **STRUCK)
    assert foreseen.status_code == 200
    row = foreseen.text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert "۱۴۰۵/۰۹/۰۱ ساعت ۱۰:۰۰" in row
    assert "۱۴۰۵/۰۹/۰۲ ساعت ۱۰:۰۰" in row
    assert due(waiting) == "1405/09/01", "nothing moves before it is saved"
    saved = post(admin, SUNDAY, **hidden(foreseen.text))
    assert (saved.status_code, saved.location) == (303, "/calendar?year=1405")
    assert due(waiting) == "1405/09/02"
    with waiting.session() as session:
        assert session.scalars(select(CalendarChange)).one().reason == "مصوبهٔ استانداری"
        titles = list(session.scalars(select(Message.title)))
        assert any("جابه‌جا شد" in title for title in titles)
    assert "مصوبهٔ استانداری" in admin.get(SUNDAY).text
    assert "جابه‌جا شد" in admin.get(f"/cases/{waiting.case.number}/history").text


def test_what_was_foreseen_with_another_calendar_is_not_saved(admin: FlaskClient, waiting: Play) -> None:
    first = hidden(post(admin, SUNDAY, **STRUCK).text)
    second = hidden(post(admin, "/calendar/days/2026-11-23", **STRUCK).text)
    assert post(admin, SUNDAY, **first).status_code == 303
    refused = post(admin, "/calendar/days/2026-11-23", **second)
    assert refused.status_code == 422
    assert "تقویم در این فاصله تغییر کرد" in refused.text
    assert "مصوبهٔ استانداری" in refused.text, "what was typed stays"


def test_nothing_is_saved_without_a_preview(admin: FlaskClient) -> None:
    for revision in ("", "0", "x", "9" * 40):
        refused = post(admin, SUNDAY, **STRUCK, _action="save", revision=revision)
        assert refused.status_code == 422


def test_an_estimated_day_is_confirmed_or_moved(admin: FlaskClient, application: kartabl.Application) -> None:
    place = "/calendar/days/2027-03-10"
    assert "برآورد شده است" in admin.get(place).text
    moved = post(admin, place, action="moved", to="۱۴۰۵/۱۲/۲۲", reason="رؤیت هلال")
    assert post(admin, place, **hidden(moved.text)).status_code == 303
    assert post(admin, "/calendar/days/2027-03-01", _action="confirm").status_code == 303
    with application.engine.transaction() as session:
        days = {row.day.isoformat(): row for row in session.scalars(select(CalendarDay))}
    assert "2027-03-10" not in days
    assert days["2027-03-13"].name == "عید سعید فطر"
    assert not days["2027-03-01"].estimated


@pytest.mark.rule("CAL-4")
@pytest.mark.parametrize(
    ("path", "values", "words"),
    [
        (SUNDAY, {"action": "holiday", "reason": "برف"}, "نام یا مناسبت تعطیلی را وارد کنید."),
        (SUNDAY, {"action": "holiday", "name": "برف"}, "دلیل تغییر را بنویسید."),
        (SUNDAY, {"name": "برف", "reason": "برف"}, "وضعیت این روز را انتخاب کنید."),
        (SUNDAY, {"action": "moved", "reason": "برف"}, "یکی از گزینه‌های فهرست را انتخاب کنید."),
        ("/calendar/days/2027-03-10", {"action": "moved", "to": "1404/12/30", "reason": "رؤیت"}, "چنین روزی در تقویم"),
        ("/calendar/days/2027-03-10", {"action": "moved", "to": "1500/01/01", "reason": "رؤیت"}, "سال را با چهار رقم"),
        ("/calendar/settings", {"opens": "25:00", "closes": "16", "zone": "Asia/Tehran", "reason": "ت"}, "ساعت را به"),
        ("/calendar/settings", {"opens": "8", "closes": "16", "zone": "Mars/Base", "reason": "ت"}, "منطقهٔ زمانی"),
        ("/calendar/settings", {"opens": "16", "closes": "8", "zone": "Asia/Tehran", "reason": "ت"}, "پس از شروع"),
    ],
)
def test_bad_input_is_a_message_at_its_field(admin: FlaskClient, path: str, values: dict[str, str], words: str) -> None:
    answer = post(admin, path, **values)
    assert answer.status_code == 422
    assert words in answer.text


def test_days_and_years_that_the_calendar_does_not_have_are_not_found(admin: FlaskClient) -> None:
    for path in (
        "/calendar?year=1389",
        "/calendar?year=9999",
        "/calendar/days/2011-03-20",
        "/calendar/days/1405-09-01",
        "/calendar/days/2026-02-30",
        "/calendar/days/today",
    ):
        assert admin.get(path).status_code == 404, path
    assert admin.get("/calendar?year=abc").status_code == 200


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "0622-03-21", "2499-01-01", "99991231", "nonsense"])
def test_a_day_outside_the_calendar_is_not_found(admin: FlaskClient, day: str) -> None:
    assert admin.get(f"/calendar/days/{day}").status_code == 404
    assert post(admin, f"/calendar/days/{day}", **STRUCK, _action="confirm").status_code == 404


@pytest.mark.parametrize("year", ["0000", "0001", "9999", "9378"])
def test_a_year_outside_the_calendar_is_not_found(
    admin: FlaskClient, application: kartabl.Application, year: str
) -> None:
    assert admin.get(f"/calendar?year={year}").status_code == 404
    with application.engine.transaction() as session:  # a calendar without holidays
        settings = session.get_one(CalendarSettings, ONLY)
        settings.first_year = settings.last_year = None
    assert admin.get(f"/calendar?year={year}").status_code == 404
