"""Generated histories of a payer, a careful shop and a bank with faults: counted is what was paid."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.providers.zarinpal_server import MERCHANT, ZarinpalServer
from workflows.providers.errors import ProviderError
from workflows.providers.zarinpal import Zarinpal

FEE = 690_000  # Rials

payers = st.sampled_from(["pay", "fail", "cancel", "pay too little", "pay too much"])
faults = st.sampled_from(["500", "500_after_work", "garbage", "array", "empty", "redirect", "cut"])
steps = st.lists(st.tuples(st.sampled_from(["payer", "fault", "verify"]), payers, faults), max_size=12)


@pytest.fixture(scope="module")
def bank() -> Iterator[ZarinpalServer]:
    with ZarinpalServer() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(bank: ZarinpalServer) -> Iterator[Zarinpal]:
    with httpx.Client(trust_env=False) as client:
        yield Zarinpal(MERCHANT, base_url=bank.url, timeout=2.0, client=client)


def act(bank: ZarinpalServer, authority: str, payer: str) -> None:
    if bank.payments[authority].state == "paid":
        return  # money that was given is not taken back by a second click
    amounts = {"pay": FEE, "pay too little": FEE - 1, "pay too much": FEE + 1}
    if payer in amounts:
        bank.pay(authority, amount=amounts[payer])
    else:
        getattr(bank, payer)(authority)


@pytest.mark.rule("PAY-1", "PAY-2", "PAY-3")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_paid_is_said_when_and_only_when_the_bank_has_exactly_that_money(bank, gateway, history):
    bank.next_fault = None
    authority = gateway.request(
        amount=FEE,
        invoice_number="GAS-1",
        description="هزینه",
        callback_url="https://k.example/",
        mobile=None,
    ).authority
    payment = bank.payments[authority]
    counted = []
    for step, payer, fault in [*history, ("verify", "", ""), ("verify", "", "")]:
        if step == "payer":
            act(bank, authority, payer)
        elif step == "fault":
            bank.next_fault = fault
        else:
            try:
                verified = gateway.verify(authority=authority, amount=FEE)
            except ProviderError as error:
                assert not error.permanent
                continue
            assert (verified.state == "paid") == (payment.state == "paid" and payment.paid_amount == FEE)
            assert verified.state != "paid" or verified.amount == FEE
            if payment.state == "paid" and payment.paid_amount != FEE:
                assert verified.reason == "amount_differs"
            counted += [verified.already] if verified.state == "paid" else []

    assert counted.count(False) <= 1  # the rest say "already"
    assert bool(counted) == (payment.state == "paid" and payment.paid_amount == FEE)
    assert payment.verified == bool(counted)
