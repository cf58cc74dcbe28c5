"""The second factor of an account: what it is, and the recovery codes that stand in for it."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class FactorKind(enum.StrEnum):
    """How the second factor is proved."""

    TOTP = "totp"  # a code that an authenticator app reckons (RFC 6238)
    SMS = "sms"  # a code that is sent to the account's mobile


class SecondFactor(Base):
    """The one second factor of a person. Without a row the password alone signs them in."""

    __tablename__ = "second_factors"

    person_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(String(10))  # a ``FactorKind``
    secret: Mapped[str] = mapped_column(String(200), default="")  # of TOTP, encrypted with the secret key
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)  # of TOTP: the step whose code was used last
    recovery_salt: Mapped[str] = mapped_column(String(32))  # of the hashes of the recovery codes
    enrolled_at: Mapped[datetime]

    def __repr__(self) -> str:
        return f"<SecondFactor {self.person_id} {self.kind}>"


class RecoveryCode(Base):
    """A code that proves the second factor once, for whoever has lost it. Stored as a slow, salted hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("person_id", "code_hash", name="uq_recovery_codes_person_id_code_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]
