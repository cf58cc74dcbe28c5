"""The verbs of accounts for tests, each in a transaction of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.identity import recovery, registration
from engine.identity.recovery import Recovery
from engine.identity.registration import Registration
from models.account import Person
from models.outbox import Sms

MOBILE = "09123456789"
ADDRESS = "192.0.2.1"
OWN_PASSWORD = "moon over karaj"
NEW_PASSWORD = "kolah-qermez-1405"
SOON = timedelta(seconds=61)


class Desk:
    """The verbs of accounts, each in a transaction of its own, at the clock's moment."""

    def __init__(self, application: Any, clock: Any) -> None:
        self.application = application
        self.clock = clock
        self.accounts = application.accounts

    def does(self, verb: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
        with self.application.engine.transaction() as session:
            return verb(session, *arguments, **values)

    def register(self, *, mobile: str = MOBILE, password: str = OWN_PASSWORD, address: str = ADDRESS) -> str:
        data = Registration("سارا", "مرادی", mobile, password, "citizen")
        return self.does(registration.begin, self.accounts.codes, data, address=address, now=self.clock.now)

    def registers_again(self, mark: str, *, address: str = ADDRESS) -> None:
        self.does(registration.send_again, self.accounts.codes, mark, address=address, now=self.clock.now)

    def confirm(self, code: str, mark: str) -> Person:
        return self.does(registration.confirm, self.accounts.codes, mark, code, now=self.clock.now)

    def sign_in(
        self,
        username: str = MOBILE,
        password: str = OWN_PASSWORD,
        *,
        address: str = ADDRESS,
        device: str | None = None,
        kind: str = "browser",
    ) -> Any:
        verb = self.accounts.sign_in
        return self.does(verb, username, password, address=address, device=device, kind=kind, now=self.clock.now)

    def forgets(self, username: str = MOBILE, *, address: str = ADDRESS, device: str | None = None) -> Recovery:
        return self.does(recovery.begin, self.accounts, username, address=address, device=device, now=self.clock.now)

    def recovers(self, begun: Recovery, code: str, password: str = NEW_PASSWORD) -> Person:
        return self.does(recovery.finish, self.accounts, begun, code, password, now=self.clock.now)

    def registered(self, mobile: str = MOBILE) -> Person:
        mark = self.register(mobile=mobile)
        person = self.confirm(self.code(), mark)
        self.clock.advance(SOON)
        return person

    def messages(self) -> list[Sms]:
        return self.does(lambda session: list(session.scalars(select(Sms).order_by(Sms.id))))

    def code(self, _after: Any = None) -> str:
        """The code in the newest message."""
        found = re.search(r"\b\d{6}\b", self.messages()[-1].text)
        assert found is not None
        return found[0]

    def person(self, username: str = MOBILE) -> Person | None:
        return self.does(lambda session: session.scalars(select(Person).where(Person.username == username)).first())

    def works(self, token: str) -> bool:
        return self.does(self.accounts.person_of_session, token, now=self.clock.now) is not None


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"
