"""What pages make of numbers in texts for Persian and for English readers."""

import pytest
from flask import Flask

from models import language
from webapp.filters import digits


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
