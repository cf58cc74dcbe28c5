"""Gas projects: meters, inspectors, and who was assigned to which project and why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId, Rials
from models.building import Owner, Property
from models.case import Case

# Of each list: what the form asks, what is saved, and what an edit begins with.
BUILDING_FIELDS = ("building_name", "riser_status", "work_type", "is_block")
METER_FIELDS = ("units", "usage", "floor_area", "consumption")


class GasProject(Base):
    """A gas-piping project of one contractor: one row for each case of ``project_registration``."""

    __tablename__ = "gas_projects"
    __table_args__ = (Index("ix_gas_projects_inspector_id_stage", "inspector_id", "stage", "referred_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), unique=True)
    contractor_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    property_id: Mapped[int | None] = mapped_column(ForeignKey("properties.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owners.id"))
    building_name: Mapped[str] = mapped_column(String(200), default="")
    riser_status: Mapped[str] = mapped_column(String(20), default="")
    work_type: Mapped[str] = mapped_column(String(20), default="")  # surface | concealed
    is_block: Mapped[bool] = mapped_column(Boolean, default=False)
    inspector_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    registered_at: Mapped[datetime | None]  # when the building was saved: from then on it has its number (REG-5)
    paid_at: Mapped[datetime | None]  # from then on meters and region are fixed (REG-11)
    stage: Mapped[str] = mapped_column(
        String(20), default=""
    )  # "" until an inspector has it; pre_inspection | final_inspection | approved | expired
    referred_at: Mapped[datetime | None]  # when it came to its inspector in this stage (INS-1)
    debt: Mapped[int] = mapped_column(Rials, default=0)  # what its open invoices of the inspection ask for (INS-7)
    presented_at: Mapped[datetime | None]  # the first visit at which the work could be inspected (INS-16)
    approved_at: Mapped[datetime | None]  # final approval

    case: Mapped[Case] = relationship()
    property: Mapped[Property | None] = relationship()
    owner: Mapped[Owner | None] = relationship()
    contractor: Mapped[Person] = relationship(foreign_keys=[contractor_id])
    inspector: Mapped[Person | None] = relationship(foreign_keys=[inspector_id])
    meters: Mapped[list[Meter]] = relationship(order_by="Meter.number", cascade="all, delete-orphan")


class Meter(Base):
    """One gas meter of a project. Its class is found by ``meter_class.dmn``, never typed (REG-7)."""

    __tablename__ = "meters"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)  # its row, from 1
    units: Mapped[int] = mapped_column(Integer)
    usage: Mapped[str] = mapped_column(String(20))
    floor_area: Mapped[Decimal] = mapped_column(Numeric(12, 2))  # m²
    consumption: Mapped[Decimal] = mapped_column(Numeric(12, 2))  # m³/h
    meter_class: Mapped[str] = mapped_column(String(10))


class Inspector(Base):
    """A gas inspector's worksheet: active, ready, and how much work the period may bring (ASG-1, INR-5)."""

    __tablename__ = "inspectors"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    ready: Mapped[bool] = mapped_column(Boolean, default=True)  # declared readiness (آماده به کاری)
    firm: Mapped[str] = mapped_column(String(200), default="")  # works for this firm: not for its own projects
    preferences: Mapped[str] = mapped_column(String(500), default="")  # in their own words, for the gas office (INR-5)

    person: Mapped[Person] = relationship()
    regions: Mapped[list[InspectorRegion]] = relationship(cascade="all, delete-orphan")


class InspectorRegion(Base):
    """An inspector is ready for projects of this region: the key of a district (``Division``), a number."""

    __tablename__ = "inspector_regions"

    inspector_id: Mapped[int] = mapped_column(ForeignKey("inspectors.person_id", ondelete="CASCADE"), primary_key=True)
    region: Mapped[int] = mapped_column(Integer, primary_key=True)


class InspectorQuota(Base):
    """What an inspector may get in a period and has got, weighted by meters (ASG-2)."""

    __tablename__ = "inspector_quotas"

    inspector_id: Mapped[int] = mapped_column(ForeignKey("inspectors.person_id", ondelete="CASCADE"), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)  # Jalali year, "1405"
    quota: Mapped[int] = mapped_column(Integer)  # meters, as the organisation gave it
    lost_twelfths: Mapped[int] = mapped_column(Integer, default=0)  # taken off it for withdrawals (ASG-5)
    assigned: Mapped[int] = mapped_column(Integer, default=0)  # meters
    last_assigned_at: Mapped[datetime | None]


class Assignment(Base):
    """An inspector was assigned to a project, with the reason in full (ASG-4)."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index("ix_assignments_project_id", "project_id"),
        Index("ix_assignments_inspector_id_ended", "inspector_id", "ended", "ended_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("gas_projects.id"))
    inspector_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
    by_hand_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    weight: Mapped[int] = mapped_column(Integer)  # meters
    loads: Mapped[list[Any]]  # candidates as they stood: [{person_id, name, quota, assigned, last_assigned_at}]
    note: Mapped[str] = mapped_column(String(500), default="")
    ended: Mapped[str] = mapped_column(String(20), default="")  # "" | withdrawn | dismissed
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(String(500), default="")

    project: Mapped[GasProject] = relationship()
    inspector: Mapped[Person] = relationship(foreign_keys=[inspector_id])
