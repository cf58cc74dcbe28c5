"""The verbs of accounts for tests, each in a transaction of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.identity.accounts import Registration
from models.account import Person
from models.outbox import Sms
from tests.play import PASSWORD

MOBILE = "09123456789"
ADDRESS = "192.0.2.1"
NEW_PASSWORD = "another-one-9"
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

    def register(self, *, mobile: str = MOBILE, password: str = PASSWORD, address: str = ADDRESS) -> str:
        registration = Registration("سارا", "مرادی", mobile, password, "citizen")
        return self.does(self.accounts.register, registration, address=address, now=self.clock.now)

    def confirm(self, code: str, mark: str, *, mobile: str = MOBILE) -> Person:
        return self.does(self.accounts.confirm_registration, mobile, code, mark=mark, now=self.clock.now)

    def sign_in(self, username: str = MOBILE, password: str = PASSWORD, *, address: str = ADDRESS) -> Any:
        return self.does(self.accounts.sign_in, username, password, address=address, now=self.clock.now)

    def forgets(self, username: str = MOBILE, *, address: str = ADDRESS) -> str:
        return self.does(self.accounts.send_recovery, username, address=address, now=self.clock.now)

    def recovers(self, code: str, password: str = NEW_PASSWORD, username: str = MOBILE) -> Person:
        return self.does(self.accounts.recover, username, code, password, now=self.clock.now)

    def registered(self, mobile: str = MOBILE) -> Person:
        person = self.confirm(self.code(mark := self.register(mobile=mobile)), mark, mobile=mobile)
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
