"""Delivery without a provider: people read the outbox on a page."""

from engine.settings import Section
from models.language import lazy
from workflows.providers.registry import Wiring, sms_providers
from workflows.providers.sms import SentSms


class OnScreenOutbox:
    """Accepts every message and sends none: people read the rows of the outbox."""

    name = "screen"
    shows_text = True

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        return SentSms(provider_id="shown")


@sms_providers.register("screen", lazy("نمایش روی صفحه"), stand_in=True)
def configured(_settings: Section, _wiring: Wiring) -> OnScreenOutbox:
    return OnScreenOutbox()
