"""The admin's page of office rules: seen, changed, refused, and the history of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

DAYS = {"audit_access_days": "365", "audit_reading_days": "730", "audit_change_days": "3650"}
PAGE = "/office/rules"


SPACE = {"case_megabytes": "۳۰۰", "person_megabytes": "۵۰۰"}  # as they are at first


@pytest.fixture
def admin(signed_in: Any) -> FlaskClient:
    browser: FlaskClient = signed_in("admin", "admin", first_name="بیتا", last_name="مقدم")
    return browser


def post(browser: FlaskClient, **values: str) -> Any:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(PAGE).text)
    assert token is not None
    given = {"payment_minutes": "۳۰", "file_megabytes": "۶", "reason": "تصمیم شورا"} | DAYS | SPACE
    return browser.post(PAGE, data={"csrf_token": token[1], **given, **values})


def value(page: str, field: str) -> str:
    found = re.search(rf'<input[^>]*name="{field}"[^>]*value="([^"]*)"', page)
    return found[1] if found else ""


def test_the_rules_are_shown_with_their_units_and_limits(admin: FlaskClient) -> None:
    page = admin.get(PAGE).text
    assert (value(page, "payment_minutes"), value(page, "file_megabytes")) == ("۳۰", "۶")
    for words in (
        "مهلت تایید پرداخت",
        "دقیقه",
        "از ۵ تا ۱٬۴۴۰؛ مقدار اولیه ۳۰",
        "مگابایت",
        "قواعد هنوز تغییری نکرده است",
    ):
        assert words in page
    assert f'href="{PAGE}"' in admin.get("/worklist").text


def test_a_change_is_saved_and_listed_with_who_and_why(admin: FlaskClient) -> None:
    saved = post(admin, payment_minutes="۴۵")
    assert (saved.status_code, saved.location) == (303, PAGE)
    page = admin.get(PAGE).text
    assert value(page, "payment_minutes") == "۴۵"
    assert "مهلت تایید پرداخت: از ۳۰ به ۴۵ دقیقه" in page
    history = page.partition('class="timeline"')[2]
    assert "تصمیم شورا" in history
    assert "بیتا مقدم" in history


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"payment_minutes": "۴"}, "عددی از ۵ تا ۱٬۴۴۰"),
        ({"file_megabytes": "51"}, "عددی از ۱ تا ۵۰"),
        ({"file_megabytes": "شش"}, "عددی بدون اعشار"),
        ({"payment_minutes": ""}, "مهلت تایید پرداخت"),
        ({"payment_minutes": "45", "reason": ""}, "دلیل تغییر را بنویسید"),
        ({}, "این تغییر چیزی را عوض نمی‌کند"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(admin: FlaskClient, values: dict[str, str], words: str) -> None:
    refused = post(admin, **values)
    assert refused.status_code == 422
    assert words in refused.text
    assert "قواعد هنوز تغییری نکرده است" in refused.text


def hidden(page: str) -> dict[str, str]:
    """What a page sends back unseen: its token, and the numbers that it was opened with."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_an_older_page_changes_the_touched_numbers_only(admin: FlaskClient) -> None:
    older = hidden(admin.get(PAGE).text)
    assert post(admin, payment_minutes="45").status_code == 303
    typed = older | {"payment_minutes": "30", "file_megabytes": "7", "reason": "تصمیم دیگر"} | DAYS | SPACE
    assert admin.post(PAGE, data=typed).status_code == 303
    page = admin.get(PAGE).text
    assert (value(page, "payment_minutes"), value(page, "file_megabytes")) == ("۴۵", "۷")


def test_a_number_that_somebody_else_changed_meanwhile_is_shown_before_it_is_changed_again(admin: FlaskClient) -> None:
    older = hidden(admin.get(PAGE).text)
    assert post(admin, payment_minutes="45").status_code == 303
    typed = {"payment_minutes": "60", "file_megabytes": "6", "reason": "تصمیم دیگر"} | DAYS | SPACE
    refused = admin.post(PAGE, data=older | typed)
    assert refused.status_code == 422
    assert "در این میان تغییر کرده و اکنون ۴۵ است" in refused.text
    assert value(refused.text, "payment_minutes") in ("60", "۶۰")
    assert admin.post(PAGE, data=hidden(refused.text) | typed).status_code == 303
    assert value(admin.get(PAGE).text, "payment_minutes") == "۶۰"
