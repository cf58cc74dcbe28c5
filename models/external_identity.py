"""Accounts at the organisation's OpenID provider: whose they are here, and which roles follow from their claims."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId

ONLY = 1  # the id of the one row of ``external_sign_in``


class ExternalIdentity(Base):
    """One account there is one account here: named by issuer and subject, never by a name or an e-mail address."""

    __tablename__ = "external_identities"
    __table_args__ = (
        UniqueConstraint("issuer", "subject", name="uq_external_identities_issuer_subject"),
        UniqueConstraint("person_id", "issuer", name="uq_external_identities_person_issuer"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200), default="")  # there, at the last sign-in; "" before the first
    linked_at: Mapped[datetime]
    linked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    signed_in_at: Mapped[datetime | None]  # last

    person: Mapped[Person] = relationship(foreign_keys=person_id)


class ClaimRole(Base):
    """Whoever has this value in the roles' claim holds this role from the next sign-in on."""

    __tablename__ = "claim_roles"
    __table_args__ = (UniqueConstraint("value", "role", "scope", name="uq_claim_roles_value_role_scope"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(ForeignKey("roles.key"))
    scope: Mapped[str] = mapped_column(String(40), default="")  # key of the division; "" = the role is not divided
    added_at: Mapped[datetime]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class ExternalSignIn(Base):
    """The one row with what the office allows. No row: nothing."""

    __tablename__ = "external_sign_in"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=ONLY)
    new_accounts: Mapped[bool] = mapped_column(Boolean, default=False)
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
