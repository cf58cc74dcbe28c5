"""People: accounts, roles, sessions, codes, and the organisation's messages to them."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId


def person_name(company: str | None, first_name: str, last_name: str) -> str:
    """Display name of a person: the company's name, else first and last name."""
    return company or f"{first_name} {last_name}"


class Person(Base):
    """An account: one natural or legal person who signs in."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)  # folded: ASCII digits, lower case
    password_hash: Mapped[str] = mapped_column(String(200))
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    company: Mapped[str | None] = mapped_column(String(200))  # a legal person's name; then first/last are its agent's
    mobile: Mapped[str | None] = mapped_column(String(11), index=True)  # 09…
    kind: Mapped[str] = mapped_column(String(20), default="staff")  # kind of user: citizen, contractor, engineer, staff
    language: Mapped[str] = mapped_column(String(2), default="fa")
    active: Mapped[bool] = mapped_column(Boolean, default=True)  # False: locked by an admin
    mobile_verified: Mapped[bool] = mapped_column(Boolean, default=False)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)  # ACC-3
    password_ends_at: Mapped[datetime | None]  # of a first password that was not changed yet
    created_at: Mapped[datetime]

    roles: Mapped[list[RoleGrant]] = relationship(
        back_populates="person", order_by="RoleGrant.id", cascade="all, delete-orphan"
    )

    @property
    def name(self) -> str:
        """Display name: the company's name, else first and last name."""
        return person_name(self.company, self.first_name, self.last_name)

    def __repr__(self) -> str:
        return f"<Person {self.id} {self.username}>"


class RoleGrant(Base):
    """A person holds a role (``models.organisation.Role``); one that is divided, within one division."""

    __tablename__ = "role_grants"
    __table_args__ = (UniqueConstraint("person_id", "role", "scope", name="uq_role_grants_person_role_scope"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(40), index=True)
    scope: Mapped[str] = mapped_column(String(40), default="")  # key of the division; "" = everywhere
    mapped: Mapped[bool] = mapped_column(Boolean, default=False)  # by a claim at sign-in (ClaimRole), and goes with it

    person: Mapped[Person] = relationship(back_populates="roles")


class SessionKind(enum.StrEnum):
    """Who holds the token of a session."""

    BROWSER = "browser"
    API = "api"
    HALF = "half"  # a browser or program whose second factor is not proved yet: it may do nothing


class SignInSession(Base):
    """A signed-in browser or API token, so that signing out and locking work at once."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of what the browser holds
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # a ``SessionKind``
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(45), default="")  # network address that it was opened from
    agent: Mapped[str] = mapped_column(String(200), default="")  # what the browser or program calls itself
    confirmed_at: Mapped[datetime | None]  # when the password or second factor was given last
    by_provider: Mapped[bool] = mapped_column(default=False, server_default=false())  # opened by OpenID Connect
    provider_factor: Mapped[bool] = mapped_column(default=False, server_default=false())  # … which asked for a second

    person: Mapped[Person] = relationship()


class KnownDevice(Base):
    """A device on which an account was signed in: its further attempts are counted by themselves."""

    __tablename__ = "known_devices"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of what the browser holds
    seen_at: Mapped[datetime] = mapped_column(index=True)  # signed in on last


class PendingRegistration(Base):
    """A registration whose code was not entered yet; there is no account before (ACC-1)."""

    __tablename__ = "pending_registrations"

    mark: Mapped[str] = mapped_column(String(64), primary_key=True)  # what the browser that sent it knows
    mobile: Mapped[str] = mapped_column(String(11))
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(index=True)


class VerificationCode(Base):
    """A six-digit code sent to a mobile (ACC-2), stored as a hash only."""

    __tablename__ = "verification_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), index=True)  # whose: a mobile, or the mark of a browser
    purpose: Mapped[str] = mapped_column(String(20))  # register | recover …
    code_hash: Mapped[str] = mapped_column(String(64))  # HMAC with the secret key
    sent_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    used_at: Mapped[datetime | None]


class Attempt(Base):
    """One counted attempt (sign-in, code), so that guessing in bulk is stopped over all processes."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_kind_key_at", "kind", "key", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class Message(Base):
    """A message of the organisation to one person or to everyone of a role (ACC-4)."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_person", "person_id", "id"),
        Index("ix_notices_role", "role", "id", postgresql_where=text("person_id IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    role: Mapped[str | None] = mapped_column(String(40))  # public: all of this role
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str]
    sender: Mapped[str] = mapped_column(String(200), default="")  # display name; "" = the system
    sent_at: Mapped[datetime]


class MessageReading(Base):
    """A person has read a message."""

    __tablename__ = "notice_readings"

    message_id: Mapped[int] = mapped_column("notice_id", ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    read_at: Mapped[datetime]


class IdempotencyKey(Base):
    """An answered API call, so that a repeated one is answered as the first was."""

    __tablename__ = "idempotency_keys"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
