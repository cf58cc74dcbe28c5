"""Delivery without a provider: the outbox is shown on a page, and that is all."""

from engine.settings import Section
from models.language import lazy
from workflows.providers.registry import Wiring, sms_providers
from workflows.providers.sms import SentSms


class OnScreenOutbox:
    """Says "shown" to every message: the rows of the outbox are what people read."""

    name = "screen"
    shows_text = True

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        return SentSms(provider_id="shown")


@sms_providers.register("screen", lazy("نمایش روی صفحه"), stand_in=True)
def configured(_settings: Section, _wiring: Wiring) -> OnScreenOutbox:
    return OnScreenOutbox()
