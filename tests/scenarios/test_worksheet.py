"""The inspector's worksheet: what they keep in it decides on the next assignment (INR-5)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

import forms
from engine.contributions.briefings import Briefing
from engine.contributions.listings import ListingContext
from engine.errors import NotFound, Refusal
from models.choice import Choice
from models.gas import Inspector, InspectorRegion
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.projects import assigned, left, operated, registered
from workflows.assignment import operations, worksheet
from workflows.registry import sheets


def context_of(play: Play, session: Any, who: str) -> ListingContext:
    return ListingContext(session=session, actor=play.actor(who), now=play.clock.now, services=play.engine.services)


def read(play: Play, who: str) -> Briefing:
    with play.session() as session:
        return worksheet.read(context_of(play, session, who))


def offered(play: Play, who: str) -> list[Choice]:
    """The districts that the person's worksheet offers."""
    return read(play, who).choices["regions"]


def filled_in(play: Play, who: str, **values: Any) -> forms.TaskForm:
    form = forms.form_for("worksheet", "worksheet")
    assert form is not None
    given = {"ready": False, "regions": [], "preferences": ""} | values
    return form.from_values(given, choices=read(play, who).choices)


def fill_in(play: Play, who: str, **values: Any) -> str:
    """Send the form as it is filled in; raises ``AssertionError`` with the errors it finds."""
    filled = filled_in(play, who, **values)
    assert filled.validate(), filled.error_map
    with play.session() as session:
        return worksheet.write(context_of(play, session, who), filled.submission)


@pytest.mark.both_databases("saving")
@pytest.mark.rule("INR-5", "ASG-1")
def test_what_the_worksheet_says_decides_on_the_next_assignment(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", regions=(3, 5))
    fill_in(play, "inspector-1", ready=True, regions=[4, 5], preferences="صبح‌ها")
    registered(play, region=3)
    assert operated(play, "contractor", operations.assign_inspector) is None
    registered(play, region=4)
    assert operated(play, "contractor", operations.assign_inspector) == person
    fill_in(play, "inspector-1", regions=[4], preferences="")
    registered(play, region=4)
    assert operated(play, "contractor", operations.assign_inspector) is None
    with play.session() as session:
        assert session.scalars(select(InspectorRegion.region)).all() == [4]
        assert session.get_one(Inspector, person).preferences == ""


@pytest.mark.rule("INR-5")
def test_readiness_without_a_region_is_refused_at_the_regions(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    filled = filled_in(play, "inspector-1", ready=True)
    assert not filled.validate() and list(filled.error_map) == ["regions"]
    assert not filled_in(play, "inspector-1", regions=[11]).validate()


@pytest.mark.rule("INR-5", "ASG-5")
def test_the_worksheet_shows_regions_readiness_quota_and_work(play: Play) -> None:
    office.add_inspector(play, "inspector-1", regions=(3, 9), quota=120, assigned=10)
    for _ in range(3):
        left(play, assigned(play), "inspector-1")
    assigned(play, meters=4, stage="final_inspection", debt=500)
    seen = read(play, "inspector-1")
    assert seen.values == {"ready": True, "regions": [3, 9], "preferences": ""}
    facts = {label: value for block in seen.blocks for label, value in vars(block).get("items", [])}
    assert facts["سهمیه (کنتور)"] == "۱۲۰" and facts["کم‌شده برای انصراف‌ها (کنتور)"] == "۱۰"
    assert facts["ارجاع‌شده (کنتور)"] == "۱۴" and facts["ظرفیت خالی (کنتور)"] == "۹۶"
    assert facts["انصراف‌های این ماه"].startswith("۳ ")
    assert (facts["پیش‌بازرسی"], facts["بازرسی نهایی"], facts["بدهی این پروژه‌ها"]) == ("۰", "۱", "۵۰۰ ریال")


@pytest.mark.rule("INR-5")
def test_the_worksheet_is_the_inspectors_own_and_nobody_makes_an_inspector_of_themselves(play: Play) -> None:
    play.people.add("inspector-new", "inspector")
    assert "فعال ثبت نکرده" in office.texts(read(play, "inspector-new").blocks)
    with pytest.raises(Refusal):
        fill_in(play, "inspector-new", ready=True, regions=[3])
    with pytest.raises(NotFound):
        sheets.get("worksheet", play.actor("contractor"))
