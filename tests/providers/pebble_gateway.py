"""A second payment gateway, as a newcomer writes it: one file that registers itself when it is imported."""

from __future__ import annotations

from engine.settings import Section, setting
from workflows.providers.payment_gateway import StartedPayment, UnverifiedPayment, Verification
from workflows.providers.registry import Wiring, payment_gateways

PAID: dict[str, int] = {}  # id of a paid payment → Rials
VERIFIED: list[str] = []  # ids, once for each verification that found money


class PebbleSettings(Section):
    """The beach, for KARTABL_PAYMENT_GATEWAY=pebble."""

    pebble_beach: str = setting("where the pebbles lie", secret=True, allowed="a name")


class Pebble:
    """Counts pebbles. Its ids are as long as an id may be, and it names them otherwise than Zarinpal."""

    name = "pebble"

    def __init__(self) -> None:
        self.opened: list[str] = []

    def request(
        self, *, amount: int, invoice_number: str, description: str, callback_url: str, mobile: str | None
    ) -> StartedPayment:
        authority = invoice_number.replace("/", "-").rjust(60, "p")
        self.opened.append(authority)
        return StartedPayment(authority=authority, pay_url=f"https://pebble.example/{authority}?back={callback_url}")

    def verify(self, *, authority: str, amount: int) -> Verification:
        if authority not in PAID:
            return Verification(state="waiting", amount=0, reason="in_bank")
        VERIFIED.append(authority)
        return Verification(state="paid", amount=PAID[authority], reference="42")

    def unverified(self) -> list[UnverifiedPayment]:
        return [UnverifiedPayment(authority=one, amount=sum_) for one, sum_ in PAID.items() if one not in VERIFIED]


def register() -> None:
    """What a module of ``workflows/providers/`` does at its end."""

    @payment_gateways.register("pebble", "سنگریزه", settings=PebbleSettings, return_parameter="trackId")
    def configured(_settings: PebbleSettings, _wiring: Wiring) -> Pebble:
        return Pebble()
