"""The forms of project registration, payment and unmatched payments accept what the rules say."""

from typing import Any

import jsonschema
import pytest

import forms
from forms.base import FormData, TaskForm, user_task
from forms.declared import declared_form
from forms.fields import TextField
from models.choice import Choice
from models.language import reading

PROPERTY = {
    "region": 3,
    "main_plate": "2394",
    "sub_plate": "17",
    "renovation_code": "3-12-45-6",
    "postal_code": "7134567890",
    "address": "خیابان آزادی، کوچه ۵",
    "land_area": 250.5,
    "floors": 4,
}
DISTRICTS = {"region": [Choice(number, f"منطقهٔ {number}") for number in range(1, 11)]}
PERSON = {
    "owner_kind": "person",
    "first_name": "علی",
    "last_name": "کریمی",
    "father_name": "رضا",
    "national_code": "0013542419",
    "mobile": "09123456789",
}
COMPANY = {
    "owner_kind": "company",
    "company_name": "سازه",
    "national_id": "14003778990",
    "registration_number": "123",
    "agent_name": "مریم رضایی",
    "mobile": "+989123456789",
}
METER = {"units": 2, "usage": "residential", "floor_area": 100, "consumption": 6}


def bound(key: str, values: dict[str, Any], *, process: str = "project_registration", choices: Any = None) -> TaskForm:
    form = forms.form_for(process, key)
    assert form is not None
    return form.from_values(values, choices=choices)


def test_every_task_of_the_rules_has_its_form():
    keys = {key for process, key in forms.registered() if process == "project_registration"}
    assert keys >= {
        "choose_property",
        "register_property",
        "find_property",
        "register_owner",
        "register_building",
        "register_meters",
        "upload_documents",
        "review_invoice",
        "change_step",
        "cancel_registration",
        "assign_by_hand",
    }
    assert forms.form_for("project_registration", "nothing") is None


@pytest.mark.rule("REG-1")
def test_the_source_is_one_of_two():
    for source in ("new", "existing"):
        form = bound("choose_property", {"source": source})
        assert form.validate() and form.submission == {"source": source}
    for wrong in ("old", "", None):
        assert not bound("choose_property", {"source": wrong}).validate()


@pytest.mark.rule("REG-2")
def test_a_new_property_is_registered():
    form = bound("register_property", PROPERTY, choices=DISTRICTS)
    assert form.validate(), form.error_map
    assert form.submission == PROPERTY | {"address": "خیابان آزادی، کوچه 5"}
    assert form.user_task == ("project_registration", "register_property")


@pytest.mark.rule("REG-2")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("region", 0),
        ("region", 11),
        ("region", "منطقه"),
        ("floors", 0),
        ("floors", 201),
        ("floors", -1),
        ("land_area", 0),
        ("land_area", -5),
        ("land_area", 1_000_001),
        ("postal_code", "123"),
        ("main_plate", "الف"),
        ("address", " "),
        ("address", "ا" * 501),
        ("renovation_code", "کد"),
        *[(name, None) for name in PROPERTY],
    ],
)
def test_an_absurd_property_is_refused_at_its_field(name, wrong):
    form = bound("register_property", PROPERTY | {name: wrong}, choices=DISTRICTS)
    assert not form.validate()
    assert list(form.error_map) == [name]
    assert form.error_map[name][0].endswith(".")


@pytest.mark.rule("REG-3")
def test_a_property_is_chosen_among_those_found():
    hits = DISTRICTS | {"property": [Choice(12, "ملک ۱۲")]}
    form = bound("find_property", {"region": 3, "main_plate": "۲۳۹۴", "property": 12}, choices=hits)
    assert form.validate() and form.submission["property"] == 12 and form.submission["main_plate"] == "2394"
    assert not bound("find_property", {"region": 3, "property": 13}, choices=hits).validate()
    assert not bound("find_property", {"region": 3}, choices=hits).validate()
    assert str(form.refresh_label) == "جستجو"


@pytest.mark.rule("REG-4")
@pytest.mark.parametrize("owner", [PERSON, COMPANY])
def test_only_the_chosen_kinds_fields_are_asked_for(owner):
    form = bound("register_owner", owner)
    assert form.validate(), form.error_map
    assert form.submission["mobile"] == "09123456789"
    assert {name for name, value in form.submission.items() if value} == set(owner)
    for name in owner:
        form = bound("register_owner", owner | {name: ""})
        assert not form.validate()
        assert list(form.error_map) == [name]


@pytest.mark.rule("REG-4")
def test_what_was_typed_for_the_other_kind_neither_stops_nor_counts_but_stays_in_the_draft():
    form = bound("register_owner", PERSON | {"company_name": "سازه", "national_id": "1"})
    assert form.validate()
    assert form.submission["company_name"] == form.submission["national_id"] == ""
    assert form.draft_values["company_name"] == "سازه" and form.draft_values["national_id"] == "1"


@pytest.mark.rule("REG-4")
def test_codes_are_checked_by_their_check_digit():
    assert list(_errors("register_owner", PERSON | {"national_code": "1111111111"})) == ["national_code"]
    assert list(_errors("register_owner", PERSON | {"national_code": "4608968872"})) == ["national_code"]
    assert list(_errors("register_owner", COMPANY | {"national_id": "14003778991"})) == ["national_id"]


@pytest.mark.rule("REG-5")
def test_a_building_needs_no_name():
    form = bound("register_building", {"riser_status": "installed", "work_type": "concealed"})
    assert form.validate()
    assert form.submission == {
        "building_name": "",
        "riser_status": "installed",
        "work_type": "concealed",
        "is_block": False,
    }
    assert list(_errors("register_building", {"riser_status": "installed", "work_type": "x"})) == ["work_type"]


@pytest.mark.rule("REG-6")
def test_all_meters_must_be_said_to_be_registered():
    assert list(_errors("register_meters", {"meters": [METER]})) == ["all_registered"]
    assert _errors("register_meters", {"meters": [METER, METER], "all_registered": True}) == {}


@pytest.mark.rule("REG-6")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("units", 0),
        ("units", 1001),
        ("units", -2),
        ("floor_area", 0),
        ("floor_area", 100_001),
        ("consumption", 0),
        ("consumption", -6),
        ("consumption", 10_001),
        ("usage", "spaceship"),
        ("units", None),
        ("consumption", "x"),
    ],
)
def test_an_absurd_meter_is_refused_at_its_row(name, wrong):
    errors = _errors("register_meters", {"meters": [METER, METER | {name: wrong}], "all_registered": True})
    assert list(errors) == [f"meters.1.{name}"]


@pytest.mark.rule("REG-9")
def test_documents_have_a_title_and_a_file():
    titles = {"documents.title": [Choice("deed", "سند")]}
    form = bound("upload_documents", {"documents": [{"title": "deed", "document": 4}, {}]}, choices=titles)
    assert form.validate() and form.submission == {"documents": [{"title": "deed", "document": 4}]}
    assert _errors("upload_documents", {"documents": []}, choices=titles) == {}
    errors = _errors(
        "upload_documents", {"documents": [{"title": "x", "document": 4}, {"title": "deed"}]}, choices=titles
    )
    assert list(errors) == ["documents.0.title", "documents.1.document"]
    assert bound(
        "upload_documents",
        {"documents": [{"title": "deed", "document": 1}]},
        choices={"title": titles["documents.title"]},
    ).validate()


@pytest.mark.rule("REG-13")
def test_small_forms_stand_beside_the_task():
    assert bound(
        "change_step", {"step": "register_owner"}, choices={"step": [Choice("register_owner", "مالک")]}
    ).validate()
    form = bound("cancel_registration", {})
    assert form.validate() and form.inline and "؟" in str(form.confirm)


@pytest.mark.rule("PAY-2")
def test_finance_decides_about_unmatched_money():
    process = "unmatched_payment"
    form = bound("settle_unmatched", {"decision": "credited", "note": "ثبت شد."}, process=process)
    assert form.validate() and form.submission["reference"] == ""
    form = bound("settle_unmatched", {"decision": "refunded", "note": "برگشت."}, process=process)
    assert not form.validate() and list(form.error_map) == ["reference"]
    for key in ("payment_returned", "cancel_payment"):
        assert bound(key, {}, process="payment").validate()


def test_page_and_json_are_judged_alike():
    form = forms.form_for("project_registration", "register_property")
    for change in ({}, {"floors": 0}, {"region": 99}, {"address": ""}):
        values = PROPERTY | change
        by_json = form.from_values(values, choices=DISTRICTS)
        by_page = form.from_request(
            FormData({name: [str(value)] for name, value in values.items()} | {"csrf_token": ["x"]}), choices=DISTRICTS
        )
        assert by_json.validate() == by_page.validate()
        assert by_json.error_map == by_page.error_map
        assert by_json.submission == by_page.submission


@pytest.mark.parametrize("key", sorted(forms.registered()))
def test_every_form_has_a_schema_a_page_and_a_drawing(key):
    form = forms.registered()[key]
    schema = form.json_schema({})
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(str(field()) for field in form.unbound())
    assert not form.from_values({"no_such_field": 1}).validate()
    with reading("en"):
        form.json_schema({})


def test_submissions_fit_their_schema():
    titles = DISTRICTS | {"documents.title": [Choice("deed", "سند")]}
    for key, values in [
        ("register_property", PROPERTY),
        ("register_owner", PERSON),
        ("register_owner", COMPANY),
        ("register_meters", {"meters": [METER], "all_registered": True}),
        ("upload_documents", {"documents": [{"title": "deed", "document": 4}]}),
    ]:
        form = bound(key, values, choices=titles)
        assert form.validate()
        validator = jsonschema.Draft202012Validator(form.json_schema(titles))
        validator.validate(form.submission)
        assert not validator.is_valid({"zz": 1})
    schema = forms.form_for("project_registration", "register_owner").json_schema()
    assert not jsonschema.Draft202012Validator(schema).is_valid({"owner_kind": "person", "mobile": "09123456789"})
    assert schema["required"] == ["owner_kind", "mobile"]


def test_a_form_is_registered_once_and_hides_nothing():
    with pytest.raises(ValueError, match="twice"):
        user_task("choose_property")(forms.form_for("project_registration", "choose_property"))
    with pytest.raises(ValueError, match="confirm"):
        user_task("new")(type("Wrong", (TaskForm,), {"confirm": TextField("x")}))


def test_a_form_is_made_of_fields_declared_in_the_diagram():
    form = declared_form(
        "leave",
        "ask",
        [
            {"id": "days", "type": "long", "label": "روزها", "required": "true"},
            {
                "id": "kind",
                "type": "enum",
                "values": {"paid": "استحقاقی", "unpaid": "بی‌حقوق"},
                "default": "paid",
            },
            {"id": "from_day", "type": "date"},
            {"id": "why", "type": "text"},
            {"id": "agreed", "type": "boolean"},
            {"id": "fee", "type": "money"},
            {"id": "letter", "type": "file"},
            {"id": "name", "default": "علي"},
        ],
    )
    assert form.user_task == ("leave", "ask")
    bound = form.from_values({"days": "۳", "from_day": "1404/01/01", "fee": 10, "kind": "unpaid", "agreed": True})
    assert bound.validate(), bound.error_map
    assert bound.submission["from_day"] == "2025-03-21" and bound.submission["days"] == 3
    assert not form.from_values({}).validate()
    assert form.unbound().draft_values["kind"] == "paid"
    assert form.unbound().draft_values["name"] == "علی"
    jsonschema.Draft202012Validator.check_schema(form.json_schema())


@pytest.mark.parametrize(
    "field",
    [
        {"id": "data"},
        {"id": "validate"},
        {"id": "__init__"},
        {"id": "a b"},
        {"id": ""},
        {"type": "string"},
        {"id": "x", "type": "code"},
        {"id": "x", "type": "enum"},
        {"id": "نام"},
        {"id": "submission"},
        {"id": "_fields"},
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused(field):
    with pytest.raises(ValueError):
        declared_form("leave", "ask", [field])


def test_the_same_field_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        declared_form("leave", "ask", [{"id": "a"}, {"id": "a"}])


def _errors(key: str, values: dict[str, Any], *, choices: Any = None) -> dict[str, list[str]]:
    form = bound(key, values, choices=choices)
    form.validate()
    return form.error_map
