"""What pages make of numbers in texts for Persian and for English readers."""

from datetime import datetime

import pytest
from flask import Flask

from models import language
from webapp.shell.filters import digits, time_left


@pytest.mark.rule("CAL-4")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("کوچهٔ یاس 39، پلاک 37", "کوچهٔ یاس ۳۹، پلاک ۳۷"),
        ("پروندهٔ 1405-000457-3", "پروندهٔ \u2066۱۴۰۵-۰۰۰۴۵۷-۳\u2069"),
        ("1405/08/30", "۱۴۰۵/۰۸/۳۰"),
        ("کلاس G4 برای district-1", "کلاس G4 برای district-1"),
        (12, "۱۲"),
    ],
)
def test_persian_readers_see_persian_digits_and_numbers_with_dashes_in_one_piece(text: object, shown: str) -> None:
    assert digits(text) == shown


def test_english_readers_see_texts_as_they_are() -> None:
    with language.reading("en"):
        assert digits("1405-000457-3") == "1405-000457-3"


def test_templates_fill_in_every_value_of_a_plural(app: Flask) -> None:
    words = "{{ ngettext('%(count)s کار', '%(count)s کار', 3, count=3 | digits) }}"
    assert app.jinja_env.from_string(words).render() == "۳ کار"


@pytest.mark.rule("CAL-2")
@pytest.mark.parametrize(
    ("due", "shown"),
    [
        ("2026-11-21T07:45:00+00:00", "۱ ساعت مانده"),  # now is Saturday, ten o'clock in Tehran
        ("2026-11-22T06:29:00+00:00", "۶ ساعت مانده"),  # Sunday: the night does not count
        ("2026-11-22T06:30:00+00:00", "۱ روز کاری مانده"),  # a working day has seven hours
        ("2026-11-25T10:59:00+00:00", "۴ روز کاری مانده"),
        ("2026-11-21T06:30:00+00:00", "کمتر از یک ساعت مانده"),
        ("2026-11-21T06:00:00+00:00", "کمتر از یک ساعت دیر"),
        ("2026-11-19T08:00:00+00:00", "۲ ساعت دیر"),  # Thursday is a weekend day
        ("2026-11-16T06:30:00+00:00", "۳ روز کاری دیر"),
    ],
)
def test_the_time_left_is_whole_working_days_or_hours(app: Flask, due: str, shown: str) -> None:
    with app.test_request_context():
        assert time_left(datetime.fromisoformat(due)) == shown
