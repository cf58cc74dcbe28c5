"""What every payment gateway can do (PAY-1)."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class StartedPayment:
    """The gateway knows the payment by ``authority`` and lets people pay at ``pay_url``."""

    authority: str
    pay_url: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the gateway says about one payment, at this moment.

    ``waiting`` and ``failed`` can still become ``paid``: money counts whenever the gateway says so.
    ``reason`` says why it is not paid, as a key: ``not_paid``, ``in_bank``, ``unknown_authority``,
    ``other_merchant``, ``reversed``, ``cancelled`` or ``amount_differs``. The last one means that money
    was paid, but another amount than ours: it must reach finance.
    """

    state: Literal["paid", "waiting", "failed"]
    amount: int  # Rials the gateway stands for; 0 unless paid, or paid with another amount
    reference: str | None = None  # the bank's number, shown to the payer
    card: str | None = None  # masked by the gateway
    already: bool = False  # an earlier verify counted it: the money is there, but only once
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class UnverifiedPayment:
    """Paid at the gateway and asked about by nobody: its return got lost on the way."""

    authority: str
    amount: int  # Rials


class PaymentGateway(Protocol):
    """A gateway. Amounts are whole Rials; every method may raise ProviderError.

    Called by the worker, never inside a transaction that holds a lock.
    """

    @property
    def name(self) -> str:
        """The key kept with each payment and in the return address."""
        ...

    def request(
        self, *, amount: int, invoice_number: str, description: str, callback_url: str, mobile: str | None
    ) -> StartedPayment:
        """Announce a payment. Repeating it gives another authority; one that nobody pays costs nothing."""
        ...

    def verify(self, *, authority: str, amount: int) -> Verification:
        """Ask whether ``authority`` was paid with ``amount``, which comes from our own records only.

        Idempotent: a second call gives ``paid`` again with ``already`` set, so after an error, uncertain
        or not, the right thing is to ask again. ``paid`` counts only if its ``amount`` is ours too.
        """
        ...

    def unverified(self) -> list[UnverifiedPayment]:
        """What was paid and never verified, the newest hundred or so: for finding lost returns."""
        ...
