"""Zarinpal, against a server that speaks its protocol and has its faults."""

from collections.abc import Iterator

import httpx
import pytest

from tests.providers.zarinpal_server import MERCHANT, ZarinpalServer
from workflows.providers.errors import ProviderError
from workflows.providers.payment_gateway import (
    PaymentGateway,
    StartedPayment,
    UnverifiedPayment,
    Verification,
)
from workflows.providers.zarinpal import Zarinpal

FEE = 1_380_000  # Rials
UNKNOWN = "A" + "9" * 35
ODD_ANSWERS = ["array", "empty", "too_big", "packed", "deep"]


@pytest.fixture
def bank() -> Iterator[ZarinpalServer]:
    with ZarinpalServer() as server:
        yield server


@pytest.fixture
def gateway(bank: ZarinpalServer) -> Iterator[PaymentGateway]:
    with httpx.Client(trust_env=False) as client:
        yield Zarinpal(MERCHANT, base_url=bank.url, timeout=0.4, client=client)


def start(gateway: PaymentGateway, amount: int = FEE, mobile: str | None = "09120000000") -> StartedPayment:
    return gateway.request(
        amount=amount,
        invoice_number="GAS-17",
        description="هزینهٔ بازرسی",
        callback_url="https://kartabl.example/payments/return/zarinpal",
        mobile=mobile,
    )


@pytest.mark.rule("PAY-4", "FEE-3")
def test_a_payment_is_announced_in_rials_with_its_invoice(gateway, bank):
    started = start(gateway)

    assert started.pay_url == f"{bank.url}/pg/StartPay/{started.authority}"
    announced = bank.payments[started.authority]
    assert (announced.amount, announced.description) == (FEE, "هزینهٔ بازرسی")
    assert announced.metadata == {"order_id": "GAS-17", "mobile": "09120000000"}


def test_a_payer_without_a_mobile_number_can_pay(gateway, bank):
    assert bank.payments[start(gateway, mobile=None).authority].metadata == {"order_id": "GAS-17"}


@pytest.mark.rule("PAY-1")
def test_what_the_bank_verifies_is_paid(gateway, bank):
    authority = start(gateway).authority
    bank.pay(authority)

    verified = gateway.verify(authority=authority, amount=FEE)

    assert verified == Verification(state="paid", amount=FEE, reference="200001", card="502229******5995")
    assert bank.taken == FEE


@pytest.mark.rule("PAY-2")
def test_asked_again_the_bank_says_paid_and_already(gateway, bank):
    authority = start(gateway).authority
    bank.pay(authority)
    first = gateway.verify(authority=authority, amount=FEE)

    again = gateway.verify(authority=authority, amount=FEE)

    assert (first.already, again.already) == (False, True)
    assert (again.state, again.reference) == ("paid", first.reference)


@pytest.mark.rule("PAY-3")
def test_who_is_still_at_the_bank_is_waited_for(gateway):
    authority = start(gateway).authority

    assert gateway.verify(authority=authority, amount=FEE).state == "waiting"


@pytest.mark.rule("PAY-1")
@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_what_was_not_paid_has_failed(gateway, bank, end):
    authority = start(gateway).authority
    getattr(bank, end)(authority)

    assert gateway.verify(authority=authority, amount=FEE) == Verification(state="failed", amount=0, reason="not_paid")


@pytest.mark.rule("PAY-2")
def test_money_that_comes_after_a_failure_still_counts(gateway, bank):
    authority = start(gateway).authority
    bank.fail(authority)
    assert gateway.verify(authority=authority, amount=FEE).state == "failed"

    bank.pay(authority)

    assert gateway.verify(authority=authority, amount=FEE).state == "paid"


def test_without_an_inquiry_nobody_is_given_up(gateway, bank):
    authority = start(gateway).authority
    bank.fail(authority)
    answer = bank.answer

    def no_inquiry(path, values):
        return (200, None) if "inquiry" in path else answer(path, values)

    bank.answer = no_inquiry  # the stand-in is spoilt, not our code
    assert gateway.verify(authority=authority, amount=FEE).state == "waiting"


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize("paid", [FEE - 1, FEE // 10, FEE * 10])
def test_another_amount_is_not_paid_and_is_told_to_finance(gateway, bank, paid):
    authority = start(gateway).authority
    bank.pay(authority, amount=paid)

    verified = gateway.verify(authority=authority, amount=FEE)

    assert verified == Verification(state="failed", amount=paid, reason="amount_differs")
    assert bank.taken == 0


@pytest.mark.rule("PAY-2")
def test_an_amount_that_the_bank_tells_is_handed_on_as_it_is(gateway, bank):
    authority = start(gateway).authority
    bank.pay(authority)
    bank.wrong_amount = True

    assert gateway.verify(authority=authority, amount=FEE).amount == FEE - 1


@pytest.mark.rule("PAY-2")
def test_an_authority_that_the_bank_does_not_know_is_not_paid(gateway):
    assert gateway.verify(authority=UNKNOWN, amount=FEE).reason == "unknown_authority"


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize("forged", ["", "A1", UNKNOWN + "9", "../" * 12, "A" + "۹" * 35, UNKNOWN[:-1] + "\n"])
def test_a_forged_authority_is_not_even_sent(gateway, bank, forged):
    assert gateway.verify(authority=forged, amount=FEE).reason == "unknown_authority"
    assert bank.requests == []


@pytest.mark.parametrize(("code", "reason"), [(-53, "other_merchant"), (-55, "unknown_authority"), (-61, "reversed")])
def test_a_payment_that_can_never_be_ours_has_failed(gateway, bank, code, reason):
    authority = start(gateway).authority
    bank.refuse_with = (code, "x")

    assert gateway.verify(authority=authority, amount=FEE).reason == reason


@pytest.mark.rule("PAY-3")
@pytest.mark.parametrize(
    "fault",
    ["timeout_after_work", "drip", "cut", "500_after_work", "garbage", "not_utf8", *ODD_ANSWERS],
)
def test_an_answer_that_is_lost_is_asked_for_again_and_found(gateway, bank, fault):
    authority = start(gateway).authority
    bank.pay(authority)
    bank.next_fault = fault

    with pytest.raises(ProviderError) as lost:
        gateway.verify(authority=authority, amount=FEE)

    assert (lost.value.permanent, lost.value.uncertain) == (False, fault != "500_after_work")
    assert bank.taken == FEE
    again = gateway.verify(authority=authority, amount=FEE)
    assert (again.state, again.already) == ("paid", True)


@pytest.mark.rule("PAY-3")
@pytest.mark.parametrize("fault", ["timeout_before", "500", "redirect"])
def test_a_question_that_was_not_heard_is_asked_again(gateway, bank, fault):
    authority = start(gateway).authority
    bank.pay(authority)
    bank.next_fault = fault

    with pytest.raises(ProviderError) as unheard:
        gateway.verify(authority=authority, amount=FEE)

    assert not unheard.value.permanent
    assert bank.taken == 0
    assert gateway.verify(authority=authority, amount=FEE).already is False


def test_a_redirect_is_not_followed(gateway, bank):
    bank.next_fault = "redirect"

    with pytest.raises(ProviderError, match="307"):
        start(gateway)

    assert len(bank.requests) == 1


def test_a_server_that_is_not_there_has_certainly_done_nothing(bank):
    with httpx.Client(trust_env=False) as client:
        gateway = Zarinpal(MERCHANT, base_url="http://127.0.0.1:9", timeout=0.4, client=client)
        with pytest.raises(ProviderError) as unreached:
            start(gateway)

    assert (unreached.value.permanent, unreached.value.uncertain) == (False, False)


@pytest.mark.parametrize(
    ("code", "permanent"), [(-9, True), (-10, True), (-34, True), (-12, False), (-52, False), (-999, False)]
)
def test_only_what_a_person_must_mend_is_permanent(gateway, bank, code, permanent):
    bank.refuse_with = (code, "Terminal\nis\u202e not valid" * 50)

    with pytest.raises(ProviderError) as refused:
        start(gateway)

    assert refused.value.permanent is permanent
    assert f"{code} Terminal is" in str(refused.value)
    assert len(str(refused.value)) < 250 and "\u202e" not in str(refused.value)


def test_the_merchant_id_stands_in_no_error(gateway, bank):
    bank.refuse_with = (-10, f"merchant {MERCHANT} is not known")

    with pytest.raises(ProviderError) as refused:
        start(gateway)

    assert MERCHANT not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"data": None, "errors": None},
        {"data": [], "errors": []},
        {"data": {"code": True}, "errors": []},
        {"data": {"code": "1e2"}, "errors": []},
        {"data": {"code": 100.0}, "errors": []},
        {"data": {"code": "۱۰۰"}, "errors": []},
        {"data": {"code": 100}, "errors": {"code": -11, "message": None}},
    ],
)
def test_nothing_but_a_clear_yes_is_paid(gateway, bank, body):
    authority = start(gateway).authority
    bank.answer = lambda path, values: (200, body)

    with pytest.raises(ProviderError):
        gateway.verify(authority=authority, amount=FEE)


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize("name", ["amount", "code", "ref_id"])
@pytest.mark.parametrize("odd", [999.5, float(FEE), True, False, [], {}, [FEE], {"value": FEE}])
def test_a_number_that_is_none_makes_the_whole_answer_unclear(gateway, bank, name, odd):
    authority = start(gateway).authority
    data = {"code": 100, "amount": FEE, "ref_id": 7, name: odd}
    bank.answer = lambda path, values: (200, {"data": data, "errors": []})

    with pytest.raises(ProviderError) as unclear:
        gateway.verify(authority=authority, amount=FEE)

    assert unclear.value.uncertain and not unclear.value.permanent


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize(
    "odd", ["999 ", " 999", "1e6", "۱۳۸۰۰۰۰", "0x10", "", "1,380,000", 2**63, -(2**63), str(2**64)]
)
def test_an_amount_that_cannot_be_read_is_not_taken_for_ours(gateway, bank, odd):
    authority = start(gateway).authority
    data = {"code": 100, "amount": odd, "ref_id": 7}
    bank.answer = lambda path, values: (200, {"data": data, "errors": []})

    with pytest.raises(ProviderError):
        gateway.verify(authority=authority, amount=FEE)


def test_a_code_of_an_error_that_cannot_be_read_is_no_success(gateway, bank):
    authority = start(gateway).authority
    bank.answer = lambda path, values: (200, {"data": {"code": 100, "ref_id": 7}, "errors": {"code": "no"}})

    with pytest.raises(ProviderError):
        gateway.verify(authority=authority, amount=FEE)


@pytest.mark.parametrize("errors", [[], {}, None, ""])
@pytest.mark.parametrize("code", [100, "100", 101, "101"])
def test_a_yes_is_understood_in_every_spelling(gateway, bank, code, errors):
    authority = start(gateway).authority
    bank.answer = lambda path, values: (200, {"data": {"code": code, "ref_id": 7}, "errors": errors})

    verified = gateway.verify(authority=authority, amount=FEE)

    assert verified == Verification(state="paid", amount=FEE, reference="7", already=str(code) == "101")


def test_a_card_number_that_is_not_masked_is_not_kept(gateway, bank):
    authority = start(gateway).authority
    data = {"code": 100, "ref_id": 7, "card_pan": "5022291234565995"}
    bank.answer = lambda path, values: (200, {"data": data, "errors": []})

    assert gateway.verify(authority=authority, amount=FEE).card is None


@pytest.mark.parametrize("authority", [None, 7, "A1", "javascript:alert(1)//xxxxxxxxxxxxxxxxx", ["A"]])
def test_an_authority_of_another_form_is_not_believed(gateway, bank, authority):
    bank.answer = lambda path, values: (200, {"data": {"code": 100, "authority": authority}, "errors": []})

    with pytest.raises(ProviderError, match="unknown form"):
        start(gateway)


@pytest.mark.rule("PAY-2")
def test_payments_whose_return_was_lost_are_listed(gateway, bank):
    lost, seen, unpaid = (start(gateway, amount=FEE + n).authority for n in range(3))
    bank.pay(lost)
    bank.pay(seen)
    gateway.verify(authority=seen, amount=FEE + 1)

    assert gateway.unverified() == [UnverifiedPayment(authority=lost, amount=FEE)]
    assert unpaid in bank.payments


@pytest.mark.parametrize("authorities", [None, [], {}, "[]", [None, {}, {"authority": "A1", "amount": 5}]])
def test_a_list_of_lost_returns_that_is_odd_is_empty(gateway, bank, authorities):
    bank.answer = lambda path, values: (
        200,
        {"data": {"code": 100, "authorities": authorities}, "errors": []},
    )

    assert gateway.unverified() == []


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_or_less_cannot_be_paid(gateway, bank, amount):
    with pytest.raises(ProviderError) as refused:
        start(gateway, amount=amount)

    assert refused.value.permanent
    assert bank.requests == []


@pytest.mark.parametrize("url", ["http://payment.zarinpal.com", "ftp://127.0.0.1", "payment.zarinpal.com"])
def test_a_merchant_id_is_not_sent_in_clear(url):
    with pytest.raises(ValueError, match="https"):
        Zarinpal(MERCHANT, base_url=url)


def test_a_merchant_id_of_another_form_is_refused_at_once():
    with pytest.raises(ValueError, match="36"):
        Zarinpal("1234")
