"""Files: each stored once by the hash of its content, each upload a row of its own (DOC-1)."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Enum, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId


class FileState(enum.StrEnum):
    READY = "ready"
    CHECKING = "checking"  # held until the virus scanner has looked at it; only its uploader knows of it
    INFECTED = "infected"  # the content is deleted


class Document(Base):
    """An uploaded file of a case."""

    __tablename__ = "documents"
    __table_args__ = (Index("ix_documents_case_id_id", "case_id", "id"), Index("ix_documents_sha256", "sha256"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))  # as uploaded, cleaned of path parts
    media_type: Mapped[str] = mapped_column(String(60))  # detected from the content
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    title: Mapped[str] = mapped_column(String(200), default="")  # what it is in the case, Persian
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    uploaded_at: Mapped[datetime]
    state: Mapped[FileState] = mapped_column(
        Enum(FileState, native_enum=False, length=10, values_callable=lambda states: [s.value for s in states]),
        default=FileState.READY,
    )
    finding: Mapped[str] = mapped_column(String(200), default="")  # what an infected file has, in the scanner's words

    uploaded_by: Mapped[Person | None] = relationship()


class FileScan(Base):
    """A document that the virus scanner has still to look at. The row goes with the verdict."""

    __tablename__ = "file_scans"
    __table_args__ = (
        Index("ix_file_scans_next_try_at_id", "next_try_at", "id"),
        Index("ix_file_scans_asked_at", "asked_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), unique=True)
    asked_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str] = mapped_column(String(300), default="")  # why the last attempt failed
    lease_owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[datetime | None]


class FileUsage(Base):
    """How many bytes of files a case got altogether, or a person sent in a day."""

    __tablename__ = "file_usage"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)  # case | person
    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # in UTC; of a case always the same
    bytes: Mapped[int] = mapped_column(BigInteger)
