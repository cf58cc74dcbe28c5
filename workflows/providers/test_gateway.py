"""The built-in test gateway: no network, and a page on which the payer chooses the bank's decision (PAY-4)."""

import secrets
import string
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.settings import Section
from models.language import lazy
from models.test_gateway import TestGatewayPayment, TestGatewayState
from workflows.providers.errors import ProviderError
from workflows.providers.payment_gateway import StartedPayment, UnverifiedPayment, Verification
from workflows.providers.registry import Wiring, payment_gateways

Decision = Literal["pay", "fail", "cancel"]

DECISIONS: Final[dict[str, TestGatewayState]] = {
    "pay": TestGatewayState.PAID,
    "fail": TestGatewayState.FAILED,
    "cancel": TestGatewayState.CANCELLED,
}
NOT_PAID: Final[dict[TestGatewayState, tuple[Literal["waiting", "failed"], str]]] = {
    TestGatewayState.OPEN: ("waiting", "in_bank"),
    TestGatewayState.FAILED: ("failed", "not_paid"),
    TestGatewayState.CANCELLED: ("failed", "cancelled"),
}
CARD: Final = "603799******1234"
PAGE: Final = "/test-gateway/"
RETURN_PARAMETER: Final = "Authority"


def find(session: Session, authority: str) -> TestGatewayPayment | None:
    """The payment of the gateway's page, in its present state; ``None`` if unknown."""
    return session.scalar(
        select(TestGatewayPayment)
        .where(TestGatewayPayment.authority == authority)
        .execution_options(populate_existing=True)
    )


def decide(session: Session, authority: str, *, decision: str, now: datetime) -> str:
    """Decide an open payment as the bank does, in the caller's transaction.

    Returns the shop's address to go back to. The first decision stands: a second click, or a second tab,
    changes nothing and leads back with the first result.

    Raises
        NotFound: there is no such payment.
        ValueError: ``decision`` is none of pay, fail, cancel.
    """
    if decision not in DECISIONS:
        raise ValueError(f"Not a decision: {decision!r}")
    reference = "".join(secrets.choice(string.digits) for _ in range(12)) if decision == "pay" else ""
    session.execute(
        update(TestGatewayPayment)
        .where(TestGatewayPayment.authority == authority, TestGatewayPayment.state == TestGatewayState.OPEN)
        .values(state=DECISIONS[decision], reference=reference, decided_at=now)
        .execution_options(synchronize_session=False)
    )
    payment = find(session, authority)
    if payment is None:
        raise NotFound("test payment", authority)
    status = "OK" if payment.state is TestGatewayState.PAID else "NOK"
    return _with_query(payment.callback_url, {RETURN_PARAMETER: authority, "Status": status})


class BuiltInTestGateway:
    """A gateway whose bank is a table. As with a real gateway, only ``verify`` confirms money.

    ``sessions`` opens a session of its own for each call, which is committed here: the ledger belongs to
    the bank and must not hang on our transaction. ``base_url`` is the public address of this server.
    """

    name = "test"
    find = staticmethod(find)  # for the page, which may not import this module
    decide = staticmethod(decide)

    def __init__(self, sessions: Callable[[], Session], base_url: str, *, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def request(
        self, *, amount: int, invoice_number: str, description: str, callback_url: str, mobile: str | None
    ) -> StartedPayment:
        if amount <= 0:
            raise ProviderError(f"Not an amount that can be paid: {amount} Rials", permanent=True)
        authority = "T" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(35))
        with self._sessions() as session, session.begin():
            session.add(
                TestGatewayPayment(
                    authority=authority,
                    amount=amount,
                    description=description[:500],
                    callback_url=callback_url,
                    invoice_number=invoice_number,
                    created_at=self._clock(),
                )
            )
        return StartedPayment(authority=authority, pay_url=f"{self._base_url}{PAGE}{authority}")

    def verify(self, *, authority: str, amount: int) -> Verification:
        with self._sessions() as session:
            payment = find(session, authority)
        if payment is None:
            return Verification(state="failed", amount=0, reason="unknown_authority")
        if payment.state is not TestGatewayState.PAID:
            state, reason = NOT_PAID[payment.state]
            return Verification(state=state, amount=0, reason=reason)
        if payment.amount != amount:
            return Verification(state="failed", amount=payment.amount, reason="amount_differs")
        already = payment.verified_at is not None or not self._mark_verified(authority)
        return Verification(
            state="paid", amount=payment.amount, reference=payment.reference, card=CARD, already=already
        )

    def unverified(self) -> list[UnverifiedPayment]:
        with self._sessions() as session:
            rows = session.execute(
                select(TestGatewayPayment.authority, TestGatewayPayment.amount)
                .where(TestGatewayPayment.state == TestGatewayState.PAID)
                .where(TestGatewayPayment.verified_at.is_(None))
                .order_by(TestGatewayPayment.id.desc())
                .limit(100)
            )
            return [UnverifiedPayment(authority=authority, amount=amount) for authority, amount in rows]

    def _mark_verified(self, authority: str) -> bool:
        """Mark as verified. Returns whether this call was the first; of concurrent calls only one is."""
        with self._sessions() as session, session.begin():
            marked = session.execute(
                update(TestGatewayPayment)
                .where(TestGatewayPayment.authority == authority, TestGatewayPayment.verified_at.is_(None))
                .values(verified_at=self._clock())
                .returning(TestGatewayPayment.id)
                .execution_options(synchronize_session=False)
            )
            return marked.first() is not None


def _with_query(url: str, values: Mapping[str, str]) -> str:
    """``url`` with ``values`` added to whatever query it has already."""
    parts = urlsplit(url)
    remaining = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in values]
    return urlunsplit(parts._replace(query=urlencode([*remaining, *values.items()])))


@payment_gateways.register(
    BuiltInTestGateway.name, lazy("درگاه آزمایشی"), stand_in=True, return_parameter=RETURN_PARAMETER
)
def configured(_settings: Section, wiring: Wiring) -> BuiltInTestGateway:
    return BuiltInTestGateway(wiring.sessions, base_url=wiring.public_url, clock=wiring.clock)
