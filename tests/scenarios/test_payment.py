"""Stories of ``payment``, told with a bank that keeps its own books."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.actor import SYSTEM
from engine.contributions import office_rules
from engine.contributions.briefings import Link, Notice
from models.account import Message
from models.billing import PaymentState
from models.case import Task
from models.job import Incident
from tests.scenarios.shop import FEE, MINUTE
from workflows.payment import records
from workflows.registry import office_rules as rules

PAYING = {"payment_returned"}


@pytest.mark.both_databases("story")
@pytest.mark.rule("PAY-1")
def test_an_invoice_is_paid_when_the_gateway_says_so(shop, bank):
    order = shop.order()
    authority = order.pay()
    assert order.waits_for() == PAYING
    assert order.task("payment_returned").assignee_id == shop.contractor.person_id

    bank.pay(authority)
    assert not order.is_paid  # money at the bank counts only when we have heard of it from the bank
    case = shop.returns(authority, by=shop.contractor)

    assert case.id == order.case_id
    assert order.is_paid
    assert order.waits_for() == {"use_service"}
    settled = shop.payment(authority)
    assert (settled.state, settled.paid_amount) == (PaymentState.SETTLED, FEE)
    assert settled.reference == str(bank.payments[authority].reference)
    assert shop.reviews() == []


@pytest.mark.rule("PAY-1", "PAY-2")
def test_a_return_that_claims_success_pays_nothing(shop, bank):
    order = shop.order()
    authority = order.pay()

    shop.returns(authority)

    assert not order.is_paid
    assert order.waits_for() == PAYING


@pytest.mark.rule("PAY-2")
def test_a_forged_return_changes_nothing(shop, bank):
    order = shop.order()
    authority = order.pay()
    before = shop.snapshot()

    assert shop.returns("A" + "9" * 35) is None
    assert shop.returns("") is None
    assert shop.returns(authority, gateway="test") is None

    assert shop.snapshot() == before


@pytest.mark.both_databases("locking")
@pytest.mark.rule("PAY-2")
def test_a_second_return_never_settles_twice(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.pay(authority)
    shop.returns(authority)
    before = shop.snapshot()

    for _ in range(3):
        assert shop.returns(authority).id == order.case_id

    assert shop.snapshot() == before


@pytest.mark.both_databases("jobs")
@pytest.mark.rule("PAY-3")
def test_a_lost_return_is_found_by_the_timer(shop, bank):
    order = shop.order()
    bank.pay(order.pay())

    shop.passes(MINUTE)

    assert order.is_paid
    assert order.waits_for() == {"use_service"}


@pytest.mark.rule("PAY-3")
def test_a_failed_payment_ends_at_once_and_may_be_tried_again(shop, bank):
    order = shop.order()
    first = order.pay()
    bank.fail(first)
    shop.returns(first)
    assert order.waits_for() == {"accept_invoice"}
    assert shop.payment(first).state is PaymentState.FAILED

    second = order.pay()
    bank.pay(second)
    shop.returns(second)

    assert order.waits_for() == {"use_service"}


@pytest.mark.rule("PAY-3")
def test_nobody_waits_longer_than_thirty_minutes(shop, bank):
    order = shop.order()
    authority = order.pay()

    shop.passes(timedelta(minutes=29, seconds=59))
    assert order.waits_for() == PAYING
    shop.passes(timedelta(minutes=1))

    assert order.waits_for() == {"accept_invoice"}
    assert shop.payment(authority).state is PaymentState.EXPIRED


@pytest.mark.rule("PAY-3")
def test_a_payment_is_waited_for_as_long_as_the_office_says_now(shop, bank):
    order = shop.order()
    authority = order.pay()
    shop.passes(timedelta(minutes=15))
    with shop.engine.transaction() as session:
        office_rules.change(session, rules, {"payment_minutes": 20}, by=SYSTEM, reason="تصمیم شورا", now=shop.clock.now)

    shop.passes(timedelta(minutes=4, seconds=59))
    assert order.waits_for() == PAYING
    shop.passes(timedelta(minutes=1))

    assert order.waits_for() == {"accept_invoice"}
    assert shop.payment(authority).state is PaymentState.EXPIRED


@pytest.mark.rule("PAY-1", "PAY-2")
@pytest.mark.parametrize("amount", [0, 1, FEE - 1, FEE + 1])
def test_a_gateway_that_says_paid_of_another_amount_settles_nothing(shop, amount):
    order = shop.order()
    payment_id = shop.payment(order.pay()).id
    said = {"state": "paid", "amount": amount, "reference": "1", "reason": ""}

    with shop.engine.transaction() as session:
        found = records.lock(session, payment_id)
        assert records.write_answer(session, found, said, now=shop.clock.now)

    (found,) = shop.ledger()
    assert (found.state, found.paid_amount) == (PaymentState.UNMATCHED, amount)
    assert not order.is_paid


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize("total", [FEE - 1, FEE + 1])
def test_an_invoice_that_has_another_total_by_now_is_not_settled(shop, total):
    order = shop.order()
    payment_id = shop.payment(order.pay()).id
    said = {"state": "paid", "amount": FEE, "reference": "1", "reason": ""}

    with shop.engine.transaction() as session:
        found = records.lock(session, payment_id)
        found.invoice.total = total
        assert records.write_answer(session, found, said, now=shop.clock.now)

    assert not order.is_paid


@pytest.mark.rule("PAY-2")
def test_cancelling_asks_the_gateway_once_more_so_paid_money_counts(shop, bank):
    order = shop.order()
    bank.pay(order.pay())

    order.does("cancel_payment")

    assert order.is_paid
    assert order.waits_for() == {"use_service"}


@pytest.mark.rule("PAY-2")
def test_cancelling_while_the_gateway_is_silent_loses_no_money(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.pay(authority)
    bank.next_fault = "500_after_work"  # the bank counts the payment as handed over, and we do not hear it

    order.does("cancel_payment")

    assert order.is_paid
    assert shop.payment(authority).state is PaymentState.SETTLED


def test_a_silent_gateway_at_the_beginning_raises_no_incident_and_tells_the_payer(shop, bank):
    order = shop.order()
    bank.refuse_with = (-11, "Terminal is not active")
    assert order.pay() == ""

    assert order.waits_for() == {"accept_invoice"}
    with shop.engine.transaction() as session:
        assert session.scalars(select(Incident)).all() == []
        (told,) = session.scalars(select(Message)).all()
    assert told.person_id == shop.contractor.person_id


def test_a_gateway_that_stumbles_is_asked_again(shop, bank):
    order = shop.order()
    bank.next_fault = "500"
    order.pay()
    assert order.waits_for() == set()  # the worker tries again after a pause

    shop.passes(timedelta(seconds=5))

    assert order.waits_for() == PAYING


@pytest.mark.rule("PAY-3")
def test_the_payer_sees_the_way_to_the_bank_and_that_it_does_not_answer(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.next_fault = "500"
    shop.returns(authority)

    with shop.engine.transaction() as session:
        view = shop.engine.open_task(session, order.task("payment_returned").id, by=shop.contractor)

    (link,) = [block for block in view.briefing.blocks if isinstance(block, Link)]
    assert link.url.endswith(authority)
    assert link.external
    assert [block.tone for block in view.briefing.blocks if isinstance(block, Notice)] == ["warning"]


@pytest.mark.rule("PAY-2")
def test_a_stranger_who_knows_an_authority_appears_nowhere_in_the_history(shop, bank):
    order = shop.order()
    authority = order.pay()
    shop.returns(authority, by=shop.stranger)

    with shop.engine.transaction() as session:
        done = session.scalars(select(Task).where(Task.key == "payment_returned", Task.ended_at.is_not(None))).all()
    assert [task.ended_by_id for task in done] == [None]
