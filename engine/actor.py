"""Who acts: the person (or the system) on whose behalf something is asked of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from models.account import Person


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person with the roles held at this moment; ``person_id`` is empty for the system itself."""

    person_id: int | None
    username: str
    name: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # (role, unit or district)
    language: str = "fa"

    @property
    def is_system(self) -> bool:
        return self.person_id is None

    def holds(self, role: str, scope: str = "") -> bool:
        """Whether the person holds the role, in this unit or district when the role is divided so."""
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
    """The actor that ``person`` is, with the roles as they stand in the database."""
    held = [(grant.role, grant.scope) for grant in person.roles]
    return acting(held, person_id=person.id, username=person.username, name=person.name, language=person.language)


def acting(held: Iterable[tuple[str, str]], *, person_id: int, username: str, name: str, language: str) -> Actor:
    """The actor who holds these (role, unit or district)."""
    scopes = frozenset(held)
    roles = frozenset(role for role, _scope in scopes)
    return Actor(person_id=person_id, username=username, name=name, roles=roles, scopes=scopes, language=language)
