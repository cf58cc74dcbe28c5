"""Queries on inspections for every process of a gas project: reports, debt, approval, planned visit."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.account import Person
from models.billing import Invoice, InvoiceStatus
from models.case import Case
from models.gas import Assignment, GasProject
from models.inspection import InspectionReport, InspectionVisit, MeterCorrection
from workflows.registry import renames

PROCESS = "gas_inspection"

PRE_INSPECTION = "pre_inspection"
FINAL_INSPECTION = "final_inspection"
APPROVED = "approved"  # the stage after both
EXPIRED = "expired"

DEBT = "debt"  # reason of a report's invoice
METER_CORRECTION = "meter_correction"  # reason of a corrected meter's invoice
CORRECTION = "correction"  # the outcome of a report that corrects another


def latest_inspector(session: Session, project: GasProject) -> Person | None:
    """The project's inspector, else its last inspector."""
    if project.inspector is not None:
        return project.inspector
    return session.scalars(
        select(Person)
        .join(Assignment, Assignment.inspector_id == Person.id)
        .where(Assignment.project_id == project.id)
        .order_by(Assignment.id.desc())
        .limit(1)
    ).first()


def open_invoice(session: Session, case: Case, *, lock: bool = False) -> Invoice | None:
    """The open invoice of an inspection, at most one; with ``lock`` read anew and locked until the transaction ends."""
    statement = select(Invoice).where(Invoice.case_id == case.id, Invoice.status == InvoiceStatus.OPEN)
    if lock:  # a late payment may settle it at this very moment
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement.order_by(Invoice.id.desc()).limit(1)).first()


def open_debt(session: Session, project: GasProject) -> int:
    """Sum of the open invoices of the project's inspection in Rials (INS-7)."""
    total = session.scalar(
        select(func.coalesce(func.sum(Invoice.total), 0))
        .join(Case, Case.id == Invoice.case_id)
        .where(
            Case.refers_to_id == project.case_id,
            Case.process_key.in_(renames.process_keys(PROCESS)),
            Invoice.status == InvoiceStatus.OPEN,
        )
    )
    return int(total or 0)


def is_finally_approved(project: GasProject) -> bool:
    """Whether the final inspection was approved, the condition of a certificate (INS-15)."""
    return project.stage == APPROVED and project.approved_at is not None


def stage_of(project: GasProject) -> str:
    """The present stage; pre-inspection for cases of the diagram's first version, which stored no stage."""
    return project.stage or PRE_INSPECTION


def is_stage_approved(session: Session, project: GasProject) -> bool:
    """Whether the project's stage has its approving report (INS-12)."""
    statement = select(InspectionReport.id).where(
        InspectionReport.project_id == project.id,
        InspectionReport.stage == project.stage,
        InspectionReport.outcome == APPROVED,
    )
    return session.execute(statement.limit(1)).first() is not None


def reports_of(session: Session, project: GasProject, *, newest: int) -> list[InspectionReport]:
    """The ``newest`` last reports of the project, oldest first."""
    reports = session.scalars(
        select(InspectionReport)
        .where(InspectionReport.project_id == project.id)
        .order_by(InspectionReport.number.desc())
        .limit(newest)
    ).all()
    return list(reversed(reports))


def last_number(session: Session, project: GasProject) -> int:
    """The number of the project's newest report; 0 if there is none."""
    statement = select(func.max(InspectionReport.number)).where(InspectionReport.project_id == project.id)
    return session.scalar(statement) or 0


def sub_works_of(session: Session, project: GasProject) -> int:
    """Number of sub-works reported so far (INS-7)."""
    statement = select(func.max(InspectionReport.sub_work_number)).where(InspectionReport.project_id == project.id)
    return session.scalar(statement) or 0


def planned_visit(session: Session, project: GasProject) -> InspectionVisit | None:
    """The planned visit without a report; ``None`` if there is none."""
    return session.scalars(
        select(InspectionVisit)
        .where(InspectionVisit.project_id == project.id, InspectionVisit.state == "planned")
        .order_by(InspectionVisit.id.desc())
        .limit(1)
    ).first()


def corrections_of(session: Session, project: GasProject, *, newest: int) -> list[MeterCorrection]:
    """The ``newest`` last meter mismatches, corrected or not, oldest first (INS-11)."""
    statement = select(MeterCorrection).where(MeterCorrection.project_id == project.id)
    return list(session.scalars(statement.order_by(MeterCorrection.id.desc()).limit(newest)))[::-1]


def reports_behind(session: Session, project: GasProject, invoice: Invoice) -> list[InspectionReport]:
    """The reports that caused an invoice, by their fee or by a meter mismatch; oldest first."""
    mismatched = select(MeterCorrection.report_id).where(
        MeterCorrection.project_id == project.id, MeterCorrection.invoice_id == invoice.id
    )
    statement = select(InspectionReport).where(
        InspectionReport.project_id == project.id,
        or_(InspectionReport.invoice_id == invoice.id, InspectionReport.id.in_(mismatched)),
    )
    return list(session.scalars(statement.order_by(InspectionReport.number)))


def meter_to_correct(session: Session, project: GasProject) -> MeterCorrection | None:
    """The next meter mismatch that the contractor has to correct; ``None`` if there is none."""
    return session.scalars(
        select(MeterCorrection)
        .where(MeterCorrection.project_id == project.id, MeterCorrection.corrected_at.is_(None))
        .order_by(MeterCorrection.id)
        .limit(1)
    ).first()


def credit_of(session: Session, project: GasProject) -> int:
    """Credit of the contractor for meters of a smaller class, in Rials, at least 0 (INS-11)."""
    total = session.scalar(
        select(func.coalesce(func.sum(-MeterCorrection.difference), 0)).where(
            MeterCorrection.project_id == project.id, MeterCorrection.difference < 0
        )
    )
    return int(total or 0)
