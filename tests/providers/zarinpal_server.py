"""A stand-in for Zarinpal: speaks REST version 4 over HTTP and keeps a bank in memory."""

import json
from dataclasses import dataclass
from typing import Any

from tests.providers.service import Service

MERCHANT = "1344b5d4-0048-11e8-94db-005056a205be"
NOTHING: list[Any] = []  # Zarinpal writes [] where there is nothing to say
STATUS = {"open": "IN_BANK", "paid": "PAID", "failed": "FAILED", "cancelled": "FAILED"}


@dataclass
class BankPayment:
    authority: str
    amount: int
    callback_url: str
    metadata: dict[str, str]
    description: str
    state: str = "open"  # open | paid | failed | cancelled
    paid_amount: int = 0
    verified: bool = False
    reference: int = 0


class ZarinpalServer(Service):
    """``with ZarinpalServer() as bank``: ``bank.url`` for the adapter, ``bank.pay(authority)`` for the payer.

    ``wrong_amount`` makes the next verification tell one Rial less than was asked about.
    """

    def __init__(self, merchant_id: str = MERCHANT) -> None:
        super().__init__()
        self.merchant_id = merchant_id
        self.payments: dict[str, BankPayment] = {}
        self.wrong_amount = False
        self.refuse_with: tuple[int, str] | None = None  # a code for the next answer, whatever was asked

    def pay(self, authority: str, amount: int | None = None) -> str:
        """The payer pays; returns the address that the browser is sent back to."""
        payment = self.payments[authority]
        payment.state, payment.paid_amount = "paid", payment.amount if amount is None else amount
        payment.reference = 200_000 + len(self.payments)
        return f"{payment.callback_url}?Authority={authority}&Status=OK"

    def fail(self, authority: str) -> str:
        return self._not_paid(authority, "failed")

    def cancel(self, authority: str) -> str:
        return self._not_paid(authority, "cancelled")

    @property
    def taken(self) -> int:
        """Rials that payers gave and the shop has verified."""
        return sum(payment.paid_amount for payment in self.payments.values() if payment.verified)

    def read(self, raw: bytes, content_type: str) -> dict[str, Any]:
        assert content_type == "application/json"
        return json.loads(raw)

    def answer(self, path: str, values: dict[str, Any]) -> tuple[int, Any]:
        if self.refuse_with:
            refusal, self.refuse_with = self.refuse_with, None
            return 422, _error(*refusal)
        if values.get("merchant_id") != self.merchant_id:
            return 422, _error(-10, "Terminal is not valid, please check merchant_id or ip address.")
        method = path.removeprefix("/pg/v4/payment/").removesuffix(".json")
        answers = {
            "request": self._request,
            "verify": self._verify,
            "inquiry": self._inquiry,
            "unVerified": self._unverified,
        }
        return answers[method](values) if method in answers else (404, _error(-9, "Not found"))

    def _not_paid(self, authority: str, state: str) -> str:
        self.payments[authority].state = state
        return f"{self.payments[authority].callback_url}?Authority={authority}&Status=NOK"

    def _request(self, values: dict[str, Any]) -> tuple[int, Any]:
        if type(values["amount"]) is not int or values["amount"] < 1000 or values["currency"] != "IRR":
            return 422, _error(-9, "The input params invalid, validation error.")
        authority = f"A{len(self.payments) + 1:035d}"
        self.payments[authority] = BankPayment(
            authority, values["amount"], values["callback_url"], values["metadata"], values["description"]
        )
        return 200, _data(100, authority=authority, fee_type="Merchant", fee=100)

    def _verify(self, values: dict[str, Any]) -> tuple[int, Any]:
        payment = self.payments.get(values["authority"])
        if payment is None:
            return 422, _error(-54, "Invalid authority.")
        if payment.state != "paid":
            return 422, _error(-51, "Session is not valid, session is not active paid try.")
        if payment.paid_amount != values["amount"]:
            return 422, _error(-50, "Session is not valid, amounts values is not the same.")
        code, payment.verified = 101 if payment.verified else 100, True
        told, self.wrong_amount = ({"amount": values["amount"] - 1} if self.wrong_amount else {}), False
        card = {"card_hash": "1EBE3EBEBE35C7EC", "card_pan": "502229******5995"}
        return 200, _data(code, ref_id=payment.reference, fee=0, fee_type="Merchant", **card, **told)

    def _inquiry(self, values: dict[str, Any]) -> tuple[int, Any]:
        payment = self.payments.get(values["authority"])
        if payment is None:
            return 422, _error(-54, "Invalid authority.")
        return 200, _data(100, status="VERIFIED" if payment.verified else STATUS[payment.state])

    def _unverified(self, values: dict[str, Any]) -> tuple[int, Any]:
        rows = [
            {
                "authority": p.authority,
                "amount": p.paid_amount,
                "callback_url": p.callback_url,
                "referer": "/",
            }
            for p in self.payments.values()
            if p.state == "paid" and not p.verified
        ]
        return 200, {"data": {"code": "100", "message": "Success", "authorities": rows}, "errors": NOTHING}


def _data(code: int, **values: Any) -> dict[str, Any]:
    return {"data": {"code": code, "message": "Success", **values}, "errors": NOTHING}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"data": NOTHING, "errors": {"code": code, "message": message, "validations": NOTHING}}
