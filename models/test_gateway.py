"""The ledger of the built-in test gateway: a small bank of its own, apart from our invoices and payments."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Rials


class TestGatewayState(enum.StrEnum):
    __test__ = False  # a gateway's state, not a class of tests

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TestGatewayPayment(Base):
    """One payment as the test bank knows it. Only the gateway's own page and its ``verify`` change it."""

    __test__ = False  # a table, not a class of tests
    __tablename__ = "test_gateway_payments"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    authority: Mapped[str] = mapped_column(String(36), unique=True)
    amount: Mapped[int] = mapped_column(Rials)
    description: Mapped[str] = mapped_column(String(500))
    callback_url: Mapped[str] = mapped_column(String(500))
    invoice_number: Mapped[str] = mapped_column(String(40))
    state: Mapped[TestGatewayState] = mapped_column(
        Enum(TestGatewayState, native_enum=False, length=20, values_callable=lambda s: [m.value for m in s]),
        default=TestGatewayState.OPEN,
    )
    reference: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]  # when the shop asked first; asked again it hears "already"
