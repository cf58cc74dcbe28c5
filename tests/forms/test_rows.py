"""Rows: added, removed, counted, and their errors found again at their place."""

import pytest

from forms.base import FormData, TaskForm
from forms.gas_inspection import RecordReport
from forms.project_registration import RegisterMeters

METER = {"units": 2, "usage": "residential", "floor_area": 100, "consumption": 6}


def page(*rows: dict, **others: str) -> FormData:
    sent = FormData({name: [value] for name, value in others.items()})
    for index, row in enumerate(rows):
        sent |= {f"meters-{index}-{name}": [str(value)] for name, value in row.items()}
    return FormData(sent)


def test_a_first_page_shows_one_blank_row():
    assert len(RegisterMeters.unbound().meters.rows) == 1


def test_rows_that_are_seldom_wanted_are_only_there_when_they_were_asked_for():
    assert RecordReport.unbound().mismatches.rows == []
    form = RecordReport.from_request(FormData(_add=["mismatches"]))
    form.apply_row_commands()
    assert len(form.mismatches.rows) == 1
    form = RecordReport.from_request(FormData({"mismatches-0-remark": [""], "_remove": ["mismatches-0"]}))
    form.apply_row_commands()
    assert form.mismatches.rows == []


def test_a_blank_row_does_not_count_and_keeps_its_place():
    blank = dict.fromkeys(METER, "")
    form = RegisterMeters.from_request(page(METER, blank, METER | {"units": "x"}, all_registered="true"))
    assert not form.validate()
    assert list(form.error_map) == ["meters.2.units"]

    form = RegisterMeters.from_request(page(METER, blank, METER, all_registered="true"))
    assert form.validate()
    assert form.submission["meters"] == [METER, METER]
    form.add_errors({"meters.1.consumption": ["بیش از اندازه است."]})  # an operation sees no blank rows
    assert form.error_map == {"meters.2.consumption": ["بیش از اندازه است."]}
    assert form.meters.rows[2].consumption.errors == ["بیش از اندازه است."]


@pytest.mark.parametrize("rows", [[], [{}], None, [{}, {}]])
def test_at_least_one_row_is_asked_for(rows):
    form = RegisterMeters.from_values({"meters": rows, "all_registered": True})
    assert not form.validate()
    assert form.error_map == {"meters": ["حداقل یک کنتور ثبت کنید."]}


def test_too_many_rows_are_refused_and_not_cut_off():
    form = RegisterMeters.from_values({"meters": [METER] * 10_000, "all_registered": True})
    assert not form.validate()
    assert "۱۰۰" in form.error_map["meters"][0]


def test_rows_are_added_and_removed_by_the_buttons_of_the_page():
    form = RegisterMeters.from_request(page(METER, _add="meters"))
    assert form.apply_row_commands()
    assert [row["units"] for row in form.draft_values["meters"]] == [2, None]

    sent = FormData(
        {"meters-0-units": ["1"], "meters-3-units": ["4"], "meters-7-units": ["8"], "_remove": ["meters-۳"]}
    )
    form = RegisterMeters.from_request(sent)
    assert form.apply_row_commands()
    assert [row["units"] for row in form.draft_values["meters"]] == [1, 8]
    assert [entry.name for entry in form.meters.entries] == ["meters-0", "meters-1"]

    form = RegisterMeters.from_request(page(METER, _remove="meters-0"))
    assert form.apply_row_commands()
    assert [row["units"] for row in form.draft_values["meters"]] == [None]
    assert not RegisterMeters.from_request(page(METER)).apply_row_commands()


@pytest.mark.parametrize(
    "command", ["", "meters", "meters-", "meters-99", "meters-x", "x-1", "meters-²", "all_registered-1"]
)
def test_a_button_that_means_no_row_removes_none(command):
    form = RegisterMeters.from_request(page(METER, METER, _remove=command))
    assert form.apply_row_commands()
    assert len(form.draft_values["meters"]) == 2


@pytest.mark.parametrize(
    "name", ["meters-²-units", "meters-9999999999-units", "meters2-1-units", "meters--1-units", "meters-x"]
)
def test_names_that_are_no_rows_are_left_alone(name):
    form = RegisterMeters.from_request(FormData(page(METER, all_registered="on") | {name: ["1"]}))
    assert form.validate()
    assert form.submission["meters"] == [METER]


def test_a_draft_gives_back_wrong_things_too():
    form = RegisterMeters.from_request(page(METER | {"units": "دو", "floor_area": "-1"}))
    draft = form.draft_values
    assert draft["meters"][0]["units"] == "دو"
    shown = RegisterMeters.unbound(preset=draft)
    assert 'value="دو"' in str(shown.meters.rows[0].units())
    assert shown.draft_values == draft


@pytest.mark.parametrize(
    "draft",
    [{"meters": 3}, {"meters": [3, None, "x"]}, {"meters": [{"obj": 1, "formdata": 2}]}, {"meters": {}}],
)
def test_a_spoilt_draft_is_shown_all_the_same(draft):
    assert RegisterMeters.unbound(preset=draft).meters.rows


def test_errors_that_belong_to_no_field_are_the_forms():
    form = RegisterMeters.from_values({"meters": [METER], "all_registered": True})
    assert form.validate()
    form.add_errors({"": ["صفحه."], "unknown": ["ناشناس."], "meters": ["همه."], "meters.9.units": ["ردیف."]})
    assert form.error_map == {"": ["صفحه.", "ناشناس."], "meters": ["همه.", "ردیف."]}
    assert form.form_errors == ["صفحه.", "ناشناس."]
    assert isinstance(form, TaskForm) and form.errors == form.error_map
