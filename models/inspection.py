"""What is kept of inspections: visits, reports that never change, credits, and the certificates that follow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId, Rials
from models.case import Case
from models.gas import GasProject

_REVOKED = text("revoked_at IS NOT NULL")


class InspectionVisit(Base):
    """The time an inspector set for a visit (INS-2). The newest one of a project without a report is the next."""

    __tablename__ = "inspection_visits"
    __table_args__ = (
        Index("ix_inspection_visits_project_id_state", "project_id", "state"),
        Index("ix_inspection_visits_inspector_id_at", "inspector_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id"))
    inspector_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    stage: Mapped[str] = mapped_column(String(20))  # pre_inspection | final_inspection
    at: Mapped[datetime]  # when the inspector comes
    set_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="planned")  # planned | reported | dropped (inspector left)

    project: Mapped[GasProject] = relationship()
    inspector: Mapped[Person] = relationship()


class InspectionReport(Base):
    """What an inspector found at a visit. Never changed: a correction is a report that refers to it (INS-14)."""

    __tablename__ = "inspection_reports"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("ix_inspection_reports_inspector_id_at", "inspector_id", "at"),
        # What each step asks of all reports of a project is found without reading them.
        Index("ix_inspection_reports_project_id_outcome_stage", "project_id", "outcome", "stage"),
        Index("ix_inspection_reports_project_id_sub_work_number", "project_id", "sub_work_number"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))  # the gas_inspection case
    number: Mapped[int] = mapped_column(Integer)  # of the project, from 1
    inspector_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("inspection_visits.id"))
    stage: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(30))  # of INS-4; of a correction: correction
    text: Mapped[str]
    at: Mapped[datetime]
    sub_work_number: Mapped[int | None] = mapped_column(Integer)  # which sub-work of the project it is, from 1
    meters: Mapped[list[Any]]  # numbers of the meters that are meant (INS-5)
    mismatches: Mapped[list[Any]]  # [{"meter": number, "remark": text}] (INS-11)
    photos: Mapped[list[Any]]  # ids of documents
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"))  # the debt it made
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("inspection_reports.id"))

    project: Mapped[GasProject] = relationship()
    case: Mapped[Case] = relationship()
    inspector: Mapped[Person] = relationship()
    visit: Mapped[InspectionVisit | None] = relationship()
    corrects: Mapped[InspectionReport | None] = relationship(remote_side="InspectionReport.id")


class MeterCorrection(Base):
    """A meter that an inspector found different from the registered one, until and after it is put right (INS-11)."""

    __tablename__ = "meter_corrections"
    __table_args__ = (Index("ix_meter_corrections_project_id", "project_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id"))
    report_id: Mapped[int] = mapped_column(ForeignKey("inspection_reports.id"))
    meter_number: Mapped[int] = mapped_column(Integer)
    remark: Mapped[str]
    before: Mapped[dict[str, Any] | None]  # the meter as it was: units, usage, floor_area, consumption, meter_class
    after: Mapped[dict[str, Any] | None]
    corrected_at: Mapped[datetime | None]  # empty: the contractor still has to
    difference: Mapped[int] = mapped_column(Rials, default=0)  # what is asked for more (+) or credited (-)
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"))  # of a positive difference


class Certificate(Base):
    """A confirmation certificate (تاییدیه). What was signed never changes; revoking adds to it (CNF-3, CNF-5)."""

    __tablename__ = "certificates"
    __table_args__ = (
        Index("ix_certificates_project_id", "project_id"),
        Index("ix_certificates_case_id", "case_id"),
        Index("ix_certificates_revoked", "id", postgresql_where=_REVOKED, sqlite_where=_REVOKED),  # few among many
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))  # the confirmation_issuance case
    inspector_id: Mapped[int] = mapped_column(ForeignKey("people.id"))  # who approved
    issued_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]  # what the paper shows, as it was then
    key_id: Mapped[str] = mapped_column(ForeignKey("signing_keys.id"))
    payload: Mapped[str]  # the exact text that was signed
    signature: Mapped[str] = mapped_column(String(120))  # Ed25519, base64url
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    revoked_why: Mapped[str] = mapped_column(String(500), default="")

    project: Mapped[GasProject] = relationship()
    case: Mapped[Case] = relationship()
    inspector: Mapped[Person] = relationship(foreign_keys=[inspector_id])
    key: Mapped[SigningKey] = relationship()


class SigningKey(Base):
    """An Ed25519 key of the organisation. The newest one signs; older ones go on proving what they signed."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)  # the beginning of the public key's hash
    public_key: Mapped[str] = mapped_column(String(60))  # raw, base64url
    private_key: Mapped[str] = mapped_column(String(400))  # encrypted with a key derived from the secret key
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]  # since then it signs nothing new
