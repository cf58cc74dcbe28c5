"""What every SMS provider can do (SMS-1)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class SentSms:
    """The provider took the message over; it may not have reached the telephone yet."""

    provider_id: str


class SmsProvider(Protocol):
    """Sends one message. Called by the outbox's worker, never by a step and never inside a transaction."""

    @property
    def name(self) -> str:
        """The key kept with each delivered message."""
        ...

    @property
    def shows_text(self) -> bool:
        """People read the outbox itself: a secret text stays in it after sending."""
        ...

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        """Send ``text`` to ``receiver`` (a mobile number, ``09…``).

        ``message_id`` names the message and stays the same for every attempt: a provider that took it
        before does not send it again. Raises ProviderError.
        """
        ...
