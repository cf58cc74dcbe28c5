"""A stand-in for Kavenegar: speaks its REST interface over HTTP and keeps the messages in memory."""

import re
from typing import Any
from urllib.parse import parse_qs

from tests.providers.service import Service

KEY = "4C2F7A6B5038697A3D3D"


class KavenegarServer(Service):
    """``with KavenegarServer() as telephone``: what was sent stands in ``telephone.sent``.

    A message with a known ``localid`` is not sent anew: the first one's entry is answered again.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.sent: list[dict[str, str]] = []
        self.refuse_with: int | None = None  # a status for the next answer, whatever was asked
        self.refuse_http: int | None = None  # its HTTP status, if it is another
        self.entry_status = 1
        self.entries_as_object = False
        self._by_local_id: dict[str, int] = {}

    def read(self, raw: bytes, content_type: str) -> dict[str, Any]:
        assert content_type == "application/x-www-form-urlencoded"
        return {name: values[0] for name, values in parse_qs(raw.decode(), strict_parsing=True).items()}

    def answer(self, path: str, values: dict[str, Any]) -> tuple[int, Any]:
        if self.refuse_with is not None:
            status, self.refuse_with = self.refuse_with, None
            return self.refuse_http or status, _refusal(status)
        if path == f"/v1/{self.key}/sms/send.json":
            return self._send(values)
        if path == f"/v1/{self.key}/verify/lookup.json":
            return self._lookup(values)
        return 403, _refusal(403)

    def _send(self, values: dict[str, Any]) -> tuple[int, Any]:
        local_id = values.get("localid", "")
        if not re.fullmatch(r"[0-9]{1,19}", local_id) or int(local_id) >= 2**63:
            return 400, _refusal(400)
        if local_id not in self._by_local_id:
            self.sent.append(values)
            self._by_local_id[local_id] = 8_000_000 + len(self.sent)
        return 200, self._entry(self._by_local_id[local_id], values["message"], values["receptor"])

    def _lookup(self, values: dict[str, Any]) -> tuple[int, Any]:
        self.sent.append(values)
        return 200, self._entry(8_000_000 + len(self.sent), values["token"], values["receptor"])

    def _entry(self, number: int, message: str, receptor: str) -> dict[str, Any]:
        entry = {
            "messageid": number,
            "message": message,
            "status": self.entry_status,
            "statustext": "در صف ارسال",
            "sender": "10004346",
            "receptor": receptor,
            "date": 1356619709,
            "cost": 120,
        }
        entries = entry if self.entries_as_object else [entry]
        return {"return": {"status": 200, "message": "تایید شد"}, "entries": entries}


def _refusal(status: int) -> dict[str, Any]:
    return {"return": {"status": status, "message": "پذیرفته نشد"}, "entries": None}
