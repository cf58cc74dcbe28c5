"""An office changes its payment gateway while payments are open at the old one (PAY-1, PAY-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click import ClickException

import kartabl
import webapp
from models.billing import InvoiceStatus, PaymentState
from models.language import reading
from tests.play import Play
from tests.providers import pebble_gateway
from tests.scenarios import gas_office as office
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from workflows.payment import gateway_return
from workflows.providers.registry import payment_gateways

BEACH = {"pebble_beach": "north"}
Office = Callable[..., Play]


@pytest.fixture(autouse=True)
def pebble() -> Iterator[None]:
    """The second gateway is installed."""
    pebble_gateway.register()
    pebble_gateway.PAID.clear()
    pebble_gateway.VERIFIED.clear()
    yield
    payment_gateways._providers.pop("pebble")


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": database_url,
        "KARTABL_FILES_PATH": str(tmp_path / "files"),
        "KARTABL_MODE": "demo",
        "KARTABL_PUBLIC_URL": "http://localhost",
    }


@pytest.fixture
def opens(environment: dict[str, str], clock: StandingClock) -> Iterator[Office]:
    """``opens(payment_gateway="test")`` starts the office with these settings, on the same database each time."""
    built = []

    def start(**given: str) -> Play:
        given = {f"KARTABL_{name.upper()}": value for name, value in given.items()}
        settings, chosen = kartabl.read_settings(environment | given)
        application = kartabl.build(settings, chosen, now=clock)
        built.append(application)
        return Play(application, clock)

    yield start
    for application in built:
        application.database.dispose()


def comes_back(play: Play, address: str) -> int:
    """The payer's browser opens ``address``; then the worker works. Returns the HTTP status."""
    app = webapp.create_app(play.application)
    status = app.test_client().get(address).status_code
    play.work()
    return status


def waits_at_pebble(opens: Office) -> Play:
    """An office whose gateway is the second one; a payment is open there."""
    play = opens(payment_gateway="pebble", **BEACH)
    office.up_to_invoice(play)
    play.does("contractor", "review_invoice")
    assert play.payment().gateway == "pebble"
    return play


@pytest.mark.rule("PAY-1", "PAY-2")
def test_a_payment_opened_before_the_switch_is_verified_at_its_own_gateway(opens):
    before = waits_at_pebble(opens)
    payment = before.payment()
    after = opens(payment_gateway="test", **BEACH)
    after.case_id = before.case_id
    pebble_gateway.PAID[payment.authority] = payment.amount

    back = f"/payments/return/pebble?trackId={payment.authority}"
    assert [comes_back(after, back) for _ in range(2)] == [303, 303]

    assert after.payment().state is PaymentState.SETTLED
    assert [invoice.status for invoice in office.invoices(after)] == [InvoiceStatus.PAID]
    assert [payment.authority] == pebble_gateway.VERIFIED
    assert "payment_returned" not in after.waits_for()

    office.up_to_invoice(after, by="contractor-2", renovation_code="3-12-45-7", main_plate="77")
    after.does("contractor-2", "review_invoice")
    assert after.payment().gateway == "test"
    after.pays()
    assert after.payment().state is PaymentState.SETTLED


@pytest.mark.rule("PAY-2")
def test_a_lost_return_is_found_at_the_gateway_of_before(opens):
    before = waits_at_pebble(opens)
    payment = before.payment()
    before.does("contractor", "cancel_payment")
    after = opens(payment_gateway="test", **BEACH)
    after.case_id = before.case_id
    pebble_gateway.PAID[payment.authority] = payment.amount

    assert gateway_return.reconcile(after.engine, after.clock()) == 1
    after.work()

    assert after.payment().state is PaymentState.SETTLED
    assert [invoice.status for invoice in office.invoices(after)] == [InvoiceStatus.PAID]


@pytest.mark.rule("PAY-1")
def test_the_page_reads_the_parameter_that_the_gateway_names(opens):
    play = waits_at_pebble(opens)
    payment = play.payment()
    pebble_gateway.PAID[payment.authority] = payment.amount
    assert len(payment.authority) == 60
    for wrong in (
        f"pebble?Authority={payment.authority}",
        f"pebble?trackId={payment.authority}p",
        f"test?trackId={payment.authority}",
        f"nobody?trackId={payment.authority}",
    ):
        assert comes_back(play, f"/payments/return/{wrong}") == 404, wrong
    assert play.payment().state is PaymentState.STARTED

    assert comes_back(play, f"/payments/return/pebble?trackId={payment.authority}") == 303
    assert play.payment().state is PaymentState.SETTLED


@pytest.mark.rule("PAY-2")
def test_a_gateway_whose_settings_are_gone_is_named_at_the_start_and_no_payment_is_lost(opens):
    before = waits_at_pebble(opens)
    payment = before.payment()
    after = opens(payment_gateway="test")
    after.case_id = before.case_id

    [finding] = after.application.incompatible()
    assert (finding.severity, finding.kind, finding.missing, finding.cases) == ("error", "gateway", "pebble", 1)
    assert "سنگریزه" in finding.message
    assert "KARTABL_PEBBLE_BEACH" in finding.message
    with reading("en"):
        assert "KARTABL_PEBBLE_BEACH" in finding.message
    with pytest.raises(ClickException, match="KARTABL_PEBBLE_BEACH"):
        kartabl.hold_against_cases(after.application, force=False)
    assert kartabl.hold_against_cases(after.application, force=True).forced

    pebble_gateway.PAID[payment.authority] = payment.amount
    comes_back(after, f"/payments/return/pebble?trackId={payment.authority}")
    assert after.payment().state is PaymentState.STARTED
    assert [invoice.status for invoice in office.invoices(after)] == [InvoiceStatus.OPEN]

    again = opens(payment_gateway="test", **BEACH)
    again.case_id = before.case_id
    assert again.application.incompatible() == []
    comes_back(again, f"/payments/return/pebble?trackId={payment.authority}")
    assert again.payment().state is PaymentState.SETTLED


def test_a_gateway_under_another_name_than_its_own_is_refused(opens):
    payment_gateways.register("gravel", "شن", return_parameter="id")(lambda _settings, _wiring: pebble_gateway.Pebble())
    try:
        with pytest.raises(ValueError, match="gravel"):
            opens(payment_gateway="gravel")
    finally:
        payment_gateways._providers.pop("gravel")


def test_a_gateway_without_a_return_parameter_is_refused():
    with pytest.raises(ValueError, match="return parameter"):
        payment_gateways.register("gravel", "شن")
