"""Texts of invoices for every process: labels of their states, and what their lines are for."""

from collections.abc import Callable

from models.billing import InvoiceLine
from models.language import lazy

INVOICE_STATUSES = {
    "open": lazy("در انتظار پرداخت"),
    "paid": lazy("پرداخت شده"),
    "cancelled": lazy("باطل شده"),
}

LineText = Callable[[InvoiceLine], str]  # the service of a line, in the reader's language


class LineTexts:
    """Texts of invoice lines by ``Invoice.reason``: the process that makes an invoice registers its reason."""

    def __init__(self) -> None:
        self._by_reason: dict[str, LineText] = {}

    def register(self, *reasons: str) -> Callable[[LineText], LineText]:
        """Register the decorated function for the reasons. Raises ValueError: a reason is taken."""

        def registered(text: LineText) -> LineText:
            for reason in reasons:
                if reason in self._by_reason:
                    raise ValueError(f"Two texts for the lines of invoices of the reason {reason!r}")
                self._by_reason[reason] = text
            return text

        return registered

    def of(self, reason: str, line: InvoiceLine) -> str:
        """The service of a line; its item's key if no process registered the reason."""
        text = self._by_reason.get(reason)
        return text(line) if text is not None else line.item
