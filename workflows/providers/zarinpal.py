"""Zarinpal's payment gateway, REST version 4."""

import re
from typing import Annotated, Any, Final

import httpx

from engine.settings import Checked, Section, setting
from models.language import lazy
from workflows.providers.errors import ProviderError
from workflows.providers.payment_gateway import StartedPayment, UnverifiedPayment, Verification
from workflows.providers.registry import Wiring, payment_gateways
from workflows.providers.transport import Answer, checked_base, given_number, number, post, words

AUTHORITY: Final = re.compile(r"[A-Z][0-9A-Za-z]{35}", re.ASCII)
MERCHANT: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
LONGEST_DESCRIPTION: Final = 500

PAID: Final = 100
PAID_AND_VERIFIED_BEFORE: Final = 101
AMOUNT_DIFFERS: Final = -50
NOT_PAID: Final = -51
NEVER_PAYABLE: Final = {
    -53: "other_merchant",
    -54: "unknown_authority",
    -55: "unknown_authority",
    -61: "reversed",
}
# The request or the contract with Zarinpal is wrong; only a person can mend that. Others (-12 too many
# tries, -52 unexpected, and numbers we do not know) may pass by themselves.
PERMANENT: Final = {-9, -10, -11, -13, -14, -15, -16, -17, -18, -19, *range(-41, -29)}

INQUIRY: Final[dict[str, tuple[str, str]]] = {
    "IN_BANK": ("waiting", "in_bank"),
    "PAID": ("waiting", "in_bank"),  # paid after our verification: the next one confirms it
    "VERIFIED": ("waiting", "in_bank"),
    "FAILED": ("failed", "not_paid"),
    "REVERSED": ("failed", "reversed"),
}


def _safe(url: str) -> str:
    if "@" in url:
        raise ValueError("must not hold a user name or password")
    try:
        return checked_base(url)
    except (ValueError, httpx.InvalidURL):
        raise ValueError("is no safe address") from None


class ZarinpalSettings(Section):
    """The merchant at Zarinpal, for KARTABL_PAYMENT_GATEWAY=zarinpal."""

    zarinpal_merchant: str = setting(
        "merchant id of Zarinpal",
        secret=True,
        pattern=MERCHANT.pattern,
        allowed="a hexadecimal UUID of 36 characters, as in its panel",
    )
    zarinpal_url: Annotated[str, Checked(_safe)] = setting(
        "Zarinpal itself, or https://sandbox.zarinpal.com to try out",
        default="https://payment.zarinpal.com",
        allowed="https://…, or an address of this machine",
    )


class Zarinpal:
    """Payment gateway Zarinpal. Evaluates the body, not the HTTP status, which the documentation leaves open."""

    name = "zarinpal"

    def __init__(
        self,
        merchant_id: str,
        base_url: str = "https://payment.zarinpal.com",
        timeout: float = 10.0,
        client: httpx.Client | None = None,
    ) -> None:
        if not MERCHANT.fullmatch(merchant_id):
            raise ValueError("Zarinpal's merchant id is a hexadecimal UUID of 36 characters, as in its panel")
        self._merchant_id = merchant_id
        self._base_url = checked_base(base_url)
        self._timeout = timeout
        self._client = client or httpx.Client()

    def request(
        self, *, amount: int, invoice_number: str, description: str, callback_url: str, mobile: str | None
    ) -> StartedPayment:
        _refuse_wrong_amount(amount)
        metadata = {"order_id": invoice_number} | ({"mobile": mobile} if mobile else {})
        answer = self._post(
            "request",
            amount=amount,
            currency="IRR",
            description=description[:LONGEST_DESCRIPTION],
            callback_url=callback_url,
            metadata=metadata,
        )
        if _code(answer) != PAID:
            raise self._refusal("request", answer)
        authority = answer.part("data").get("authority")
        if not isinstance(authority, str) or not AUTHORITY.fullmatch(authority):
            raise ProviderError("Zarinpal gave an authority of an unknown form", uncertain=True)
        return StartedPayment(authority=authority, pay_url=f"{self._base_url}/pg/StartPay/{authority}")

    def verify(self, *, authority: str, amount: int) -> Verification:
        _refuse_wrong_amount(amount)
        if not AUTHORITY.fullmatch(authority):
            return Verification(state="failed", amount=0, reason="unknown_authority")
        answer = self._post("verify", authority=authority, amount=amount)
        code = _code(answer)
        if code in (PAID, PAID_AND_VERIFIED_BEFORE):
            return _paid(answer.part("data"), amount=amount, already=code == PAID_AND_VERIFIED_BEFORE)
        if code == NOT_PAID:
            return self._not_paid(authority)
        if code == AMOUNT_DIFFERS:
            return self._paid_otherwise(authority)
        if code in NEVER_PAYABLE:
            return Verification(state="failed", amount=0, reason=NEVER_PAYABLE[code])
        raise self._refusal("verify", answer)

    def unverified(self) -> list[UnverifiedPayment]:
        answer = self._post("unVerified")
        if _code(answer) != PAID:
            raise self._refusal("unVerified", answer)
        rows = answer.part("data").get("authorities")
        read = [_unverified(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return [payment for payment in read if payment]

    def _not_paid(self, authority: str) -> Verification:
        """Distinguish a failed payment from a payer who is still typing the card number; ``waiting`` if unknown."""
        try:
            status = self._post("inquiry", authority=authority).part("data").get("status")
        except ProviderError:
            status = None
        state, reason = INQUIRY.get(str(status), ("waiting", "not_paid"))
        return Verification(state="failed" if state == "failed" else "waiting", amount=0, reason=reason)

    def _paid_otherwise(self, authority: str) -> Verification:
        """Handle a paid amount that differs from the invoice; in Rials if Zarinpal still lists the payment, else 0."""
        try:
            amounts = [payment.amount for payment in self.unverified() if payment.authority == authority]
        except ProviderError:
            amounts = []
        return Verification(state="failed", amount=amounts[0] if amounts else 0, reason="amount_differs")

    def _post(self, method: str, **values: Any) -> Answer:
        return post(
            self._client,
            f"{self._base_url}/pg/v4/payment/{method}.json",
            service="Zarinpal",
            timeout=self._timeout,
            json_body={"merchant_id": self._merchant_id, **values},
        )

    def _refusal(self, method: str, answer: Answer) -> ProviderError:
        code = _code(answer)
        if code is None:
            return ProviderError(f"Zarinpal answered HTTP {answer.status} without a code", uncertain=True)
        message = words(answer.part("errors").get("message"), hide=self._merchant_id)
        return ProviderError(f"Zarinpal {method}: {code} {message}", permanent=code in PERMANENT)


def _refuse_wrong_amount(amount: int) -> None:
    if amount <= 0:
        raise ProviderError(f"Not an amount that can be paid: {amount} Rials", permanent=True)


def _paid(data: dict[str, Any], *, amount: int, already: bool) -> Verification:
    """Verification of a paid payment. Zarinpal compared ``amount``; an amount in its answer takes precedence."""
    reported = given_number(data, "amount", service="Zarinpal")
    reference = data.get("ref_id")
    if isinstance(reference, bool | float | list | dict):
        raise ProviderError("Zarinpal wrote a ref_id that is no number", uncertain=True)
    card = data.get("card_pan")
    return Verification(
        state="paid",
        amount=amount if reported is None else reported,
        reference=None if reference in (None, "", 0) else str(reference)[:60],
        card=card[:30] if isinstance(card, str) and "*" in card else None,  # an unmasked number is not stored
        already=already,
    )


def _unverified(row: dict[str, Any]) -> UnverifiedPayment | None:
    authority, amount = row.get("authority"), number(row.get("amount"))
    if not isinstance(authority, str) or not AUTHORITY.fullmatch(authority) or not amount:
        return None
    return UnverifiedPayment(authority=authority, amount=amount)


def _code(answer: Answer) -> int | None:
    """The code of the answer: an error's before a success's, should both be there. Raises ProviderError, uncertain."""
    code = given_number(answer.part("errors"), "code", service="Zarinpal")
    return given_number(answer.part("data"), "code", service="Zarinpal") if code is None else code


@payment_gateways.register("zarinpal", lazy("زرین‌پال"), settings=ZarinpalSettings, return_parameter="Authority")
def configured(settings: ZarinpalSettings, _wiring: Wiring) -> Zarinpal:
    return Zarinpal(settings.zarinpal_merchant, base_url=settings.zarinpal_url)
