"""Stories of ``gas_inspection``, told in the words of the diagram."""

import pytest

from models.case import CaseStatus
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp

WEDNESDAY = {"visit_date": "1405/09/04", "visit_time": "۹:۳۰"}


@pytest.fixture
def inspection(play):
    """A paid project whose inspection has just begun; today is Saturday 1405/08/30, 10:00."""
    office.add_inspector(play, "inspector-1")
    office.add_inspector(play, "inspector-2", assigned=50)
    return office.paid(play).follow("gas_inspection")


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-2", "SMS-1")
def test_the_contractor_is_told_when_the_inspector_comes(inspection):
    before = len(inspection.sms())
    inspection.does("inspector-1", "schedule_visit", **WEDNESDAY)
    (message,) = inspection.sms()[before:]
    assert message.receiver == "09130000001"
    assert "۱۴۰۵/۰۹/۰۴ ساعت ۰۹:۳۰" in message.text
    assert inspection.waits_for() == {"record_report": "inspector"}
    assert "۱۴۰۵/۰۹/۰۴ ساعت ۰۹:۳۰" in office.texts(office.briefing(inspection, "inspector-1", "record_report").blocks)


@pytest.mark.rule("INS-2", "CAL-2")
@pytest.mark.parametrize(
    ("visit_date", "visit_time", "field"),
    [
        ("1405/08/29", "10:00", "visit_date"),
        ("1405/08/30", "09:59", "visit_time"),
        ("1405/08/30", "10:00", "visit_time"),
        ("1405/09/04", "07:29", "visit_time"),
        ("1405/09/04", "14:31", "visit_time"),
        ("1405/09/05", "10:00", "visit_date"),
        ("1405/09/06", "10:00", "visit_date"),
        ("1405/12/30", "10:00", "visit_date"),
        ("1405/09/04", "25:00", "visit_time"),
    ],
)
def test_a_visit_in_the_past_or_outside_working_hours_is_refused(inspection, visit_date, visit_time, field):
    errors = inspection.refuses("inspector-1", "schedule_visit", visit_date=visit_date, visit_time=visit_time)
    assert list(errors) == [field]


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-4", "INS-14")
def test_two_approved_stages_end_the_inspection_and_the_contractor_reads_it(inspection):
    inspection.does("inspector-1", "schedule_visit", **WEDNESDAY)
    inspection.does("inspector-1", "record_report", report_text="لوله‌کشی درست است.", outcome="approved")
    insp.reports(inspection, "approved")
    assert (inspection.case.status, inspection.case.outcome) == (CaseStatus.COMPLETED, "inspection_approved")
    assert "لوله‌کشی درست است." in office.texts(office.case_page(inspection, "contractor"))


@pytest.mark.rule("INS-4")
def test_an_absence_without_a_fee_asks_for_another_visit(inspection):
    inspection.does("inspector-1", "schedule_visit", **WEDNESDAY)
    inspection.does("inspector-1", "record_report", report_text="کسی نبود.", outcome="absent_without_fee", meters=[1])
    assert inspection.waits_for() == {"schedule_visit": "inspector"}
    inspection.does("inspector-1", "schedule_visit", visit_date="1405/09/08", visit_time="08:00")
    assert inspection.waits_for() == {"record_report": "inspector"}


@pytest.mark.rule("REG-8")
def test_the_visit_is_the_assigned_inspectors_alone(inspection):
    task = inspection.task("schedule_visit")
    assert task.assignee_id == inspection.actor("inspector-1").person_id
