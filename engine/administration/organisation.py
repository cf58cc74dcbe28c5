"""The admin's verbs for roles and divisions: adding, changing, taking out of use and back.

Each is one transaction of the caller's: it locks the organisation's one row, changes, writes down what was before and
after, and gives the organisation a new revision, by which every process reads the tables anew.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.deployment.definitions import Definitions
from engine.errors import ChangedMeanwhile, NotFound, Refusal
from engine.identity import organisation, permissions
from engine.identity.organisation import DivisionEntry, RoleEntry
from engine.persistence import upsert
from engine.queries import organisation as queries
from engine.queries.organisation import Uses
from models.digits import ascii_digits, clean, persian_digits
from models.language import gettext as _
from models.organisation import NUMBER, NUMBERED, ONLY, Division, DivisionKind, OrganisationRevision, Role, SystemRole

NAME_LENGTH, KEY_LENGTH = 100, 40
RESERVED = frozenset({"new", "changes", "system"})  # words of the pages' addresses, and the system itself


class InUse(Refusal):
    """A role or division cannot be taken out of use; ``uses`` says by what it is used."""

    def __init__(self, uses: Uses) -> None:
        super().__init__({"": uses.reasons})
        self.uses = uses


@dataclass(frozen=True, kw_only=True)
class RoleValues:
    """What an admin says of a role. Of a system role only the names and the second factor count."""

    name_fa: str
    name_en: str
    divided_by: str = ""
    granted_by: Collection[str] = ()
    permissions: Collection[str] = ()
    on_registration: bool = False
    second_factor: bool = False


@dataclass(frozen=True, kw_only=True)
class DivisionValues:
    """What an admin says of a division."""

    name_fa: str
    name_en: str


# ---------------------------------------------------------------- roles


def add_role(
    session: Session, key: str, values: RoleValues, *, by: Actor, now: datetime, case_roles: Collection[str] = ()
) -> RoleEntry:
    """Add a role at the end of the list. Raises ``Refusal`` at the field that is wrong.

    ``case_roles``: keys of the roles that exist only within a case; no other role may be called so.
    """
    revision = _begin(session, by)
    key = _folded(key)
    errors = _wrong_key(key, r"[a-z][a-z0-9_]{1,39}", session.get(Role, key) is not None or key in case_roles)
    errors |= _wrong_names(session, Role, values, but=key) | _wrong_role(session, values)
    if errors:
        raise Refusal(errors)
    row = Role(key=key, position=_next_position(session, select(func.max(Role.position))), active=True)
    _fill_role(row, values)
    session.add(row)
    _finish(session, revision, "role", key, None, _role_state(row), by=by, now=now)
    return organisation.role_entry(row)


def change_role(
    session: Session, key: str, values: RoleValues, *, by: Actor, now: datetime, seen: str = ""
) -> RoleEntry:
    """Change a role. By what it is divided cannot change while somebody holds it.

    ``seen``: the ``version`` that the admin had before them; "" changes whatever is there.
    Raises ``NotFound``, ``Refusal`` at the field that is wrong, ``ChangedMeanwhile``.
    """
    revision = _begin(session, by)
    row = _row(session, Role, key)
    errors = _wrong_names(session, Role, values, but=key)
    if key not in set(SystemRole):
        errors |= _wrong_role(session, values)
        entry = organisation.role_entry(row)
        uses = queries.holders_and_tasks(session, entry)
        if values.divided_by != row.divided_by and uses:
            errors["divided_by"] = [_("تا این نقش عضو یا کار باز دارد، نوع تقسیم آن تغییر نمی‌کند."), *uses.reasons]
    if errors:
        raise Refusal(errors)
    before, version = _role_state(row), organisation.role_entry(row).version
    if key in set(SystemRole):
        row.name_fa, row.name_en = _names(values)
        row.second_factor = values.second_factor
    else:
        _fill_role(row, values)
    _demand_seen(seen, version, before, _role_state(row))
    _finish(session, revision, "role", key, before, _role_state(row), by=by, now=now)
    return organisation.role_entry(row)


def set_role_active(
    session: Session, definitions: Definitions, key: str, active: bool, *, by: Actor, now: datetime
) -> RoleEntry:
    """Take a role out of use, or back into it. Raises ``NotFound``, ``InUse``, ``Refusal`` for a system role."""
    revision = _begin(session, by)
    row = _row(session, Role, key)
    if not active:
        if key in set(SystemRole):
            raise Refusal({"": [_("این نقش از خود سامانه است و غیرفعال نمی‌شود.")]})
        uses = queries.uses_of_role(session, definitions, organisation.role_entry(row))
        if uses:
            raise InUse(uses)
    before = _role_state(row)
    row.active = active
    _finish(session, revision, "role", key, before, _role_state(row), by=by, now=now)
    return organisation.role_entry(row)


# ---------------------------------------------------------------- divisions


def add_division(
    session: Session, kind: str, key: str, values: DivisionValues, *, by: Actor, now: datetime
) -> DivisionEntry:
    """Add a division at the end of its kind. Raises ``NotFound`` for an unknown kind, ``Refusal`` at a field."""
    revision = _begin(session, by)
    _demand_kind(kind)
    key = _folded(key)
    taken = session.get(Division, (kind, key)) is not None
    if kind in NUMBERED and not NUMBER.fullmatch(key):
        errors = {"key": [_("شناسهٔ این بخش شمارهٔ آن است، مانند ۱۱؛ از ۱ تا ۹۹۹۹.")]}
    else:
        errors = _wrong_key(key, r"[a-z0-9][a-z0-9_]{0,39}", taken)
    errors |= _wrong_names(session, Division, values, but=key, kind=kind)
    if errors:
        raise Refusal(errors)
    last = select(func.max(Division.position)).where(Division.kind == kind)
    row = Division(kind=kind, key=key, position=_next_position(session, last), active=True)
    row.name_fa, row.name_en = _names(values)
    session.add(row)
    _finish(session, revision, kind, key, None, _division_state(row), by=by, now=now)
    return organisation.division_entry(row)


def change_division(
    session: Session, kind: str, key: str, values: DivisionValues, *, by: Actor, now: datetime, seen: str = ""
) -> DivisionEntry:
    """Rename a division. ``seen``: as of ``change_role``.

    Raises ``NotFound``, ``Refusal`` at the field that is wrong, ``ChangedMeanwhile``.
    """
    revision = _begin(session, by)
    row = _row(session, Division, (kind, key))
    errors = _wrong_names(session, Division, values, but=key, kind=kind)
    if errors:
        raise Refusal(errors)
    before, version = _division_state(row), organisation.division_entry(row).version
    row.name_fa, row.name_en = _names(values)
    _demand_seen(seen, version, before, _division_state(row))
    _finish(session, revision, kind, key, before, _division_state(row), by=by, now=now)
    return organisation.division_entry(row)


def set_division_active(
    session: Session, kind: str, key: str, active: bool, *, by: Actor, now: datetime
) -> DivisionEntry:
    """Take a division out of use, or back into it. Raises ``NotFound``, ``InUse``."""
    revision = _begin(session, by)
    row = _row(session, Division, (kind, key))
    if not active:
        uses = queries.uses_of_division(session, organisation.division_entry(row))
        if uses:
            raise InUse(uses)
    before = _division_state(row)
    row.active = active
    _finish(session, revision, kind, key, before, _division_state(row), by=by, now=now)
    return organisation.division_entry(row)


# ---------------------------------------------------------------- what an installation is delivered with


def fill(
    session: Session,
    roles: Iterable[RoleEntry],
    divisions: Iterable[DivisionEntry],
    *,
    now: datetime,
    by: Actor = SYSTEM,
) -> int:
    """Add the roles and divisions that the tables do not have; what is there stays as it is. Returns how many."""
    there: set[object] = set(session.scalars(select(Role.key)))
    there.update((kind, key) for kind, key in session.execute(select(Division.kind, Division.key)))
    new_roles = [one for one in roles if one.key not in there]
    new_divisions = [one for one in divisions if (one.kind, one.key) not in there]
    if not new_roles and not new_divisions:
        return 0
    revision = _begin(session, by)
    for one in new_roles:
        if session.get(Role, one.key) is None:  # another process may have been quicker, before the lock
            row = Role(key=one.key, position=one.position, active=one.active)
            _fill_role(row, _values(one))
            session.add(row)
            _finish(session, revision, "role", one.key, None, _role_state(row), by=by, now=now)
    for division in new_divisions:
        if session.get(Division, (division.kind, division.key)) is None:
            added = Division(kind=division.kind, key=division.key, position=division.position, active=division.active)
            added.name_fa, added.name_en = division.name.fa, division.name.en
            session.add(added)
            _finish(session, revision, added.kind, added.key, None, _division_state(added), by=by, now=now)
    return len(new_roles) + len(new_divisions)


def _values(entry: RoleEntry) -> RoleValues:
    return RoleValues(
        name_fa=entry.name.fa,
        name_en=entry.name.en,
        divided_by=entry.divided_by,
        granted_by=entry.granted_by,
        permissions=entry.permissions,
        on_registration=entry.on_registration,
        second_factor=entry.second_factor,
    )


# ---------------------------------------------------------------- the steps of every change


def _begin(session: Session, by: Actor) -> OrganisationRevision:
    """Whose turn it is: the one row, locked until the transaction ends. Raises ``NotAllowed``."""
    permissions.demand(by, "manage_organisation")
    upsert.add_once(session, OrganisationRevision, id=ONLY, revision="")
    row = session.get_one(OrganisationRevision, ONLY, with_for_update=True, populate_existing=True)
    organisation.forget(session)
    return row


def _finish(
    session: Session,
    revision: OrganisationRevision,
    subject: str,
    key: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Write the change down, unless nothing changed, and let every process read the tables anew."""
    if before == after:
        return
    organisation.record(session, subject, key, before=before, after=after, by=by, now=now)
    revision.revision = secrets.token_hex(8)
    session.flush()
    organisation.forget(session)


def _demand_seen(seen: str, version: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raises ``ChangedMeanwhile`` for a change of something else than the admin saw."""
    if seen and seen != version and before != after:
        raise ChangedMeanwhile({"": [_("در این میان شخص دیگری این را تغییر داده است.")]})


def _row(session: Session, table: type[Any], key: Any) -> Any:
    row = session.get(table, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(table.__tablename__.removesuffix("s"), key)
    return row


def _next_position(session: Session, last: Any) -> int:
    return int(session.scalar(last) or 0) + 10


def _fill_role(row: Role, values: RoleValues) -> None:
    row.name_fa, row.name_en = _names(values)
    row.divided_by = values.divided_by
    row.granted_by, row.permissions = sorted(values.granted_by), sorted(values.permissions)
    row.on_registration, row.second_factor = values.on_registration, values.second_factor


def _role_state(row: Role) -> dict[str, Any]:
    names = (
        "name_fa",
        "name_en",
        "divided_by",
        "granted_by",
        "permissions",
        "on_registration",
        "second_factor",
        "active",
    )
    return {name: getattr(row, name) for name in names} | {"name_fa": persian_digits(row.name_fa)}


def _division_state(row: Division) -> dict[str, Any]:
    return {"name_fa": persian_digits(row.name_fa), "name_en": row.name_en, "active": row.active}


# ---------------------------------------------------------------- what is refused


def _folded(key: str) -> str:
    return clean(ascii_digits(key[:200])).strip().lower()


def _names(values: RoleValues | DivisionValues) -> tuple[str, str]:
    """The names as the tables hold them and the product is delivered: Persian digits in the Persian one."""
    return persian_digits(_tidy(values.name_fa)), _tidy(values.name_en)


def _tidy(name: str) -> str:
    return " ".join(clean(name).split())


def _alike(name: str) -> str:
    """What is the same of two names that nobody could tell apart."""
    return _tidy(name).casefold()


def _wrong_key(key: str, pattern: str, taken: bool) -> dict[str, list[str]]:
    if not re.fullmatch(pattern, key) or key in RESERVED:
        return {"key": [_("شناسه از حرف‌های کوچک لاتین، رقم و خط زیر است؛ حداکثر ۴۰ کاراکتر.")]}
    return {"key": [_("این شناسه را نقش یا بخش دیگری دارد.")]} if taken else {}


def _wrong_names(
    session: Session, table: Any, values: RoleValues | DivisionValues, *, but: str, kind: str = ""
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for field, name in zip(("name_fa", "name_en"), _names(values), strict=True):
        if not name or len(name) > NAME_LENGTH:
            errors[field] = [_("نام را وارد کنید؛ حداکثر ۱۰۰ کاراکتر.")]
            continue
        names = select(table.key, getattr(table, field))
        if kind:
            names = names.where(table.kind == kind)
        taken = {key: _alike(one) for key, one in session.execute(names)}
        own = taken.pop(but, None)
        if _alike(name) != own and _alike(name) in taken.values():
            errors[field] = [_("این نام را نقش یا بخش دیگری دارد.")]
    return errors


def _wrong_role(session: Session, values: RoleValues) -> dict[str, list[str]]:
    known = set(session.scalars(select(Role.key)))
    checked = {
        "divided_by": values.divided_by in {"", *DivisionKind},
        "granted_by": set(values.granted_by) <= known,
        "permissions": set(values.permissions) <= permissions.GRANTABLE.keys(),
    }
    errors = {field: [_("یکی از گزینه‌های فهرست را انتخاب کنید.")] for field, right in checked.items() if not right}
    if values.divided_by and values.on_registration:
        errors["on_registration"] = [_("نقش تقسیم‌شده هنگام ثبت‌نام داده نمی‌شود، چون واحد یا منطقهٔ شخص معلوم نیست.")]
    return errors


def _demand_kind(kind: str) -> None:
    if kind not in set(DivisionKind):
        raise NotFound("kind of division", kind)
