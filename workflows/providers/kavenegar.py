"""Kavenegar's SMS service, REST version 1."""

import hashlib
import re
from typing import Any, Final

import httpx

from engine.settings import Section, setting
from models.language import lazy
from workflows.providers.errors import ProviderError
from workflows.providers.registry import Wiring, sms_providers
from workflows.providers.sms import SentSms
from workflows.providers.transport import Answer, checked_base, given_number, post, words

KEY: Final = re.compile(r"[0-9A-Za-z%=_-]{8,200}", re.ASCII)
MOBILE: Final = re.compile(r"09[0-9]{9}", re.ASCII)

# Faults of one message or one receiver: sending it again cannot help. All other numbers
# are about the account (403 key, 407 and 416 address, 412 sender line, 418 credit, 424 and 432 template,
# 451 rate …) or pass by themselves (402, 409): they are tried again, so that nothing is lost while
# somebody mends the account.
PERMANENT: Final = {
    400,  # a parameter is missing
    411,  # receiver
    413,  # text empty or too long
    414,  # too many receivers
    417,  # date
    419,  # lists of different length
    420,  # text with a link
    422,  # characters that cannot be sent
    428,  # a call needs digits
    431,  # form of a token
    501,  # a test account sends to its owner only
}
NOT_DELIVERABLE: Final = {6: "failed", 11: "not delivered", 13: "cancelled", 14: "blocked by the receiver"}


class KavenegarSettings(Section):
    """The account at Kavenegar, for KARTABL_SMS_PROVIDER=kavenegar."""

    kavenegar_key: str = setting(
        "API key of Kavenegar", secret=True, pattern=KEY.pattern, allowed="letters and digits, as in its panel"
    )
    kavenegar_sender: str = setting("sender line of Kavenegar; empty: the account's own", default="")


class Kavenegar:
    """SMS provider Kavenegar. The API key is part of the path; the path that httpx logs has stars in its place."""

    name = "kavenegar"
    shows_text = False

    def __init__(
        self,
        key: str,
        sender: str = "",
        *,
        base_url: str = "https://api.kavenegar.com",
        timeout: float = 10.0,
        client: httpx.Client | None = None,
    ) -> None:
        if not KEY.fullmatch(key):
            raise ValueError("Kavenegar's key has letters and digits only, as in its panel")
        self._key = key
        self._sender = sender
        self._base_url = checked_base(base_url)
        self._timeout = timeout
        self._client = client or httpx.Client()

    def __repr__(self) -> str:
        return f"<Kavenegar {self._base_url}>"

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        if not text.strip():
            raise ProviderError("Kavenegar: a message without text", permanent=True)
        form = {"message": text, "localid": _local_id(message_id, receiver, text)}
        return self._deliver("sms/send", receiver, form | ({"sender": self._sender} if self._sender else {}))

    def _deliver(self, method: str, receiver: str, form: dict[str, str]) -> SentSms:
        if not MOBILE.fullmatch(receiver):
            raise ProviderError("Kavenegar: the receiver is not a mobile number", permanent=True)
        answer = post(
            self._client,
            f"{self._base_url}/v1/***/{method}.json",
            service="Kavenegar",
            timeout=self._timeout,
            form={"receptor": receiver, **form},
            target=f"{httpx.URL(self._base_url).path.rstrip('/')}/v1/{self._key}/{method}.json",
        )
        status = given_number(answer.part("return"), "status", service="Kavenegar")
        if status != 200:
            raise self._refusal(method, answer, status)
        return _sent(_first_entry(answer))

    def _refusal(self, method: str, answer: Answer, status: int | None) -> ProviderError:
        if status is None:
            return ProviderError(f"Kavenegar answered HTTP {answer.status} without a status", uncertain=True)
        message = words(answer.part("return").get("message"), hide=self._key)
        return ProviderError(f"Kavenegar {method}: {status} {message}", permanent=status in PERMANENT)


def _local_id(message_id: str, receiver: str, text: str) -> str:
    """The id by which Kavenegar recognises a repeated message: a positive whole number of 60 bits.

    Derived from the message's text too: ids start anew with a fresh database on the same account, and the
    new message 17 must not be dropped as a repetition of the old one.
    """
    digest = hashlib.sha256(f"{message_id}\n{receiver}\n{text}".encode()).digest()
    return str(int.from_bytes(digest[:8], "big") >> 4)


def _first_entry(answer: Answer) -> dict[str, Any]:
    """``entries`` is a list in one method's answer and an object in another's."""
    entries = answer.body.get("entries")
    entry = entries[0] if isinstance(entries, list) and entries else entries
    return entry if isinstance(entry, dict) else {}


def _sent(entry: dict[str, Any]) -> SentSms:
    provider_id = given_number(entry, "messageid", service="Kavenegar")
    if provider_id is None:
        raise ProviderError("Kavenegar answered 200 without a message", uncertain=True)
    status = given_number(entry, "status", service="Kavenegar")
    if status in NOT_DELIVERABLE:
        raise ProviderError(f"Kavenegar message {provider_id}: {NOT_DELIVERABLE[status]}", permanent=True)
    return SentSms(provider_id=str(provider_id))


@sms_providers.register("kavenegar", lazy("کاوه‌نگار"), settings=KavenegarSettings)
def configured(settings: KavenegarSettings, _wiring: Wiring) -> Kavenegar:
    return Kavenegar(settings.kavenegar_key, sender=settings.kavenegar_sender)
