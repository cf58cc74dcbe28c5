"""Who acts: the person (or the system) on whose behalf something is asked of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import object_session

from models.account import Person
from models.organisation import Role


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person with the roles held at this moment; ``person_id`` is empty for the system itself."""

    person_id: int | None
    username: str
    name: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # (role, division)
    permissions: frozenset[str] = frozenset()  # actions that the roles' rows allow, besides what the code does
    language: str = "fa"

    @property
    def is_system(self) -> bool:
        return self.person_id is None

    def holds(self, role: str, scope: str = "") -> bool:
        """Whether the person holds the role, in this division when the role is divided."""
        if role not in self.roles:
            return False
        return not scope or (role, "") in self.scopes or (role, scope) in self.scopes


@dataclass(frozen=True)
class SignedIn:
    """Whose session it is, and what they have to do first."""

    actor: Actor
    must_change_password: bool


SYSTEM = Actor(person_id=None, username="system", name="")


def actor_for(person: Person) -> Actor:
    """The actor that ``person`` is, with the roles as they stand in the database.

    Of a person who belongs to no session the permissions of the roles' rows are not known, and are none.
    """
    held = [(grant.role, grant.scope) for grant in person.roles]
    session = object_session(person)
    rows = (
        session.scalars(select(Role.permissions).where(Role.key.in_({role for role, _scope in held})))
        if session
        else ()
    )
    return acting(
        held,
        permissions=[action for actions in rows for action in actions],
        person_id=person.id,
        username=person.username,
        name=person.name,
        language=person.language,
    )


def acting(
    held: Iterable[tuple[str, str]],
    *,
    permissions: Iterable[str],
    person_id: int,
    username: str,
    name: str,
    language: str,
) -> Actor:
    """The actor who holds these (role, division), whose rows allow these actions."""
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
