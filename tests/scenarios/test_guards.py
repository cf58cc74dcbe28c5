"""What operations refuse although no form of today offers it: a form may be older than the case, or a program's."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from engine.errors import Refusal
from models.billing import InvoiceStatus
from models.gas import GasProject
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.gas_office import CONCEALED, METER, PROPERTY
from tests.scenarios.inspection_book import meter
from tests.scenarios.projects import operated, registered
from workflows.assignment import operations as assignment
from workflows.gas_inspection import debt as inspection_debt
from workflows.gas_inspection import operations as gas_inspection
from workflows.gas_inspection import report as inspection_report
from workflows.project_registration import invoice as invoice_operations
from workflows.project_registration import operations as project_registration


def refused(play: Play, who: str, operation: Any, **arguments: Any) -> list[str]:
    """The fields at which an operation refuses; nothing of it is kept."""
    with pytest.raises(Refusal) as refusal:
        operated(play, who, operation, **arguments)
    assert all(all(messages) for messages in refusal.value.errors.values())
    return list(refusal.value.errors)


# Registration


@pytest.mark.rule("REG-13")
def test_a_step_that_was_not_reached_is_not_gone_to(play: Play) -> None:
    office.up_to_owner(play)
    for step in ("register_meters", "review_invoice"):
        assert refused(play, "contractor", project_registration.return_to_step, submission={"step": step}) == ["step"]
    assert operated(play, "contractor", project_registration.return_to_step, submission={"step": "choose_property"})


@pytest.mark.rule("REG-3")
def test_a_property_that_there_is_not_is_not_used(play: Play) -> None:
    office.start(play)
    assert refused(play, "contractor", project_registration.use_property, submission={"property": "9999"}) == [
        "property"
    ]
    assert office.project(play).property_id is None


@pytest.mark.rule("REG-10")
@pytest.mark.parametrize("missing", ["property", "owner", "registered_at", "meters", "documents"])
def test_an_invoice_is_made_of_a_complete_file_only(play: Play, missing: str) -> None:
    office.up_to_invoice(play)
    with play.session() as session:
        found = session.scalars(select(GasProject).where(GasProject.case_id == play.case_id)).one()
        if missing == "meters":
            found.meters.clear()
        elif missing == "documents":
            for document in invoice_operations.documents_of(session, play.case_id)[:1]:
                document.title = ""
        else:
            setattr(found, missing, None)
    assert refused(play, "contractor", invoice_operations.prepare_invoice) == [""]
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.OPEN]


@pytest.mark.rule("REG-11", "REG-13")
def test_an_invoice_that_was_cancelled_is_not_confirmed(play: Play) -> None:
    office.up_to_invoice(play)
    cancelled = office.open_invoice(play).id
    office.go_to(play, "register_building")
    play.does("contractor", "register_building", **CONCEALED)
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.CANCELLED]
    assert refused(play, "contractor", invoice_operations.confirm_invoice, invoice=cancelled) == [""]


@pytest.mark.rule("REG-11")
def test_an_invoice_that_is_not_paid_is_not_recorded_as_paid(play: Play) -> None:
    office.up_to_invoice(play)
    with pytest.raises(ValueError, match="not paid"):
        operated(play, "contractor", invoice_operations.record_payment, invoice=office.open_invoice(play).id)
    assert office.project(play).paid_at is None


# Assignment


@pytest.mark.rule("ASG-1", "ASG-3")
def test_the_office_appoints_neither_strangers_nor_the_inactive_nor_without_a_reason(play: Play) -> None:
    idle = office.add_inspector(play, "inspector-1", active=False)
    elsewhere = office.add_inspector(play, "inspector-2", regions=(9,))
    registered(play)
    citizen = play.people.add("citizen", "citizen").id
    for person, note, field in (
        (idle, "دلیل", "inspector"),
        (citizen, "دلیل", "inspector"),
        (elsewhere, "", "note"),
    ):
        chosen = {"inspector": str(person), "note": note}
        assert refused(play, "gas_office", assignment.appoint_inspector, submission=chosen) == [field]
    assert office.assignments(play) == []
    chosen = {"inspector": str(elsewhere), "note": "نزدیک‌ترین"}
    assert operated(play, "gas_office", assignment.appoint_inspector, submission=chosen) == elsewhere


@pytest.mark.rule("ASG-1")
def test_the_office_appoints_nobody_of_the_contractors_own_firm(play: Play) -> None:
    play.people.add("contractor", "contractor", company="گازرسان", mobile="09130000001")
    own = office.add_inspector(play, "inspector-1", firm="گازرسان")
    registered(play)
    chosen = {"inspector": str(own), "note": "دلیل"}
    assert refused(play, "gas_office", assignment.appoint_inspector, submission=chosen) == ["inspector"]


# Inspection


def report(**values: Any) -> dict[str, Any]:
    return insp.report("approved") | values


@pytest.mark.rule("INS-7")
def test_no_report_is_recorded_in_debt(play: Play) -> None:
    insp.begins(play)
    insp.visits(play)
    with play.session() as session:
        project = session.scalars(select(GasProject)).one()
        project.debt = 1
    assert refused(play, "inspector-1", gas_inspection.record_report, submission=report()) == [""]
    assert insp.reports_of(play) == []


@pytest.mark.rule("INS-2")
def test_no_report_is_recorded_without_a_visit(play: Play) -> None:
    insp.begins(play)
    assert refused(play, "inspector-1", gas_inspection.record_report, submission=report()) == [""]


@pytest.mark.rule("INS-14")
def test_a_correction_has_photos_of_this_case_only(play: Play) -> None:
    insp.begins(play)
    insp.reports(play, "defects", 1)
    wrong = {"report": 1, "report_text": "x", "photos": [9999]}
    assert refused(play, "inspector-1", inspection_report.correct, submission=wrong) == ["photos"]
    assert len(insp.reports_of(play)) == 1


@pytest.mark.rule("INS-11")
def test_a_meter_that_nobody_found_wrong_is_not_put_right(play: Play) -> None:
    insp.begins(play, meter("G4"))
    values = {name: METER[name] for name in ("units", "usage", "floor_area", "consumption")}
    assert refused(play, "contractor", inspection_debt.reclassify_meter, submission=values) == [""]
    assert [one.meter_class for one in insp.project(play).meters] == ["G4"]


@pytest.mark.rule("REG-2")
def test_a_known_renovation_code_is_not_registered_once_more(play: Play) -> None:
    office.up_to_owner(play)
    office.start(play, by="contractor-2")
    again = refused(play, "contractor-2", project_registration.register_property, submission=PROPERTY)
    assert again == ["renovation_code"]
    assert office.project(play).property_id is None
