"""Rules of the office that are one number each: what they are, the numbers in force, and who changed them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Enum, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId
from models.language import lazy

MEGABYTE = 1_000_000  # bytes


class Unit(enum.StrEnum):
    """What a rule's number counts."""

    MINUTE = "minute"
    MEGABYTE = "megabyte"
    DAY = "day"


UNIT_LABELS: dict[Unit, Any] = {Unit.MINUTE: lazy("دقیقه"), Unit.MEGABYTE: lazy("مگابایت"), Unit.DAY: lazy("روز")}


@dataclass(frozen=True, kw_only=True)
class OfficeRule:
    """The declaration of a rule: a whole number from ``least`` to ``most``; ``default`` until somebody changes it."""

    key: str  # ASCII letters, digits, ``_``
    label: Any  # a lazy text
    meaning: Any  # a lazy text: one sentence for the admin
    unit: Unit
    default: int
    least: int
    most: int

    def __post_init__(self) -> None:
        if not (self.key.isidentifier() and self.key.isascii()):
            raise ValueError(f"Not a key for an office rule: {self.key!r}")
        if not self.least <= self.default <= self.most:
            raise ValueError(f"{self.key}: {self.default} is not from {self.least} to {self.most}")


class OfficeRuleValue(Base):
    """The number of a rule that is in force. No row: the rule's default."""

    __tablename__ = "office_rules"

    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[int] = mapped_column(Integer)
    unit: Mapped[Unit] = mapped_column(
        Enum(Unit, native_enum=False, length=20, values_callable=lambda units: [unit.value for unit in units])
    )
    changed_at: Mapped[datetime | None]  # empty: as it came with the installation
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    changed_by: Mapped[Person | None] = relationship()


class OfficeRuleChange(Base):
    """One change of a rule: the numbers before and after, who, when and why. Append-only."""

    __tablename__ = "office_rule_changes"
    __table_args__ = (Index("ix_office_rule_changes_key_id", "key", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60))
    before: Mapped[int] = mapped_column(Integer)
    after: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    by_name: Mapped[str] = mapped_column(String(200), default="")
