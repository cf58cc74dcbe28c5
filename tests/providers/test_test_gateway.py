"""The built-in test gateway: its bank, its page's decisions, its verification."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from engine.errors import NotFound
from models.database import open_database, session_factory
from models.test_gateway import TestGatewayPayment
from tests.databases import drop_database, fresh_database
from workflows.providers.errors import ProviderError
from workflows.providers.payment_gateway import PaymentGateway, StartedPayment, UnverifiedPayment
from workflows.providers.test_gateway import BuiltInTestGateway, decide, find

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
FEE = 1_380_000  # Rials
CALLBACK = "https://kartabl.example/payments/return/test?case=7&Status=forged"


def create_ledger(url: str) -> None:
    database = open_database(url)
    TestGatewayPayment.__table__.create(database)
    database.dispose()


@pytest.fixture
def sessions(server: str) -> Iterator[sessionmaker[Session]]:
    url = fresh_database(server, prepare=create_ledger)
    database = open_database(url)
    yield session_factory(database)
    database.dispose()
    drop_database(url)


@pytest.fixture
def gateway(sessions: sessionmaker[Session]) -> PaymentGateway:
    return BuiltInTestGateway(sessions, "https://kartabl.example/", clock=lambda: NOW)


def start(gateway: PaymentGateway, amount: int = FEE) -> StartedPayment:
    return gateway.request(
        amount=amount, invoice_number="GAS-17", description="هزینهٔ بازرسی", callback_url=CALLBACK, mobile=None
    )


def decided(sessions: sessionmaker[Session], authority: str, decision: str) -> str:
    with sessions.begin() as session:
        return decide(session, authority, decision=decision, now=NOW)


@pytest.mark.rule("PAY-4")
def test_the_page_shows_what_is_to_be_paid(gateway, sessions):
    started = start(gateway)

    assert started.pay_url == f"https://kartabl.example/test-gateway/{started.authority}"
    assert len(started.authority) == 36 and started.authority.startswith("T")
    with sessions() as session:
        payment = find(session, started.authority)
    assert (payment.amount, payment.invoice_number, payment.state) == (FEE, "GAS-17", "open")
    assert payment.created_at == NOW


@pytest.mark.both_databases("saving")
@pytest.mark.rule("PAY-1", "PAY-4")
@pytest.mark.parametrize(
    ("decision", "status", "state"),
    [("pay", "OK", "paid"), ("fail", "NOK", "failed"), ("cancel", "NOK", "failed")],
)
def test_a_decision_leads_back_and_is_verified(gateway, sessions, decision, status, state):
    authority = start(gateway).authority
    assert gateway.verify(authority=authority, amount=FEE).state == "waiting"

    back = decided(sessions, authority, decision)

    assert back == f"https://kartabl.example/payments/return/test?case=7&Authority={authority}&Status={status}"
    assert gateway.verify(authority=authority, amount=FEE).state == state


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize("second", ["pay", "fail", "cancel"])
@pytest.mark.parametrize(("first", "state"), [("pay", "paid"), ("fail", "failed"), ("cancel", "failed")])
def test_the_first_decision_stands(gateway, sessions, first, second, state):
    authority = start(gateway).authority
    back = decided(sessions, authority, first)
    reference = gateway.verify(authority=authority, amount=FEE).reference

    assert decided(sessions, authority, second) == back
    verified = gateway.verify(authority=authority, amount=FEE)
    assert (verified.state, verified.reference) == (state, reference)


@pytest.mark.rule("PAY-2")
def test_asked_again_it_says_paid_and_already(gateway, sessions):
    authority = start(gateway).authority
    decided(sessions, authority, "pay")

    first, again = (gateway.verify(authority=authority, amount=FEE) for _ in range(2))

    assert (first.already, again.already) == (False, True)
    assert len(first.reference) == 12 and again.reference == first.reference
    assert "*" in first.card


@pytest.mark.both_databases("locking")
@pytest.mark.rule("PAY-2")
def test_of_many_at_the_same_moment_one_decides_and_one_counts(gateway, sessions):
    authority = start(gateway).authority
    with ThreadPoolExecutor(8) as people:
        backs = set(people.map(lambda decision: decided(sessions, authority, decision), ["pay", "fail"] * 8))
    assert len(backs) == 1

    paid_for = start(gateway).authority
    decided(sessions, paid_for, "pay")
    with ThreadPoolExecutor(8) as askers:
        answers = list(askers.map(lambda _: gateway.verify(authority=paid_for, amount=FEE), range(16)))
    assert {answer.state for answer in answers} == {"paid"}
    assert [answer.already for answer in answers].count(False) == 1


@pytest.mark.rule("PAY-2")
def test_another_amount_is_not_paid(gateway, sessions):
    authority = start(gateway).authority
    decided(sessions, authority, "pay")

    verified = gateway.verify(authority=authority, amount=FEE - 1)

    assert (verified.state, verified.reason, verified.amount) == ("failed", "amount_differs", FEE)
    assert gateway.verify(authority=authority, amount=FEE).already is False


@pytest.mark.rule("PAY-2")
def test_a_forged_authority_is_not_paid_and_cannot_be_decided(gateway, sessions):
    assert gateway.verify(authority="T" * 36, amount=FEE).reason == "unknown_authority"
    with sessions() as session:
        assert find(session, "T" * 36) is None
    with pytest.raises(NotFound):
        decided(sessions, "T" * 36, "pay")


def test_only_three_decisions_are_known(gateway, sessions):
    authority = start(gateway).authority

    with pytest.raises(ValueError):
        decided(sessions, authority, "paid")

    assert gateway.verify(authority=authority, amount=FEE).state == "waiting"


@pytest.mark.both_databases("search")
@pytest.mark.rule("PAY-2")
def test_payments_whose_return_was_lost_are_listed(gateway, sessions):
    lost, seen, failed, still_open = (start(gateway, FEE + n).authority for n in range(4))
    for authority, decision in ((lost, "pay"), (seen, "pay"), (failed, "fail")):
        decided(sessions, authority, decision)
    gateway.verify(authority=seen, amount=FEE + 1)

    assert gateway.unverified() == [UnverifiedPayment(authority=lost, amount=FEE)]
    assert len({lost, seen, failed, still_open}) == 4


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_or_less_cannot_be_paid(gateway, amount):
    with pytest.raises(ProviderError) as refused:
        start(gateway, amount)

    assert refused.value.permanent
