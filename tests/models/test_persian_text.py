"""Persian text, dates and numbers have one form, whoever typed them (ACC-5, CAL-4)."""

from datetime import UTC, date, datetime, timedelta

import jdatetime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import identifiers, jalali
from models.digits import ascii_digits, clean, persian_digits, search_beginning, search_key, storable
from models.language import reading

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize(
    "typed",
    [
        "علي كريمي ۱۲",
        "علی کریمی ١٢",
        "\u202eعلی کریمی 12\u202c",
        " علی کریمی\u200c 12\ufeff",
        "علی\x00 کریمی 12\ud800",
    ],
)
def test_texts_that_read_alike_are_stored_alike(typed):
    assert clean(typed) == "علی کریمی 12"


@pytest.mark.rule("ACC-5")
def test_letters_that_readers_take_for_one_another_are_found_alike():
    assert search_key("خانهٔ آقاي مسئول") == search_key("خانۀ آقای مَسئول")
    assert search_key("می\u200cرود") == search_key("می رود")
    assert search_key("پروندهٔ ۱۴۰۵/۱۲-۳") == "پرونده 1405 12 3"


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize(
    "spellings",
    [
        "تایید تأیید تائید",
        "تاییدیه تأییدیه تائیدیه",
        "هیئت هیأت هیات",
        "هیئتی هیأتی هیاتی",
        "مسئول مسؤول مسوول مسئوول",
        "مسئولیت مسؤولیت مسوولیت",
        "مسئله مسأله مساله",
        "جرئت جرأت جرات",
        "نشئت نشأت نشات",
        "شئون شؤون شوون",
        "رئوف رؤوف رووف",
        "رئیس رییس",
        "سؤال سئوال سوال",
        "مؤسسه موسسه",
        "قرائت قراءت قرایت",
        "املاء املا",
        "شیء شئ شی",
        "جزء جز",
        "تأخیر تاخیر",
        "آئین آیین ائین",
        "پائیز پاییز",
        "داوود داود",
        "قَرائت قرائت",
    ],
)
def test_spellings_with_and_without_hamza_are_found_alike(spellings: str) -> None:
    assert len(set(map(search_key, spellings.split()))) == 1


@given(st.text("هیئتأاؤوءسلمـ\u064e", max_size=12))
def test_a_word_is_found_while_it_is_typed(word: str) -> None:
    """Whatever somebody has typed of a word so far begins the word as it is kept. No word begins with ئ."""
    word = f"س{word}"
    whole = search_key(word)
    for end in range(len(word)):
        assert whole.startswith(search_beginning(word[:end]))


def test_zwnj_stays_where_it_joins_and_goes_where_it_does_not():
    assert clean("می\u200c\u200cرود \u200cو\u200c") == "می\u200cرود و"


@given(ANY_TEXT)
def test_cleaning_is_done_once_and_leaves_nothing_a_database_refuses(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert "\x00" not in cleaned
    cleaned.encode()
    storable(text).encode()
    search_key(text).encode()


def test_a_tower_of_combining_marks_is_cut_down():
    assert len(clean("a" + "\u0301\u0323" * 100_000)) < 30


@given(st.integers())
def test_digits_go_there_and_back(number):
    assert ascii_digits(persian_digits(number)) == str(number)


@pytest.mark.rule("CAL-4")
@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("1403/12/30", date(2025, 3, 20)),
        ("۱۴۰۳/۱۲/۳۰", date(2025, 3, 20)),
        ("١٤٠٣/١٢/٣٠", date(2025, 3, 20)),
        ("۱۴0٣/12/۳۰", date(2025, 3, 20)),
        ("1403-12-30", date(2025, 3, 20)),
        (" 1403/12/30 ", date(2025, 3, 20)),
        ("\u202b1403/12/30\u202c", date(2025, 3, 20)),
        ("2025-03-20", date(2025, 3, 20)),
        ("1399/12/30", date(2021, 3, 20)),
        ("1408/12/30", date(2030, 3, 20)),
        ("1404/06/31", date(2025, 9, 22)),
        ("1404/1/1", date(2025, 3, 21)),
    ],
)
def test_dates_as_people_type_them(typed, day):
    assert jalali.parse_jalali(typed) == day


@pytest.mark.rule("CAL-4")
@pytest.mark.parametrize(
    "typed",
    [
        "1404/12/30",
        "1400/12/30",
        "1404/07/31",
        "1404/13/01",
        "1404/00/10",
        "1404/01/00",
        "1404/01/32",
        "0/1/1",
        "9999/01/01",
        "04/08/30",
        "2025/03/20",
        "2025-02-30",
        "20/03/1404",
        "1404/08",
        "",
        "امروز",
        "1404/08/30/1",
        "𝟏𝟒𝟎𝟒/𝟎𝟖/𝟑𝟎",
        "1404/08/3\x00.",
        "1" * 100_000,
        "-1404/08/30",
        "P1D",
    ],
)
def test_a_date_that_does_not_exist_is_refused_in_persian(typed):
    with pytest.raises(ValueError, match=r"[آ-ی].*\.$"):
        jalali.parse_jalali(typed)


@given(st.dates(date(1830, 1, 1), date(2120, 1, 1)))
def test_every_day_is_written_and_read_back(day):
    assert jalali.parse_jalali(jalali.jalali_text(day)) == day
    assert jalali.parse_jalali(persian_digits(jalali.jalali_text(day))) == day
    assert jdatetime.date.fromgregorian(date=day).togregorian() == day


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_a_value_error(text):
    for parse in (jalali.parse_jalali, jalali.parse_moment):
        try:
            parse(text)
        except ValueError as error:
            assert str(error).endswith(".")


@pytest.mark.rule("CAL-4")
def test_moments_are_typed_in_tehran_and_kept_in_utc():
    assert jalali.parse_moment("۱۴۰۴/۰۸/۳۰ ۱۴:۰۵") == datetime(2025, 11, 21, 10, 35, tzinfo=UTC)
    assert jalali.parse_moment("2025-11-21T10:35:00Z") == datetime(2025, 11, 21, 10, 35, tzinfo=UTC)
    # Tehran had summer time until 1401.
    assert jalali.parse_moment("1400/05/10 12:00") == datetime(2021, 8, 1, 7, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="ساعت"):
        jalali.parse_moment("1404/08/30 24:00")


@pytest.mark.rule("CAL-4")
def test_dates_are_shown_in_the_readers_language():
    moment = datetime(2025, 11, 21, 10, 35, tzinfo=UTC)
    assert jalali.format_moment(moment) == "۱۴۰۴/۰۸/۳۰ ساعت ۱۴:۰۵"
    assert jalali.format_date(moment.date()) == "۱۴۰۴/۰۸/۳۰"
    with reading("en"):
        assert jalali.format_moment(moment) == "1404/08/30 (2025-11-21) 14:05"
    # The day is the day in Tehran, not in Greenwich.
    assert jalali.format_moment(moment + timedelta(hours=10)).startswith("۱۴۰۴/۰۹/۰۱ ساعت ۰۰:۰۵")


@pytest.mark.rule("REG-4")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("0013542419", "0013542419"),
        ("0499370899", "0499370899"),
        ("4608968882", "4608968882"),
        ("۴۶۰۸۹۶۸۸۸۲", "4608968882"),
        ("٤٦٠٨٩٦٨٨٨٢", "4608968882"),
        ("13542419", "0013542419"),
        ("499370899", "0499370899"),
        ("460 896 8882", "4608968882"),
    ],
)
def test_national_codes_are_read(typed, code):
    assert identifiers.national_code(typed) == code


@pytest.mark.rule("REG-4")
@pytest.mark.parametrize(
    "typed",
    [str(d) * 10 for d in range(10)]
    + [d * 10 for d in "۰۱۲۳۴۵۶۷۸۹"]
    + ["4608968872", "460896888", "46089688820", "", "46089a8882", "۱۱۱۱۱۱۱۱۱۱", "𝟒608968882", "4" * 10_000],
)
def test_wrong_national_codes_are_refused(typed):
    with pytest.raises(ValueError, match=r"کد ملی.*\.$"):
        identifiers.national_code(typed)


@pytest.mark.rule("REG-4")
def test_company_ids_are_checked_by_their_check_digit():
    for good in ("14003778990", "10380284790", "۱۴۰۰۷۶۵۰۹۱۲"):
        assert identifiers.company_id(good) == ascii_digits(good)
        wrong = ascii_digits(good)[:-1] + str((int(good[-1]) + 1) % 10)
        with pytest.raises(ValueError, match="شناسهٔ ملی"):
            identifiers.company_id(wrong)
    with pytest.raises(ValueError, match="شناسهٔ ملی"):
        identifiers.company_id("1" * 11)


@pytest.mark.parametrize(
    "typed",
    ["09123456789", "+989123456789", "00989123456789", "9123456789", "۰۹۱۲ ۳۴۵ ۶۷۸۹", "0912-345-6789"],
)
def test_mobiles_have_one_form(typed):
    assert identifiers.mobile(typed) == "09123456789"


@pytest.mark.parametrize("typed", ["02112345678", "0912345678", "091234567890", "", "+19123456789", "0912345678x"])
def test_what_is_no_mobile_is_refused(typed):
    with pytest.raises(ValueError, match=r"همراه.*\.$"):
        identifiers.mobile(typed)


def test_a_postal_code_has_one_form_too():
    assert identifiers.postal_code("۱۳۴۵۶-۷۸۹۰۱") == "1345678901"
    with pytest.raises(ValueError, match=r"\.$"):
        identifiers.postal_code("0123456789")


@pytest.mark.rule("CASE-1")
@given(st.from_regex(r"[0-9]{1,12}", fullmatch=True), st.data())
def test_the_check_digit_finds_every_wrong_digit_and_every_swap(digits, data):
    number = digits + identifiers.damm_digit(digits)
    assert identifiers.damm_valid(number)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert not identifiers.damm_valid(number[:place] + other + number[place + 1 :])
    place = data.draw(st.integers(0, len(number) - 2))
    if number[place] != number[place + 1]:
        assert not identifiers.damm_valid(number[:place] + number[place + 1] + number[place] + number[place + 2 :])


def test_the_known_check_digit():
    assert identifiers.damm_digit("572") == "4"
    assert not identifiers.damm_valid("")
    assert not identifiers.damm_valid("۵۷۲۴")
