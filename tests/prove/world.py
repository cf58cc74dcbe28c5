"""The world outside the application under proof: it remembers every SMS that left and every call that came in."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from workflows.providers.sms import SentSms


class World:
    """Books in files that only grow, one line for each entry: they outlive whoever wrote them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, book: str, case_id: int, key: str) -> None:
        """Write one entry about a case; a single append is there as a whole or not at all."""
        file = os.open(self._folder / book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, f"{case_id}\t{key}\n".encode())
        finally:
            os.close(file)

    def read(self, book: str) -> dict[int, list[str]]:
        """The keys of every case's entries, as often as they came."""
        found: dict[int, list[str]] = defaultdict(list)
        path = self._folder / book
        for line in path.read_text().splitlines() if path.exists() else []:
            case_id, _tab, key = line.partition("\t")
            found[int(case_id)].append(key)
        return found


class TelephoneCompany:
    """An SMS provider that writes down what it is told to send. A second time under one id is not sent again."""

    name = "proof"
    shows_text = True

    def __init__(self, world: World) -> None:
        self.world = world

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        self.world.note("sms", int(text.rpartition(" ")[2]), message_id)
        return SentSms(provider_id=message_id)
