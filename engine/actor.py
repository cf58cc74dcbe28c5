"""Actors: the person, or the system, on whose behalf the engine is called."""

import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import object_session

from models.account import Person
from models.organisation import Role


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person with their present roles. ``person_id`` is ``None`` for the system."""

    person_id: int | None
    username: str
    name: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # (role, division)
    permissions: frozenset[str] = frozenset()  # actions that the roles' rows allow, besides what the code does
    language: str = "fa"
    address: str = field(default="", compare=False)  # of the network, from where they came; "command" for a command

    @property
    def is_system(self) -> bool:
        return self.person_id is None

    def holds(self, role: str, scope: str = "") -> bool:
        """Returns True if the person holds the role, in this division if the role is divided."""
        if role not in self.roles:
            return False
        return not scope or (role, "") in self.scopes or (role, scope) in self.scopes


@dataclass(frozen=True)
class SignedIn:
    """The actor of a session, what they must do first, and when they last gave their password or second factor."""

    actor: Actor
    must_change_password: bool
    must_enrol: bool = False  # a role of theirs demands a second factor, and they have none
    confirmed_at: datetime | None = None


SYSTEM = Actor(person_id=None, username="system", name="")


def operator() -> Actor:
    """The system, at the command of whoever runs this process: their name is that of the operating system."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        name = str(os.getuid())
    return replace(SYSTEM, username=name, address="command")


def actor_for(person: Person) -> Actor:
    """The actor for a person, with the roles and permissions in the database.

    A person outside a session gets no permissions, and their grants count as they are.
    """
    session = object_session(person)
    keys = {grant.role for grant in person.roles}
    rows = (
        session.execute(select(Role.key, Role.divided_by, Role.permissions).where(Role.key.in_(keys)))
        if session
        else ()
    )
    of_role = {row.key: row for row in rows}
    held = [
        (grant.role, grant.scope)
        for grant in person.roles
        if grant.role not in of_role or counts(grant.scope, of_role[grant.role].divided_by)
    ]
    return acting(
        held,
        permissions=[action for role, _scope in held if role in of_role for action in of_role[role].permissions],
        person_id=person.id,
        username=person.username,
        name=person.name,
        language=person.language,
    )


def counts(scope: str, divided_by: str | None) -> bool:
    """Whether a grant with this division counts: one of a divided role without a division gives nothing."""
    return bool(scope or not divided_by)


def acting(
    held: Iterable[tuple[str, str]],
    *,
    permissions: Iterable[str],
    person_id: int,
    username: str,
    name: str,
    language: str,
) -> Actor:
    """The actor with these pairs of (role, division) and these permissions."""
    scopes = frozenset(held)
    roles = frozenset(role for role, _scope in scopes)
    return Actor(
        person_id=person_id,
        username=username,
        name=name,
        roles=roles,
        scopes=scopes,
        permissions=frozenset(permissions),
        language=language,
    )
