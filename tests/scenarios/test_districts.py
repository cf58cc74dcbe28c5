"""Districts of properties and inspectors are rows of the organisation's table, which an admin changes."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

import forms
from engine.administration import organisation as changes
from engine.administration.organisation import DivisionValues
from models.language import reading
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.test_worksheet import fill_in, offered, read
from workflows.gas import districts

KAVAR = DivisionValues(name_fa="منطقهٔ کوار", name_en="Kavar district")
PROPERTY = office.PROPERTY | {"region": 11, "renovation_code": "11-1-1-1"}


def add(play: Play) -> None:
    with play.session() as session:
        changes.add_division(session, "district", "11", KAVAR, by=play.actor("admin"), now=play.clock.now)


def deactivate(play: Play) -> None:
    with play.session() as session:
        changes.set_division_active(session, "district", "11", False, by=play.actor("admin"), now=play.clock.now)


def choosing(play: Play) -> Play:
    """A contractor is about to register a new property."""
    office.start(play)
    return play.does("contractor", "choose_property", source="new")


def regions(play: Play, task: str, **typed: Any) -> dict[Any, str]:
    """The districts that the task's form offers: value → label."""
    return {one.value: one.label for one in office.briefing(play, "contractor", task, **typed).choices["region"]}


@pytest.mark.both_databases("story")
@pytest.mark.rule("REG-2", "INR-5", "ASG-1")
def test_a_district_that_an_admin_adds_is_chosen_declared_and_assigned(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", regions=(3,))
    choosing(play)
    assert "region" in play.refuses("contractor", "register_property", **PROPERTY)

    add(play)
    assert regions(play, "register_property")[11] == "منطقهٔ کوار"
    fill_in(play, "inspector-1", ready=True, regions=[3, 11])
    office.paid(play, **PROPERTY)
    assert office.project(play).property.region == 11
    assert office.project(play).inspector_id == person
    assert "منطقهٔ کوار" in office.texts(office.case_page(play, "contractor"))
    with reading("en"):
        assert "Kavar district" in office.texts(office.case_page(play, "contractor"))


@pytest.mark.rule("REG-2", "REG-3", "INR-5")
def test_a_district_out_of_use_is_refused_for_new_records_and_named_on_old_ones(play: Play) -> None:
    add(play)
    office.add_inspector(play, "inspector-1", regions=(11,))
    office.add_inspector(play, "inspector-2", regions=(3,))
    office.up_to_owner(play, **PROPERTY)
    deactivate(play)
    assert "منطقهٔ کوار" in office.texts(office.case_page(play, "contractor"))
    office.go_to(play, "register_property")
    assert regions(play, "register_property")[11] == "منطقهٔ کوار"  # what is saved may stay
    play.does("contractor", "register_property", **PROPERTY | {"floors": 7})

    choosing(play)
    assert list(regions(play, "register_property")) == list(range(1, 11))
    refused = play.refuses("contractor", "register_property", **PROPERTY | {"renovation_code": "11-2-2-2"})
    assert refused == {"region": ["یکی از گزینه‌های فهرست را انتخاب کنید."]}

    office.start(play)
    play.does("contractor", "choose_property", source="existing")
    assert list(regions(play, "find_property")) == list(range(1, 11))
    assert list(regions(play, "find_property", property_code="123")) == list(range(1, 11))
    found = office.briefing(play, "contractor", "find_property", renovation_code="11-1-1-1")
    assert "منطقهٔ کوار" in office.texts(found.blocks) and "منطقهٔ کوار" in found.choices["property"][0].description

    assert [one.value for one in offered(play, "inspector-2")] == list(range(1, 11))
    assert [one.value for one in offered(play, "inspector-1")] == list(range(1, 12))
    assert read(play, "inspector-1").values["regions"] == [11]
    fill_in(play, "inspector-1", ready=True, regions=[11])
    with pytest.raises(AssertionError, match="regions"):
        fill_in(play, "inspector-2", ready=True, regions=[3, 11])


@pytest.mark.rule("ASG-3")
def test_the_gas_office_sees_the_districts_of_inspectors_by_name(play: Play) -> None:
    add(play)
    office.add_inspector(play, "inspector-1", regions=(3, 11))
    office.paid(play, region=5, renovation_code="5-1-1-1")
    assert "منطقهٔ ۳، منطقهٔ کوار" in office.texts(office.briefing(play, "gas_office", "assign_by_hand").blocks)


@pytest.mark.rule("REG-2")
def test_the_schema_of_the_form_names_the_districts_of_the_table(play: Play) -> None:
    add(play)
    choosing(play)
    form = forms.form_for("project_registration", "register_property")
    assert form is not None
    schema = form.json_schema(office.briefing(play, "contractor", "register_property").choices)
    region = schema["properties"]["region"]
    assert region["type"] == "integer" and region["enum"] == list(range(1, 12))
    assert region["x-labels"]["3"] == "منطقهٔ ۳" and region["x-labels"]["11"] == "منطقهٔ کوار"
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(PROPERTY) and not validator.is_valid(PROPERTY | {"region": 12})


def test_a_record_keeps_its_number_where_the_table_lacks_the_district(play: Play) -> None:
    with play.session() as session:
        assert districts.name(session, 3) == "منطقهٔ ۳"
        assert districts.name(session, 77) == "۷۷"
