"""The organisation as data: its roles, the divisions that divide some of them, and who changed what.

An admin adds roles and divisions on pages; a lane of a diagram is named by the key of a role. Only the roles
without which the product cannot be run are code: ``SystemRole``.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId
from models.language import lazy

ONLY = 1  # the id of the one row of ``organisation_revision``


class SystemRole(enum.StrEnum):
    """The roles that the code names: they draw processes, watch cases and manage the installation."""

    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class DivisionKind(enum.StrEnum):
    """By what a role can be divided."""

    UNIT = "unit"
    DISTRICT = "district"
    REGION = "region"


NUMBERED = frozenset({DivisionKind.DISTRICT})  # kinds whose keys are numbers: records hold them as integers
NUMBER = re.compile("[1-9][0-9]{0,3}")  # such a key

KIND_LABELS: dict[str, Any] = {
    DivisionKind.UNIT: lazy("واحد"),
    DivisionKind.DISTRICT: lazy("منطقه"),
    DivisionKind.REGION: lazy("ناحیه"),
}


class Role(Base):
    """A role that people hold. Its row is never removed: old cases name it; ``active`` says whether it is in use."""

    __tablename__ = "roles"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)  # as lanes name it; never changed
    name_fa: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    divided_by: Mapped[str] = mapped_column(String(20), default="")  # a ``DivisionKind``; "": not divided
    granted_by: Mapped[list[Any]] = mapped_column(default=list)  # keys of roles whose holders may grant it; admins may
    permissions: Mapped[list[Any]] = mapped_column(default=list)  # actions (engine.identity.permissions.GRANTABLE)
    on_registration: Mapped[bool] = mapped_column(Boolean, default=False)  # given to whoever registers (ACC-1)
    second_factor: Mapped[bool] = mapped_column(Boolean, default=False)  # whoever holds it must have one
    position: Mapped[int] = mapped_column(SmallInteger, default=0)  # in lists: by position, then by key
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    def __repr__(self) -> str:
        return f"<Role {self.key}>"


class Division(Base):
    """A unit, district or region: people hold a divided role within one of them. Never removed, as ``Role``."""

    __tablename__ = "divisions"
    __table_args__ = (CheckConstraint("kind IN ('unit', 'district', 'region')", name="kind"),)

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)  # a ``DivisionKind``
    key: Mapped[str] = mapped_column(String(40), primary_key=True)  # as ``RoleGrant.scope`` and ``Task.scope`` hold it
    name_fa: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    def __repr__(self) -> str:
        return f"<Division {self.kind} {self.key}>"


class OrganisationRevision(Base):
    """The one row that every change of roles and divisions writes, and locks: processes see by it what is stale."""

    __tablename__ = "organisation_revision"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=ONLY)
    revision: Mapped[str] = mapped_column(String(32))  # random, so that one that was rolled back never comes again


class OrganisationChange(Base):
    """One role, division or membership changed: what was before and after, who did it and when. Append-only."""

    __tablename__ = "organisation_changes"
    __table_args__ = (Index("ix_organisation_changes_subject_key_id", "subject", "key", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))  # role | unit | district | region | membership
    key: Mapped[str] = mapped_column(String(60))  # of the role or division; the person's user name
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))  # empty: the system
    by_name: Mapped[str] = mapped_column(String(200), default="")
