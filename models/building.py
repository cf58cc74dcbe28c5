"""Properties and their owners, as the organisation registers them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, Integer, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId

# Of each list: what the form asks, what is saved, and what an edit begins with.
PROPERTY_FIELDS = (
    "region",
    "main_plate",
    "sub_plate",
    "renovation_code",
    "postal_code",
    "address",
    "land_area",
    "floors",
)
OWNER_FIELDS = {  # by kind of owner
    "person": ("first_name", "last_name", "father_name", "national_code", "mobile"),
    "company": ("company_name", "national_id", "registration_number", "agent_name", "mobile"),
}


class Property(Base):
    """A piece of property. ``code`` is the organisation's own (کد ثبتی سازمان)."""

    __tablename__ = "properties"
    __table_args__ = (
        Index("ix_properties_plates", "main_plate", "sub_plate"),
        Index("ix_properties_sub_plate", "sub_plate"),
        Index("ix_properties_region", "region"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    region: Mapped[int] = mapped_column(Integer)  # key of the municipal district (``Division``), a number
    main_plate: Mapped[str] = mapped_column(String(20))
    sub_plate: Mapped[str] = mapped_column(String(20))
    renovation_code: Mapped[str] = mapped_column(String(30), unique=True)
    postal_code: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(500))
    land_area: Mapped[Decimal] = mapped_column(Numeric(12, 2))  # m²
    floors: Mapped[int] = mapped_column(Integer)
    registered_at: Mapped[datetime]


class Owner(Base):
    """A project's owner: a natural person or a company (REG-4)."""

    __tablename__ = "owners"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # person | company
    first_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100), default="")
    father_name: Mapped[str] = mapped_column(String(100), default="")
    national_code: Mapped[str] = mapped_column(String(10), default="", index=True)
    company_name: Mapped[str] = mapped_column(String(200), default="")
    national_id: Mapped[str] = mapped_column(String(11), default="", index=True)
    registration_number: Mapped[str] = mapped_column(String(20), default="")
    agent_name: Mapped[str] = mapped_column(String(200), default="")
    mobile: Mapped[str] = mapped_column(String(11))

    @property
    def name(self) -> str:
        return self.company_name if self.kind == "company" else f"{self.first_name} {self.last_name}"
