"""The interface of SMS providers (SMS-1)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class SentSms:
    """A message that the provider accepted; delivery to the telephone may follow later."""

    provider_id: str


class SmsProvider(Protocol):
    """Sends one message. Called by the outbox's worker, never by a step and never inside a transaction."""

    @property
    def name(self) -> str:
        """The key stored with each delivered message."""
        ...

    @property
    def shows_text(self) -> bool:
        """People read the outbox itself: a secret text stays in it after sending."""
        ...

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        """Send ``text`` to ``receiver`` (a mobile number, ``09…``).

        ``message_id`` is the same for every attempt: a provider that accepted it before does not send
        it again. Raises ProviderError: the message was refused or its fate is unknown.
        """
        ...
