"""Invoices and payments, in whole Rials (FEE-3)."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Rials


class InvoiceStatus(enum.StrEnum):
    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"


class PaymentState(enum.StrEnum):
    STARTED = "started"  # the gateway gave an authority
    SETTLED = "settled"  # verified and counted for its invoice
    FAILED = "failed"  # the gateway says: not paid
    EXPIRED = "expired"  # nobody knew within the office's waiting time (PAY-3); asked about once more on a late return
    UNMATCHED = "unmatched"  # verified after its invoice was closed: for finance (PAY-2)


class Invoice(Base):
    """An amount that a case owes for one reason. ``total`` in Rials is the sum of the lines, checked at creation."""

    __tablename__ = "invoices"
    __table_args__ = (Index("ix_invoices_case_id", "case_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    payer_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    reason: Mapped[str] = mapped_column(String(40))  # registration, debt, …
    status: Mapped[InvoiceStatus] = mapped_column(
        Enum(InvoiceStatus, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])
    )
    total: Mapped[int] = mapped_column(Rials)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    lines: Mapped[list[InvoiceLine]] = relationship(order_by="InvoiceLine.id", cascade="all, delete-orphan")
    payments: Mapped[list[Payment]] = relationship(order_by="Payment.id", back_populates="invoice")


class InvoiceLine(Base):
    """One line: a quantity of an item. ``amount`` = ``quantity`` × ``unit_amount`` exactly, in Rials."""

    __tablename__ = "invoice_lines"
    __table_args__ = (Index("ix_invoice_lines_invoice_id", "invoice_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id", ondelete="CASCADE"))
    meter_number: Mapped[int | None] = mapped_column(Integer)  # the row of the case's meter table
    meter_class: Mapped[str] = mapped_column(String(10), default="")
    item: Mapped[str] = mapped_column(String(40))  # inspection | repeated_visit
    stage: Mapped[str] = mapped_column(String(40))  # pre_inspection | sub_work | final_inspection | …
    quantity: Mapped[int] = mapped_column(Integer)
    unit_amount: Mapped[int] = mapped_column(Rials)
    amount: Mapped[int] = mapped_column(Rials)


class Payment(Base):
    """One attempt to pay an invoice at a gateway. It counts only when the gateway verified it (PAY-1)."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_invoice_id", "invoice_id"),
        Index("ix_payments_state_started_at", "state", "started_at"),
        Index("ix_payments_review_case_id", "review_case_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    gateway: Mapped[str] = mapped_column(String(30))
    authority: Mapped[str] = mapped_column(String(60), unique=True)
    pay_url: Mapped[str] = mapped_column(String(500))
    amount: Mapped[int] = mapped_column(Rials)
    state: Mapped[PaymentState] = mapped_column(
        Enum(PaymentState, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])
    )
    reference: Mapped[str] = mapped_column(String(60), default="")  # the bank's reference number for the payer
    started_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(
        String(40), default=""
    )  # what the gateway last said, as a key: in_bank, no_answer, …
    paid_amount: Mapped[int] = mapped_column(
        Rials, default=0
    )  # what the gateway stands for; 0: nothing, or it did not say
    review_case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))  # the unmatched_payment case about it

    invoice: Mapped[Invoice] = relationship(back_populates="payments")
