"""Deployed diagrams and decision tables, each in versions that never change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class ProcessDefinition(Base):
    """One version of a diagram. ``calls`` pins the versions of the diagrams it calls: a case never changes course."""

    __tablename__ = "process_definitions"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200))
    xml: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64))  # of the XML and of all it calls
    calls: Mapped[dict[str, Any]]  # called process key → process_definitions.id
    # Names that its expressions read and none of its steps set, when it was deployed; empty: not looked at yet.
    names_unset: Mapped[list[Any] | None]
    deployed_at: Mapped[datetime]
    deployed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    def __repr__(self) -> str:
        return f"<ProcessDefinition {self.key} v{self.version}>"


class DecisionDefinition(Base):
    """One version of a file of decision tables. The newest version decides, also for running cases."""

    __tablename__ = "decision_definitions"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60))  # the decision's id = the file's name
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200))
    xml: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64))
    deployed_at: Mapped[datetime]
    deployed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
