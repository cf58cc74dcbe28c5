"""Actions of people in stories of inspections: visits, reports, debts, inspectors who come and go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from models.account import Message
from models.billing import InvoiceStatus
from models.case import Case
from models.gas import GasProject
from models.inspection import InspectionReport, InspectionVisit, MeterCorrection
from models.jalali import jalali_text
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.gas_office import CONCEALED, SURFACE

TEXT = {
    "approved": "همه چیز درست است.",
    "sub_work": "زیرکار دیده شد.",
    "defects": "اتصال نشتی دارد.",
    "absent_with_fee": "کسی در محل نبود.",
    "absent_without_fee": "به‌سبب بارندگی کسی نیامد.",
}

ABOUT_METERS = {"defects", "absent_with_fee", "absent_without_fee"}  # outcomes for which meters are marked


def begins(play: Play, *meters: dict[str, Any], work: str = "surface", inspectors: int = 2) -> Play:
    """A paid project whose inspection has just begun; ``inspector-1`` has it, the others are free."""
    for number in range(1, inspectors + 1):
        office.add_inspector(play, f"inspector-{number}", assigned=10 * number)
    building = CONCEALED if work == "concealed" else SURFACE
    return office.paid(play, *meters, building=building).follow("gas_inspection")


def working_day(play: Play) -> str:
    """The next working day, as it is typed."""
    calendar = play.engine.services.calendar
    moment = calendar.add_working_days(play.clock.now, 1).astimezone(calendar.zone)
    return jalali_text(moment.date())


def visits(play: Play, inspector: str = "inspector-1") -> Play:
    """The inspector sets the next working day, 9:30, and it becomes that time."""
    play.does(inspector, "schedule_visit", visit_date=working_day(play), visit_time="09:30")
    return play.at(visit(play).at)


def reports(
    play: Play,
    outcome: str,
    *meters: int,
    by: str = "inspector-1",
    mismatches: dict[int, str] | None = None,
    photos: list[int] | None = None,
) -> Play:
    """A visit and its report. ``meters``: those that are meant; ``mismatches``: meter → what is different."""
    visits(play, by)
    return play.does(by, "record_report", **report(outcome, *meters, mismatches=mismatches, photos=photos))


def report(
    outcome: str, *meters: int, mismatches: dict[int, str] | None = None, photos: list[int] | None = None
) -> dict[str, Any]:
    """The values of a report, as they are submitted."""
    rows = [{"meter": meter, "remark": remark} for meter, remark in (mismatches or {}).items()]
    return {
        "outcome": outcome,
        "report_text": TEXT[outcome],
        "meters": list(meters),
        "mismatches": rows,
        "photos": photos or [],
    }


def pays_debt(play: Play, decision: str = "pay", *, by: str = "contractor") -> Play:
    """The contractor goes on to the gateway and decides there."""
    play.does(by, "pay_debt")
    return play.pays(decision)


def project(play: Play) -> GasProject:
    """The project of the inspection that is played, with its meters and its inspector."""
    with play.session() as session:
        project = session.scalars(
            select(GasProject).join(Case, Case.refers_to_id == GasProject.case_id).where(Case.id == play.case_id)
        ).one()
        assert project.inspector_id is None or project.inspector is not None
        project.meters  # noqa: B018 - loaded while the session is open
        return project


def visit(play: Play) -> InspectionVisit:
    """The visit that was set last."""
    with play.session() as session:
        return session.scalars(select(InspectionVisit).order_by(InspectionVisit.id.desc()).limit(1)).one()


def reports_of(play: Play) -> list[InspectionReport]:
    """All reports, oldest first."""
    with play.session() as session:
        statement = select(InspectionReport).where(InspectionReport.case_id == play.case_id)
        return list(session.scalars(statement.order_by(InspectionReport.number)))


def corrections(play: Play) -> list[MeterCorrection]:
    with play.session() as session:
        return list(session.scalars(select(MeterCorrection).order_by(MeterCorrection.id)))


def debts(play: Play) -> list[int]:
    """The totals of all invoices of the inspection that were not cancelled, oldest first."""
    return [invoice.total for invoice in office.invoices(play) if invoice.status is not InvoiceStatus.CANCELLED]


def owed(play: Play) -> int:
    """Open debt in Rials by the invoices, equal to the project's own sum."""
    total = sum(invoice.total for invoice in office.invoices(play) if invoice.status is InvoiceStatus.OPEN)
    assert project(play).debt == total
    return total


def messages_to(play: Play, username: str) -> list[str]:
    """The messages of a person, oldest first."""
    person = play.people.actor(username).person_id
    with play.session() as session:
        return list(session.scalars(select(Message.body).where(Message.person_id == person).order_by(Message.id)))
