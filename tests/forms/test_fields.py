"""Fields read what people type, and the same values as JSON."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.base import FormData, TaskForm
from forms.fields import (
    CheckField,
    ChoiceField,
    CodeField,
    DecimalField,
    DigitsField,
    DocumentField,
    IntegerField,
    JalaliDateField,
    LongTextField,
    ManyOfField,
    MobileField,
    NationalCodeField,
    RialsField,
    RowForm,
    RowsField,
    SelectField,
    TextField,
)
from forms.rows import flatten
from forms.validators import NumberBetween, Required
from models.choice import Choice
from models.language import reading


class ThingRow(RowForm):
    number = IntegerField("شمار", [Required("شمار را بنویسید."), NumberBetween(1, 1000)])
    kind = SelectField("نوع")
    area = DecimalField("زیربنا")


class Everything(TaskForm):
    """A form with every kind of field."""

    text = TextField("متن", most=20)
    lines = LongTextField("شرح")
    digits = DigitsField("شماره", most=12)
    code = CodeField("کد")
    national_code = NationalCodeField("کد ملی")
    mobile = MobileField("همراه")
    number = IntegerField("عدد")
    decimal = DecimalField("اعشاری")
    money = RialsField("مبلغ")
    day = JalaliDateField("روز")
    choice = ChoiceField("گزینه", options=[Choice("a", "الف"), Choice("b", "ب")])
    many = ManyOfField("گزینه‌ها", options=[Choice(1, "یک"), Choice(2, "دو"), Choice(3, "سه")])
    ticked = CheckField("تیک")
    document = DocumentField("فایل")
    things = RowsField(ThingRow, "ردیف‌ها", min_rows=0, max_rows=5)


KINDS = {"things.kind": [Choice("x", "ایکس"), Choice(7, "هفت")]}


def one(kind: Any, typed: str, **settings: Any) -> TaskForm:
    """A form with one field ``it``, in which ``typed`` was typed."""
    form = type("One", (TaskForm,), {"it": kind("برچسب", **settings)}).from_request(FormData(it=[typed]))
    form.validate()
    return form


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("12", 12),
        ("۱۲", 12),
        ("١٢", 12),
        ("1۲", 12),
        ("۱٬۲۳۴٬۵۶۷", 1234567),
        ("1,234", 1234),
        ("۱،۲۳۴", 1234),
        (" 12 ", 12),
        ("-5", -5),
        ("−۵", -5),
        ("007", 7),
        ("1 234", 1234),
        ("0", 0),
    ],
)
def test_whole_numbers_as_people_type_them(typed, number):
    form = one(IntegerField, typed)
    assert (form.error_map, form.submission) == ({}, {"it": number})


@pytest.mark.parametrize(
    "typed",
    [
        "12.5",
        "1,5",
        "1e9",
        "abc",
        "0x10",
        "1_000",
        "𝟏𝟐",
        "²",
        "1" * 19,
        "9" * 5000,
        "--1",
        "1,23,456",
        "NaN",
        "∞",
        "½",
    ],
)
def test_what_is_no_whole_number_is_refused_and_kept_in_the_draft(typed):
    form = one(IntegerField, typed)
    assert form.submission == {"it": None}
    assert len(form.error_map["it"]) == 1
    assert form.draft_values == {"it": typed}


@pytest.mark.parametrize(
    ("typed", "number"),
    [("120.5", 120.5), ("۱۲۰٫۵", 120.5), ("120", 120), ("120.0", 120), ("۱٬۲۰۰٫۲۵", 1200.25), ("0.10", 0.1)],
)
def test_decimals_as_people_type_them(typed, number):
    form = one(DecimalField, typed)
    assert (form.error_map, form.submission) == ({}, {"it": number})


@pytest.mark.parametrize("typed", ["1.234", "1.2.3", "1e3", "NaN", "Infinity", ".", "5.", "9" * 13, "1/2", "sNaN"])
def test_what_is_no_decimal_is_refused(typed):
    assert list(one(DecimalField, typed).error_map) == ["it"]


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize("typed", ["-1", "10.5", "10٫0", "1000001000000000", "۱۰ تومان"])
def test_money_is_whole_rials(typed):
    assert list(one(RialsField, typed).error_map) == ["it"]
    assert one(RialsField, "۶۹۰٬۰۰۰").submission == {"it": 690_000}


def test_limits_are_told_in_the_readers_digits():
    form = one(IntegerField, "0", validators=[NumberBetween(1, 1000)])
    assert form.error_map == {"it": ["عددی از ۱ تا ۱٬۰۰۰ وارد کنید."]}
    with reading("en"):
        form.validate()
        assert "1,000" in form.error_map["it"][0]
    assert "it" in one(DecimalField, "0", validators=[NumberBetween(0, 5, above=True)]).error_map


@pytest.mark.rule("ACC-5")
def test_texts_are_stored_clean_and_capped():
    assert one(TextField, " \u202eعلي\x00  كريمي ").submission == {"it": "علی کریمی"}
    assert one(LongTextField, "یک\r\nدو ").submission == {"it": "یک\nدو"}
    assert list(one(TextField, "ا" * 201).error_map) == ["it"]
    assert one(TextField, "<script>{{7*7}}").submission == {"it": "<script>{{7*7}}"}
    assert list(one(LongTextField, "ا" * 10_000_000).error_map) == ["it"]


def test_what_was_typed_is_drawn_escaped():
    assert "<script>" not in str(one(TextField, '"><script>').it())
    assert "<script>" not in str(one(DocumentField, '"><script>').it())


def test_dates_are_iso_in_json_and_jalali_on_the_page():
    form = one(JalaliDateField, "1403/12/30")
    assert form.submission == {"it": "2025-03-20"}
    assert "۱۴۰۳/۱۲/۳۰" in str(form.it())
    shown = type(form).unbound(preset={"it": "2025-03-20"})
    assert "۱۴۰۳/۱۲/۳۰" in str(shown.it())


def test_options_come_at_run_time_and_nothing_else_is_taken():
    form = type("One", (TaskForm,), {"it": SelectField("انتخاب", [Required("انتخاب کنید.")])})
    choices = {"it": [Choice(12, "دوازده"), Choice("b", "ب")]}
    bound = form.from_request(FormData(it=["۱۲"]), choices=choices)
    assert bound.validate() and bound.submission == {"it": 12}
    for wrong in ("13", "__class__", "b\x00c"):
        bound = form.from_request(FormData(it=[wrong]), choices=choices)
        assert not bound.validate()
    bound = form.from_request(FormData(it=["12"]))
    assert not bound.validate()
    assert bound.draft_values == {"it": "12"}


WRONG_TYPES: list[tuple[str, Any]] = [
    ("text", ["a"]),
    ("text", {"a": 1}),
    ("text", True),
    ("text", 1.5),
    ("number", True),
    ("number", [1]),
    ("number", 1.5),
    ("number", float("nan")),
    ("number", float("inf")),
    ("number", 10**400),
    ("decimal", False),
    ("money", 1e400),
    ("money", 0.5),
    ("day", 14030101),
    ("day", True),
    ("choice", True),
    ("choice", ["a"]),
    ("many", {"1": True}),
    ("many", [[1]]),
    ("many", [True]),
    ("many", [9]),
    ("ticked", 1),
    ("ticked", []),
    ("document", "x"),
    ("document", -1),
    ("document", 0),
    ("document", 1.0),
    ("document", True),
    ("things", {}),
    ("things", "abc"),
    ("things", 3),
    ("digits", 1.0),
    ("mobile", {}),
]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES)
def test_a_wrong_json_type_is_an_error_at_its_field(name, value):
    form = Everything.from_values({name: value}, choices=KINDS)
    assert form.validate() is False
    assert list(form.error_map) == [name]
    json.dumps(form.draft_values)


def test_unknown_names_and_wrong_rows_are_errors_at_their_place():
    form = Everything.from_values({"zz\x00": 1, "things": [3, {"number": 1, "q": 2}, {"number": True}]})
    assert form.validate() is False
    assert set(form.error_map) == {"zz", "things.0", "things.1.q", "things.2.number"}


def test_a_wrong_type_is_not_also_told_to_be_missing():
    form = type("One", (TaskForm,), {"it": TextField("متن", [Required()])}).from_values({"it": []})
    assert form.validate() is False
    assert form.error_map == {"it": ["متن باید متن باشد."]}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*Everything.unbound()._fields, "zz", "things-0-number", ""])
ROW = st.dictionaries(st.sampled_from(["number", "kind", "area", "obj", "meta"]), JSON, max_size=5)


@given(st.dictionaries(NAMES, JSON | st.lists(ROW, max_size=8), max_size=16))
def test_no_json_value_breaks_a_form(values):
    form = Everything.from_values(values, choices=KINDS)
    form.validate()
    for found in (form.submission, form.draft_values, form.error_map):
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    again = Everything.unbound(preset=values, choices=KINDS)
    assert all(str(field()) for field in again)
    assert str(list(form))


@given(
    st.dictionaries(
        NAMES | st.text(max_size=20) | st.from_regex(r"things-.{0,4}-number"), st.lists(st.text(max_size=40))
    )
)
def test_no_page_breaks_a_form(sent):
    form = Everything.from_request(FormData(sent), choices=KINDS)
    form.validate()
    form.apply_row_commands()
    json.dumps([form.submission, form.draft_values, form.error_map], ensure_ascii=False).encode()


GOOD = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["", "علی", "a b"]),
        "number": st.integers(-(10**17), 10**17),
        "decimal": st.decimals(-(10**9), 10**9, places=2).map(lambda d: int(d) if d == int(d) else float(d)),
        "money": st.integers(0, 10**15),
        "day": st.dates().filter(lambda d: 1900 <= d.year <= 2099).map(lambda d: d.isoformat()),
        "choice": st.sampled_from(["a", "b"]),
        "many": st.lists(st.sampled_from([1, 2, 3]), unique=True).map(sorted),
        "ticked": st.booleans(),
        "document": st.integers(1, 10**9),
        "things": st.lists(
            st.fixed_dictionaries(
                {"number": st.integers(1, 1000), "kind": st.sampled_from(["x", 7]), "area": st.integers(0, 9)}
            ),
            max_size=5,
        ),
    }
)


@given(GOOD)
def test_a_submission_submitted_again_is_the_same_by_page_and_by_json(values):
    form = Everything.from_values(values, choices=KINDS)
    assert form.validate(), form.error_map
    assert values.items() <= form.submission.items()
    again = Everything.from_values(form.submission, choices=KINDS)
    assert again.validate() and again.submission == form.submission

    page, _errors = flatten(Everything.unbound(choices=KINDS), values)
    by_page = Everything.from_request(page, choices=KINDS)
    assert by_page.validate() and by_page.submission == form.submission

    # What the page shows and sends back unchanged is the same, too.
    shown = Everything.unbound(preset=form.submission, choices=KINDS)
    assert shown.draft_values["number"] == form.submission["number"]
    sent = FormData({field.name: [field._value()] for field in shown if field.short_name in ("day", "decimal")})
    sent_back = Everything.from_request(sent)
    assert sent_back.validate()
    assert all(sent_back.submission[n] == form.submission[n] for n in ("day", "decimal"))


def test_decimals_never_go_through_a_float_on_the_way_in():
    assert one(DecimalField, "0.1").it.data == Decimal("0.1")


def test_a_saved_number_is_shown_as_short_as_it_was_typed_in_the_readers_digits() -> None:
    class Measured(TaskForm):
        area = DecimalField("زیربنا")
        units = IntegerField("واحد")

    def drawn() -> list[str]:
        form = Measured.unbound(preset={"area": 5.5, "units": 12})
        return [form.area._value(), form.units._value()]

    assert drawn() == ["۵٫۵", "۱۲"]
    with reading("en"):
        assert drawn() == ["5.5", "12"]
