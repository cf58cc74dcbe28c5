"""Generated histories of a payer, a bank with faults and people who interfere: whose money is where at the end.

The books are the bank's own. A second office that believes what browsers say shows that the check can fail.
``PAYMENT_HISTORIES`` says how many histories are played; a nightly run takes 20,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.billing import Invoice, InvoiceStatus, Payment, PaymentState
from models.case import Case, CaseStatus
from tests.databases import SQLITE
from tests.providers.zarinpal_server import ZarinpalServer
from tests.scenarios.shop import FEE, MINUTE, Order, Shop

HISTORIES = int(os.environ.get("PAYMENT_HISTORIES", "40"))
ALWAYS = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,
}
COUNTED = {PaymentState.SETTLED, PaymentState.UNMATCHED}
FORGED = ["A" + "9" * 35, "' OR 1=1 --"]

ACTIONS: list[tuple[Any, ...]] = [  # what stands here more often happens more often
    *[("goes_to_bank",)] * 4,
    *[("pays", number, FEE) for number in range(3)] * 2,
    *[("pays", number, amount) for number in range(2) for amount in (FEE - 1, FEE + 1)],
    *[("returns", number, status) for number in range(3) for status in ("OK", "NOK")],
    *[("is_refused", number) for number in range(2)],
    *[("forged", authority) for authority in FORGED],
    *[("cancels",)] * 5,
    *[("time", seconds) for seconds in (5, 61, 31 * 60)],
    *[("fault", kind) for kind in ("500_after_work", "500_after_work", "500", "garbage", "cut")],
    *[("changes_order",)] * 3,
    ("case_ended",),
]
histories = st.lists(st.sampled_from(ACTIONS), min_size=5, max_size=16)


class History:
    """Plays one history: an order of its own in an office that stays open."""

    def __init__(self, office: Shop) -> None:
        self.shop = office
        self.bank = office.bank
        self.bank.next_fault = None
        self.order: Order = office.order()

    def play(self, history: list[tuple[Any, ...]]) -> None:
        self.goes_to_bank()
        for name, *arguments in history:
            getattr(self, name)(*arguments)
            self.check_nothing_unpaid_counts()
        self.bank.next_fault = None
        self.shop.passes(timedelta(minutes=10), step=2 * MINUTE)
        self.check_books()

    def close(self) -> None:
        """End what is still open, so that the next history has the office for itself."""
        self.bank.next_fault = None
        with self.shop.engine.transaction() as session:
            reviews = session.scalars(select(Case.id).where(Case.refers_to_id == self.order.case_id)).all()
        for case_id in [self.order.case_id, *reviews]:
            self._end(case_id)

    def _end(self, case_id: int) -> None:
        with self.shop.engine.transaction() as session:
            if session.get_one(Case, case_id).status is CaseStatus.RUNNING:
                self.shop.engine.supervision.cancel_case(session, case_id, by=self.shop.supervisor, reason="-")

    def payments(self) -> list[Payment]:
        """The payments of this order, oldest first."""
        with self.shop.engine.transaction() as session:
            found = select(Payment).join(Payment.invoice).where(Invoice.case_id == self.order.case_id)
            return list(session.scalars(found.order_by(Payment.id)))

    def _authority(self, number: int) -> str:
        authorities = [payment.authority for payment in self.payments()]
        return authorities[number % len(authorities)] if authorities else ""

    def goes_to_bank(self) -> None:
        if "accept_invoice" in self.order.waits_for():
            self.order.pay()

    def pays(self, number: int, amount: int) -> None:
        authority = self._authority(number)
        if authority and self.bank.payments[authority].state != "paid":
            self.bank.pay(authority, amount=amount)

    def is_refused(self, number: int) -> None:
        authority = self._authority(number)
        if authority and self.bank.payments[authority].state != "paid":
            self.bank.fail(authority)

    def returns(self, number: int, status: str) -> None:
        authority = self._authority(number)
        if authority:
            self.shop.comes_back(authority, status)

    def forged(self, authority: str) -> None:
        before = self.shop.snapshot()
        self.shop.comes_back(authority, "OK")
        assert self.shop.snapshot() == before, "a forged return changed something"

    def cancels(self) -> None:
        if self.order.offers("cancel_payment"):
            self.order.does("cancel_payment")

    def time(self, seconds: int) -> None:
        self.shop.passes(timedelta(seconds=seconds), step=max(MINUTE, timedelta(seconds=seconds / 4)))

    def fault(self, kind: str) -> None:
        self.bank.next_fault = kind

    def changes_order(self) -> None:
        if "accept_invoice" in self.order.waits_for():
            self.order.invoice()

    def case_ended(self) -> None:
        self._end(self.order.case_id)

    def check_nothing_unpaid_counts(self) -> None:
        for payment in self.payments():
            if payment.state in COUNTED:
                assert self.bank.payments[payment.authority].state == "paid", "counted, but the bank has no money"

    def check_books(self) -> None:
        with self.shop.engine.transaction() as session:
            invoices = session.scalars(select(Invoice).where(Invoice.case_id == self.order.case_id)).all()
            ended = session.get_one(Case, self.order.case_id).status is CaseStatus.CANCELLED
        payments = self.payments()
        paid = {
            p.authority: self.bank.payments[p.authority]
            for p in payments
            if self.bank.payments[p.authority].state == "paid"
        }
        counted = {p.authority: p for p in payments if p.state in COUNTED}
        assert counted.keys() == paid.keys(), "money without a place, or a place without money"
        settled = [p for p in payments if p.state is PaymentState.SETTLED]
        assert all(paid[p.authority].paid_amount == p.amount == FEE for p in settled), "settled with too little money"
        assert len({p.invoice_id for p in settled}) == len(settled), "an invoice is paid twice"
        assert {i.id for i in invoices if i.status is InvoiceStatus.PAID} == {p.invoice_id for p in settled}
        unmatched = [p for p in payments if p.state is PaymentState.UNMATCHED]
        assert sorted(task.case_id for task in self.shop.finance_tasks()) == sorted(
            p.review_case_id or 0 for p in unmatched
        ), "money that finance does not see, or sees twice"
        if not ended:
            self._check_open_invoices_took_their_money(invoices, paid)

    def _check_open_invoices_took_their_money(self, invoices: Any, paid: Any) -> None:
        full = {p.invoice_id for p in self.payments() if p.authority in paid and paid[p.authority].paid_amount == FEE}
        for invoice in invoices:
            if invoice.status is InvoiceStatus.OPEN:
                assert invoice.id not in full, "an open invoice did not take the money that came for it"
            if invoice.status is InvoiceStatus.PAID and invoice.id == self.order.invoice_id:
                assert "payment_returned" not in self.order.waits_for(), "paid, but the case does not go on"


class Office(Shop):
    """The real one: only the authority is looked at."""

    def comes_back(self, authority: str, status: str) -> None:
        self.returns(authority)


class NaiveOffice(Shop):
    """Believes the browser: ``Status=OK`` settles."""

    def comes_back(self, authority: str, status: str) -> None:
        with self.engine.transaction() as session:
            found = session.scalars(select(Payment).where(Payment.authority == authority)).one_or_none()
            if found is not None and status == "OK":
                found.state, found.paid_amount = PaymentState.SETTLED, found.amount
                found.invoice.status = InvoiceStatus.PAID
        self.work()


@pytest.fixture(scope="module")
def bank() -> Iterator[ZarinpalServer]:
    with ZarinpalServer() as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as opened:
        yield opened


@pytest.fixture
def office(bank: ZarinpalServer, client: httpx.Client) -> Iterator[Office]:
    opened = Office(SQLITE, bank, client)
    yield opened
    opened.database.dispose()


@pytest.fixture
def naive_office(bank: ZarinpalServer, client: httpx.Client) -> Iterator[NaiveOffice]:
    opened = NaiveOffice(SQLITE, bank, client)
    yield opened
    opened.database.dispose()


def play(office: Shop, history: list[tuple[Any, ...]]) -> None:
    played = History(office)
    try:
        played.play(history)
    finally:
        played.close()


@pytest.mark.rule("PAY-1", "PAY-2", "PAY-3")
@settings(max_examples=HISTORIES, **ALWAYS)
@given(history=histories)
def test_all_money_has_exactly_one_place(office, history):
    play(office, history)


def test_an_office_that_believes_the_browser_is_found_out(naive_office):
    @seed(20261121)
    @settings(max_examples=60, phases=[Phase.generate], **ALWAYS)
    @given(history=histories)
    def naive(history: list[tuple[Any, ...]]) -> None:
        play(naive_office, history)

    with pytest.raises(AssertionError, match=r"the bank has no money|too little money|place without money"):
        naive()
