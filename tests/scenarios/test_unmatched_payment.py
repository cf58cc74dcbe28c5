"""Stories of ``unmatched_payment``: money that comes late, twice or in another amount, and what finance decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from engine.contributions.briefings import Notice
from models.account import Message
from models.billing import Invoice, Payment, PaymentState
from models.case import Case, CaseStatus
from models.job import Job
from tests.scenarios.shop import FEE, MINUTE
from workflows.payment import gateway_return, records


@pytest.mark.rule("PAY-2")
def test_late_money_for_a_still_open_invoice_counts_for_it(shop, bank):
    order = shop.order()
    authority = order.pay()
    shop.passes(timedelta(minutes=31))
    bank.pay(authority)

    shop.returns(authority)
    assert order.is_paid
    assert [case.status for case in shop.reviews()] == [CaseStatus.COMPLETED]
    assert shop.finance_tasks() == []

    assert order.pay() == ""  # nothing is asked for a second time
    assert order.waits_for() == {"use_service"}


@pytest.mark.rule("PAY-2")
def test_late_money_for_a_cancelled_invoice_waits_for_finance(shop, bank):
    order = shop.order()
    authority = order.pay()
    order.does("cancel_payment")
    assert order.waits_for() == {"accept_invoice"}
    order.invoice()
    bank.pay(authority)

    for _ in range(3):
        shop.returns(authority)

    assert not order.is_paid
    assert shop.payment(authority).state is PaymentState.UNMATCHED
    (task,) = shop.finance_tasks()
    with shop.engine.transaction() as session:
        view = shop.engine.open_task(session, task.id, by=shop.finance)
        assert view.case.refers_to_id == order.case_id
        assert authority in str(view.briefing.blocks)
        assert any(isinstance(block, Notice) for block in view.briefing.blocks)


@pytest.mark.both_databases("locking")
@pytest.mark.rule("PAY-2")
def test_of_two_tabs_the_second_payment_goes_to_finance(shop, bank):
    order = shop.order()
    first = order.pay()
    order.does("cancel_payment")
    second = order.pay()
    bank.pay(first)
    bank.pay(second)

    shop.returns(second)
    shop.returns(first)

    assert order.waits_for() == {"use_service"}
    states = {found.authority: found.state for found in shop.ledger()}
    assert states == {first: PaymentState.UNMATCHED, second: PaymentState.SETTLED}
    assert len(shop.finance_tasks()) == 1


@pytest.mark.rule("PAY-2")
def test_an_older_payment_may_settle_while_a_newer_one_is_awaited(shop, bank):
    order = shop.order()
    first = order.pay()
    order.does("cancel_payment")
    second = order.pay()
    bank.pay(first)

    shop.returns(first)
    assert order.is_paid
    shop.passes(MINUTE)
    assert order.waits_for() == {"use_service"}  # the newer one needs no more waiting

    bank.pay(second)
    shop.returns(second)
    assert shop.payment(second).state is PaymentState.UNMATCHED
    assert len(shop.finance_tasks()) == 1


@pytest.mark.rule("PAY-2")
def test_money_of_another_amount_pays_nothing_and_goes_to_finance(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.pay(authority, amount=FEE - 1)

    shop.returns(authority)

    assert not order.is_paid
    assert order.waits_for() == {"accept_invoice"}
    found = shop.payment(authority)
    assert (found.state, found.paid_amount) == (PaymentState.UNMATCHED, FEE - 1)
    assert len(shop.finance_tasks()) == 1


@pytest.mark.both_databases("story")
@pytest.mark.rule("PAY-2")
def test_finance_says_what_became_of_the_money_and_the_payer_is_told(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.pay(authority, amount=FEE + 1)
    shop.returns(authority)
    review = type(order)(shop, shop.finance_tasks()[0].case_id)

    review.does("settle_unmatched", by=shop.finance, decision="refunded", reference="5544", note="دوبار پرداخت شد.")

    assert shop.finance_tasks() == []
    assert [case.status for case in shop.reviews()] == [CaseStatus.COMPLETED]
    with shop.engine.transaction() as session:
        told = session.scalars(select(Message).order_by(Message.id)).all()
    assert {message.person_id for message in told} == {shop.contractor.person_id}
    assert "۵۵۴۴" in told[-1].body


@pytest.mark.rule("PAY-2")
def test_money_of_a_case_that_a_supervisor_ended_reaches_finance(shop, bank):
    order = shop.order()
    authority = order.pay()
    bank.pay(authority)
    with shop.engine.transaction() as session:
        shop.engine.supervision.cancel_case(session, order.case_id, by=shop.supervisor, reason="آزمایش")

    shop.passes(timedelta(minutes=5))

    assert shop.payment(authority).state is PaymentState.UNMATCHED  # its invoice is open, but what for?
    assert len(shop.finance_tasks()) == 1


@pytest.mark.both_databases("search")
@pytest.mark.rule("PAY-3")
def test_reconciling_finds_what_was_paid_after_the_end_and_starts_one_review_only(shop, bank):
    order = shop.order()
    authority = order.pay()
    order.does("cancel_payment")
    order.invoice()
    bank.pay(authority)

    assert gateway_return.reconcile(shop.engine, shop.clock.now) == 1
    assert gateway_return.reconcile(shop.engine, shop.clock.now) == 0
    shop.work()

    assert len(shop.finance_tasks()) == 1
    assert gateway_return.reconcile(shop.engine, shop.clock.now) == 0


@pytest.mark.rule("PAY-3")
def test_a_payment_that_was_not_paid_is_reviewed_again_after_a_minute_at_the_soonest(shop, bank):
    order = shop.order()
    authority = order.pay()
    order.does("cancel_payment")
    shop.returns(authority)
    (first,) = shop.reviews()
    assert first.status is CaseStatus.COMPLETED
    ended = first.ended_at

    for after, reviews in ((timedelta(0), 1), (MINUTE - timedelta(seconds=1), 1), (MINUTE, 2)):
        shop.clock.now = ended + after
        shop.returns(authority)
        assert len(shop.reviews()) == reviews

    with shop.engine.transaction() as session:
        assert records.lock(session, shop.payment(authority).id).review_case_id == shop.reviews()[-1].id


@pytest.mark.rule("PAY-2")
def test_an_answer_says_whether_it_made_the_payment_unmatched(shop):
    order = shop.order()
    payment_id = shop.payment(order.pay()).id
    silent = {"state": "pending", "amount": 0, "reference": "", "reason": ""}
    paid = {"state": "paid", "amount": FEE, "reference": "1", "reason": ""}
    with shop.engine.transaction() as session:
        found = records.lock(session, payment_id)
        for answer, state in (
            (silent, PaymentState.STARTED),
            (paid, PaymentState.SETTLED),
            (paid, PaymentState.SETTLED),
        ):
            assert records.write_answer(session, found, answer, now=shop.clock.now) is False
            assert found.state is state


@pytest.mark.rule("PAY-2")
def test_a_lock_reads_the_payment_and_its_invoice_anew(shop):
    order = shop.order()
    payment_id = shop.payment(order.pay()).id
    with shop.engine.transaction() as session:
        before = session.get_one(Payment, payment_id)
        invoice = before.invoice
        assert invoice.total == FEE
        connection = session.connection()  # past the session, as another process writes
        connection.execute(update(Payment).where(Payment.id == payment_id).values(answer="late"))
        connection.execute(update(Invoice).where(Invoice.id == order.invoice_id).values(total=FEE + 1))
        found = records.lock(session, payment_id)
        assert (before.answer, invoice.total) == ("late", FEE + 1)
        assert found is before


@pytest.mark.rule("PAY-3")
def test_a_payment_is_awaited_while_its_process_listens(shop):
    order = shop.order()
    authority = order.pay()
    with shop.engine.transaction() as session:
        payment = records.lock(session, shop.payment(authority).id)
        assert records.is_awaited(session, payment) is True
        session.execute(delete(Job))
        assert records.is_awaited(session, payment) is True, "its event listens without a timer, too"
        session.rollback()
    order.does("cancel_payment")
    with shop.engine.transaction() as session:
        assert records.is_awaited(session, records.lock(session, shop.payment(authority).id)) is False


@pytest.mark.rule("PAY-3")
def test_a_review_names_the_payment_and_runs_once_at_a_time(shop):
    order = shop.order()
    authority = order.pay()
    order.does("cancel_payment")
    shop.returns(authority)
    (first,) = shop.reviews()
    assert first.subject.startswith("پرداخت ۶۹۰٬۰۰۰ ریال بابت صورت‌حساب ")
    with shop.engine.transaction() as session:
        payment = records.lock(session, shop.payment(authority).id)
        known = session.get_one(Case, first.id)
        assert known.status is CaseStatus.COMPLETED
        session.connection().execute(update(Case).where(Case.id == first.id).values(status=CaseStatus.RUNNING))
        assert records.review(shop.engine, session, payment, now=shop.clock.now) is None
        assert known.status is CaseStatus.RUNNING
