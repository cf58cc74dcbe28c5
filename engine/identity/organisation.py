"""The organisation's roles and divisions as they are in the tables, kept in memory until an admin changes them.

``of(session)`` is the way to them for every layer. It costs one look-up by primary key a session; the tables are
read again only when their revision is another one, so a change by one process is seen by all at their next session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, trail
from models.choice import Choice
from models.digits import persian_digits
from models.language import BilingualText, LazyText, reading
from models.language import gettext as _
from models.organisation import ONLY, Division, OrganisationChange, OrganisationRevision, Role, SystemRole

_MEMO = "organisation"  # where a session keeps what it has looked up


@dataclass(frozen=True, kw_only=True)
class RoleEntry:
    """A role. ``divided_by``: a kind of division, or ""; ``permissions``: actions that its holders may do."""

    key: str
    name: BilingualText
    divided_by: str = ""
    granted_by: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    on_registration: bool = False
    second_factor: bool = False
    position: int = 0
    active: bool = True

    @property
    def version(self) -> str:
        """What an admin can change of it, as a short word: another one when somebody has changed it meanwhile."""
        granted_by, actions = sorted(self.granted_by), sorted(self.permissions)
        return _version(self.name, self.divided_by, granted_by, actions, self.on_registration, self.second_factor)

    @property
    def is_system(self) -> bool:
        """Whether the code itself names the role, so that it is always there."""
        return self.key in set(SystemRole)


@dataclass(frozen=True, kw_only=True)
class DivisionEntry:
    """A division: ``kind`` says by what it divides, ``key`` is the scope of people and tasks in it."""

    kind: str
    key: str
    name: BilingualText
    position: int = 0
    active: bool = True

    @property
    def version(self) -> str:
        """As ``RoleEntry.version``."""
        return _version(self.name)


def _version(name: BilingualText, *values: object) -> str:
    return hashlib.sha256(repr((name.fa, name.en, *values)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Organisation:
    """All roles and divisions, those out of use among them, in the order of lists. Never changed: shared by threads."""

    revision: str = ""
    roles: Mapping[str, RoleEntry] = field(default_factory=dict)
    divisions: Mapping[tuple[str, str], DivisionEntry] = field(default_factory=dict)  # by kind and key

    @property
    def active_roles(self) -> list[RoleEntry]:
        return [role for role in self.roles.values() if role.active]

    def divisions_of(self, kind: str, *, active: bool = True) -> list[DivisionEntry]:
        """The divisions of one kind; with ``active`` only those in use."""
        return [one for one in self.divisions.values() if one.kind == kind and (one.active or not active)]

    def choices_of(self, kind: str) -> list[Choice]:
        """The divisions of a kind that are in use, as options of a field. Their labels follow the reader."""
        return [Choice(one.key, one.name) for one in self.divisions_of(kind)]  # type: ignore[arg-type]

    def role_name(self, role: str) -> BilingualText:
        """What a role is called; its key, when the tables do not have it."""
        known = self.roles.get(role)
        return known.name if known else BilingualText(role, role)

    def division_name(self, role: str, scope: str) -> BilingualText:
        """What the division is called in which a role is held; its key, when the tables do not have it."""
        known = self.roles.get(role)
        division = self.divisions.get((known.divided_by, scope)) if known else None
        return division.name if division else BilingualText(scope, scope)

    def role_label(self, role: str, scope: str = "") -> str:
        """A role in words, with its division: ``کارشناس واحد سازمان: فناوری اطلاعات``."""
        name = str(self.role_name(role))
        return _("%(role)s: %(scope)s", role=name, scope=self.division_name(role, scope)) if scope else name

    def may_grant(self, actor: Actor, role: RoleEntry) -> bool:
        """Whether the actor may give the role to people and take it: admins, and whom the role's row names.

        The system's own roles are given by admins only, whatever their rows say.
        """
        if actor.is_system or SystemRole.ADMIN in actor.roles:
            return True
        return not role.is_system and not role.granted_by.isdisjoint(actor.roles)

    def grantable(self, actor: Actor) -> list[RoleEntry]:
        """The roles in use that the actor may give to people."""
        return [role for role in self.active_roles if self.may_grant(actor, role)]


def of(session: Session) -> Organisation:
    """The organisation as this session sees it, looked up once. ``forget`` it after a change in the same session."""
    known: Organisation | None = session.info.get(_MEMO)
    if known is None:
        known = session.info[_MEMO] = _current(session)
    return known


def forget(session: Session) -> None:
    """Look the organisation up again when this session next wants it."""
    session.info.pop(_MEMO, None)


def last(database: Database) -> Organisation:
    """The organisation as this process read it last: for pages that say that the database is away."""
    return _kept.get(database, Organisation())


_kept: WeakKeyDictionary[Database, Organisation] = WeakKeyDictionary()  # of each database, as it was committed last


def _current(session: Session) -> Organisation:
    # Around the session's unit of work: reading must not flush what a step has not finished.
    connection = session.connection()
    database = connection.engine
    revision = connection.execute(select(OrganisationRevision.revision).where(OrganisationRevision.id == ONLY)).scalar()
    known = _kept.get(database)
    if known is None or known.revision != revision or revision is None:
        known = _kept[database] = _load(session, revision or "")
    return known


def _load(session: Session, revision: str) -> Organisation:
    connection = session.connection()
    roles = connection.execute(select(Role.__table__).order_by(Role.position, Role.key))
    divisions = connection.execute(select(Division.__table__).order_by(Division.position, Division.key))
    return Organisation(
        revision,
        {row.key: role_entry(row) for row in roles},
        {(row.kind, row.key): division_entry(row) for row in divisions},
    )


def role_entry(row: Any) -> RoleEntry:
    """The value of a row of ``roles``."""
    return RoleEntry(
        key=row.key,
        name=BilingualText(persian_digits(row.name_fa), row.name_en),
        divided_by=row.divided_by,
        granted_by=frozenset(row.granted_by),
        permissions=frozenset(row.permissions),
        on_registration=row.on_registration,
        second_factor=row.second_factor,
        position=row.position,
        active=row.active,
    )


def division_entry(row: Any) -> DivisionEntry:
    """The value of a row of ``divisions``."""
    return DivisionEntry(
        kind=row.kind,
        key=row.key,
        name=BilingualText(persian_digits(row.name_fa), row.name_en),
        position=row.position,
        active=row.active,
    )


def record(
    session: Session,
    subject: str,
    key: str,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    by: Actor,
    now: datetime,
) -> None:
    """Write down a change of a role, a division or a membership. ``subject``: see ``OrganisationChange``."""
    if subject == "membership":
        granted = events.ROLE_GRANTED if after is not None else events.ROLE_REVOKED
        trail.record(session, granted, by, subject=("person", key), before=before, after=after)
    else:
        changed = events.ROLE_CHANGED if subject == "role" else events.DIVISION_CHANGED
        trail.record(session, changed, by, subject=(subject, key), before=before, after=after)
    session.add(
        OrganisationChange(
            subject=subject,
            key=key,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
            at=now,
            by_id=by.person_id,
            by_name=by.name,
        )
    )


# ---------------------------------------------------------------- what an installation is delivered with


def in_both_languages(text: LazyText) -> BilingualText:
    """A text of the code, translated by the catalogue, as the tables hold it."""
    with reading("en"):
        english = str(text)
    return BilingualText(text.message, english)


def delivered(roles: Iterable[RoleEntry], divisions: Iterable[DivisionEntry]) -> Organisation:
    """The organisation of an installation whose tables nobody has changed: for checks without a database."""
    return Organisation("", {one.key: one for one in roles}, {(one.kind, one.key): one for one in divisions})
