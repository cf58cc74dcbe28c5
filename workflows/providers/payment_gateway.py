"""The interface of payment gateways (PAY-1)."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class StartedPayment:
    """An announced payment: the gateway's id ``authority`` and the payer's page ``pay_url``."""

    authority: str
    pay_url: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The gateway's present answer on a payment.

    ``waiting`` and ``failed`` can still become ``paid``: money counts whenever the gateway confirms it.
    ``reason`` is the key of the reason why it is not paid: ``not_paid``, ``in_bank``, ``unknown_authority``,
    ``other_merchant``, ``reversed``, ``cancelled`` or ``amount_differs``. The last one means that money
    was paid, but another amount than ours: it must reach finance.
    """

    state: Literal["paid", "waiting", "failed"]
    amount: int  # whole Rials that the gateway confirms; 0 unless paid, or paid with another amount
    reference: str | None = None  # the bank's number, for the payer
    card: str | None = None  # masked by the gateway
    already: bool = False  # an earlier verification counted it: the money counts once
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class UnverifiedPayment:
    """A payment that was paid and never verified: its return got lost on the way."""

    authority: str
    amount: int  # Rials


class PaymentGateway(Protocol):
    """A gateway. Amounts are whole Rials; every method raises ProviderError on failure.

    Called by the worker, never inside a transaction that holds a lock.
    """

    @property
    def name(self) -> str:
        """The key stored with each payment and in the return address."""
        ...

    def request(
        self, *, amount: int, invoice_number: str, description: str, callback_url: str, mobile: str | None
    ) -> StartedPayment:
        """Announce a payment of ``amount`` Rials. Each call gives another authority; an unpaid one costs nothing."""
        ...

    def verify(self, *, authority: str, amount: int) -> Verification:
        """Verify that ``authority`` was paid with ``amount`` Rials, which comes from our own records only.

        Idempotent: a second call gives ``paid`` again with ``already`` set, so after an error, uncertain
        or not, the right thing is to verify again. ``paid`` counts only if its ``amount`` is ours too.
        """
        ...

    def unverified(self) -> list[UnverifiedPayment]:
        """Paid and unverified payments, about the newest hundred: for finding lost returns."""
        ...
