"""A bank that does not answer: pages and API stay quick, the payer is told, nothing is half-done; then it is paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

import kartabl
import webapp
from engine.contributions.operations import Services
from engine.settings import Settings
from models.account import Person
from models.billing import Invoice, InvoiceStatus, Payment, PaymentState
from models.case import CaseStatus
from models.job import Incident
from tests.conftest import SATURDAY, prepare
from tests.databases import SQLITE, fresh_database
from tests.play import Play
from tests.providers.zarinpal_server import MERCHANT, ZarinpalServer
from tests.scenarios import gas_office as office
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from tests.web.world import World
from workflows.providers.on_screen import OnScreenOutbox
from workflows.providers.zarinpal import Zarinpal

PATIENCE = 0.3  # seconds that the worker waits for the bank
NOWHERE = "http://127.0.0.1:9"  # a port where nobody listens


@pytest.fixture
def bank() -> Iterator[ZarinpalServer]:
    with ZarinpalServer() as server:
        yield server


class Shop(World):
    """A registration at its invoice, in an office whose payments go to Zarinpal.

    ``questions`` are all requests that went out to the bank.
    """

    questions: list[httpx.Request]

    @classmethod
    def opened(cls, folder: Path, url: str, client: httpx.Client) -> Shop:
        settings = Settings(
            secret_key=SECRET_KEY,
            database_url=fresh_database(SQLITE, prepare=prepare),
            files_path=folder,
            public_url="http://localhost",
            mode="demo",
        )
        clock = StandingClock(SATURDAY)
        services = Services(
            settings=settings,
            public_url=settings.public_url,
            calendar=kartabl.office_calendar(),
            sms=OnScreenOutbox(),
            payment_gateway=Zarinpal(MERCHANT, base_url=url, timeout=PATIENCE, client=client),
        )
        application = kartabl.build(settings, now=clock, services=services)
        shop = cls(application, webapp.create_app(application), Play(application, clock))
        shop.questions = []
        client.event_hooks["request"] = [shop.questions.append]
        office.add_inspector(shop.play, "inspector-1")
        office.up_to_invoice(shop.play)
        with shop.play.session() as session:
            person = session.get_one(Person, shop.play.actor("contractor").person_id)
            for kind in ("browser", "api"):
                token = application.accounts.open_session(session, person, now=clock.now, kind=kind)
                shop.tokens["contractor", kind] = token
        return shop

    def quickly(self, method: str, path: str, **sent: Any) -> Any:
        """The contractor's page, for which nobody asks the bank anything: it cannot wait for an answer."""
        asked = len(self.questions)
        answer = self.ask("contractor", method, path, **sent)
        assert self.questions[asked:] == [], path
        return answer

    def to_payment(self) -> Any:
        answer = self.quickly("POST", f"/tasks/{self.play.task('review_invoice').id}")
        assert answer.status_code == 303, answer.text
        return answer.location

    def find(self, kind: Any) -> list[Any]:
        with self.play.session() as session:
            return list(session.scalars(select(kind).order_by(kind.id)))


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with ZarinpalServer() as server, httpx.Client(trust_env=False) as client:
        opened = Shop.opened(tmp_path, getattr(request, "param", server.url), client)
        opened.objects["bank"] = server
        yield opened
        opened.application.database.dispose()


def pass_time(shop: Shop, minutes: int, *, fault: Any = None) -> None:
    for _ in range(minutes):
        shop.objects["bank"].next_fault = fault
        shop.play.after(timedelta(minutes=1))


@pytest.mark.rule("PAY-3", "PAY-4")
@pytest.mark.parametrize("shop", [NOWHERE], indirect=True)
def test_where_nobody_listens_the_payer_is_told_and_may_try_again(shop: Shop) -> None:
    case = shop.play.case.number
    way_on = shop.to_payment()
    waiting = shop.quickly("GET", way_on)
    assert waiting.status_code == 200
    assert "data-poll" in waiting.text
    called = shop.call("contractor", "GET", f"/api/v1/cases/{case}").json
    assert [wait["kind"] for wait in called["waits_for"]] == ["operation"]  # type: ignore[index]

    pass_time(shop, 10)

    assert shop.find(Payment) == []
    assert [invoice.status for invoice in shop.find(Invoice)] == [InvoiceStatus.OPEN]
    assert shop.find(Incident) == []
    assert shop.play.waits_for() == {"review_invoice": "contractor"}
    assert shop.quickly("GET", way_on).location == f"/tasks/{shop.play.task('review_invoice').id}"
    assert "درگاه پرداخت پاسخ نداد" in shop.quickly("GET", "/messages").text
    assert shop.to_payment() == way_on


@pytest.mark.rule("PAY-1", "PAY-3")
def test_a_bank_that_hangs_while_it_is_asked_delays_no_page_and_loses_nothing(shop: Shop) -> None:
    bank: ZarinpalServer = shop.objects["bank"]
    bank.next_fault = "timeout_before"
    way_on = shop.to_payment()
    shop.play.work()
    assert "data-poll" in shop.quickly("GET", way_on).text
    pass_time(shop, 1)
    assert shop.play.waits_for() == {"payment_returned": "payer"}

    (payment,) = shop.find(Payment)
    bank.pay(payment.authority)
    back = f"/payments/return/zarinpal?Authority={payment.authority}&Status=OK"
    assert shop.quickly("GET", back).location == way_on
    bank.next_fault = "timeout_after_work"
    shop.play.work()
    pass_time(shop, 3, fault="timeout_before")
    assert shop.find(Payment)[0].state is PaymentState.STARTED
    assert "درگاه" in shop.quickly("GET", way_on, follow_redirects=True).text
    pass_time(shop, 2)
    assert shop.find(Payment)[0].state is PaymentState.SETTLED
    assert [invoice.status for invoice in shop.find(Invoice)] == [InvoiceStatus.PAID]


@pytest.mark.rule("PAY-4", "PAY-1", "REG-11")
def test_with_zarinpal_set_up_a_registration_is_paid_there_and_ends_with_an_inspector(shop: Shop) -> None:
    """The whole ``payment`` process by configuration; the built-in gateway has no page then."""
    bank: ZarinpalServer = shop.objects["bank"]
    way_on = shop.to_payment()
    shop.play.work()
    (payment,) = shop.find(Payment)
    (invoice,) = shop.find(Invoice)
    announced = bank.payments[payment.authority]
    assert (payment.gateway, announced.amount) == ("zarinpal", invoice.total)
    assert announced.metadata["order_id"] == invoice.number
    assert announced.callback_url == "http://localhost/payments/return/zarinpal"
    page = shop.quickly("GET", way_on, follow_redirects=True).text
    assert f'{bank.url}/pg/StartPay/{payment.authority}"' in page
    assert shop.ask("contractor", "GET", f"/test-gateway/{payment.authority}").status_code == 404

    address = bank.pay(payment.authority).removeprefix("http://localhost")
    assert shop.ask("nobody", "GET", address).status_code == 303, "the browser may have lost its session at the bank"
    shop.play.work()

    assert bank.taken == invoice.total
    assert shop.questions, "the worker asked, and it would have been noticed of a page"
    assert shop.play.case.status is CaseStatus.COMPLETED
    assert "inspector-1" in shop.quickly("GET", way_on, follow_redirects=True).text
    assert shop.quickly("GET", address).status_code == 303
    shop.play.work()
    assert len(shop.find(Payment)) == 1
