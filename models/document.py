"""Files: each stored once by the hash of its content, each upload a row of its own (DOC-1)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId


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

    uploaded_by: Mapped[Person | None] = relationship()


class FileUsage(Base):
    """How many bytes of files a case got altogether, or a person sent in a day."""

    __tablename__ = "file_usage"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)  # case | person
    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # in UTC; of a case always the same
    bytes: Mapped[int] = mapped_column(BigInteger)
