"""Each field of a registration is asked, saved, shown on the case's page, and preset when the step is edited."""

from __future__ import annotations

import re
from typing import Any

import pytest

import forms
from forms.project_registration import MeterRow
from models.building import OWNER_FIELDS, PROPERTY_FIELDS, Owner, Property
from models.gas import BUILDING_FIELDS, METER_FIELDS, GasProject, Meter
from models.language import reading
from tests.play import Play
from tests.scenarios import gas_office as office
from workflows.formatting import yes_no

COMPANY = {
    "owner_kind": "company",
    "company_name": "شرکت ساختمانی کاخ",
    "national_id": "10380284790",
    "registration_number": "28479",
    "agent_name": "مریم رضایی",
    "mobile": "09121112233",
}
BUILDING = office.SURFACE | {"riser_status": "requested", "is_block": True}
OWN_COLUMNS = {  # of the tables that hold nothing but such fields: what is no field
    Property: {"id", "code", "registered_at"},
    Owner: {"id", "kind"},
    Meter: {"id", "project_id", "number", "meter_class"},
}


def form_of(task: str) -> type[forms.TaskForm]:
    return forms.registered()["project_registration", task]


def test_the_lists_name_the_fields_of_the_forms_and_the_columns_of_the_tables() -> None:
    of_owners = {name for names in OWNER_FIELDS.values() for name in names}
    assert set(form_of("register_property").unbound().data) == set(PROPERTY_FIELDS)
    assert set(form_of("register_owner").unbound().data) == {"owner_kind", *of_owners}
    assert set(form_of("register_building").unbound().data) == set(BUILDING_FIELDS)
    assert set(MeterRow().data) == set(METER_FIELDS)
    for table, names in ((Property, {*PROPERTY_FIELDS}), (Owner, of_owners), (Meter, {*METER_FIELDS})):
        assert {column.key for column in table.__table__.columns} == names | OWN_COLUMNS[table]
    assert set(BUILDING_FIELDS) <= {column.key for column in GasProject.__table__.columns}


@pytest.mark.rule("REG-4", "REG-13")
@pytest.mark.parametrize("owner", [office.OWNER, COMPANY], ids=["person", "company"])
def test_what_was_typed_is_shown_and_is_there_when_its_step_is_edited(play: Play, owner: dict[str, Any]) -> None:
    office.up_to_owner(play)
    play.does("contractor", "register_owner", **owner)
    play.does("contractor", "register_building", **BUILDING)
    play.does("contractor", "register_meters", meters=[office.METER], all_registered=True)

    typed = {"register_property": office.PROPERTY, "register_owner": owner, "register_building": BUILDING}
    for task, values in typed.items():
        office.go_to(play, task)
        preset = office.briefing(play, "contractor", task).values
        assert preset == values
        play.does("contractor", task, **preset)
    assert office.briefing(play, "contractor", "register_meters").values == {"meters": [office.METER]}

    page = plain(office.texts(office.case_page(play, "contractor")))
    for task, values in typed.items():
        assert [name for name, value in values.items() if shown(form_of(task).unbound(), name, value) not in page] == []
    assert [name for name, value in office.METER.items() if shown(MeterRow(), name, value) not in page] == []


def shown(form: Any, name: str, value: Any) -> str:
    """How a page writes a value: the label of an option, a word for yes, a number."""
    if name in ("owner_kind", "region"):  # the kind is seen by the fields, a district by the name in its row
        return ""
    if isinstance(value, bool):
        with reading("fa"):
            return yes_no(value)
    options = {option.value: option.label for option in getattr(form[name], "options", None) or []}
    return plain(str(options.get(value, value)))


def plain(text: str) -> str:
    """A text without the marks that keep codes together, in ASCII digits."""
    return re.sub("[\u2066-\u2069]", "", text).translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹٫", "0123456789."))
