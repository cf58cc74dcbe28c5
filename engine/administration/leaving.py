"""Takes a role, a division or the account from a person, and ends or hands over all that was bound to them by it.

``open_work`` says what there is, for the admin's look before; ``revoke_role``, ``move_role`` and ``lock_account`` do
it, each in the caller's one transaction: nobody gives the person work meanwhile, and every case is locked before it is
read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor, actor_for
from engine.contributions.operations import OperationContext
from engine.errors import NotFound, Refusal
from engine.identity import organisation, people, permissions
from engine.identity.accounts import Accounts
from engine.persistence import history, outbox
from engine.queries.worklist import ACTION, OPEN, OPEN_WORK, holders_of
from engine.runtime import case_lock
from engine.service import Engine
from models.account import Person, RoleGrant, SignInSession
from models.case import Case, Participant, Task
from models.digits import persian_digits
from models.language import current, reading
from models.language import gettext as _

TASKS, CASES = "tasks", "cases"
RETURN = "return"  # back to the group, or to whom the process finds
STAY = "stay"  # the case waits: for its person, or for a supervisor
MAX_COLLEAGUES = 200


@dataclass(frozen=True)
class Kind:
    """Open work of one kind: a person's claimed tasks of a role and division, or running cases of a process and lane.

    ``default``: what becomes of it when nobody chooses. ``colleagues``: who may take it over, as (person id, name).
    """

    what: str
    role: str
    scope: str
    process: str
    ids: tuple[int, ...]  # of the tasks, or of the cases
    default: str
    colleagues: tuple[tuple[int, str], ...] = ()

    @property
    def key(self) -> str:
        """The name of its choice."""
        return "_".join(part for part in (self.what, self.role, self.scope, self.process) if part)


@dataclass(frozen=True)
class OpenWork:
    """What is bound to a person by what is taken from them; ``sessions`` and ``tokens``: how many are signed in."""

    kinds: list[Kind]
    sessions: int
    tokens: int


# ---------------------------------------------------------------- what there is


def open_work(session: Session, engine: Engine, target: Person, after: Actor, *, now: datetime) -> OpenWork:
    """The person's open work that takes a role which ``after``, the person as they will be, does not hold."""
    living = select(SignInSession.kind, func.count()).where(
        SignInSession.person_id == target.id, SignInSession.expires_at > now
    )
    signed_in = {kind: count for kind, count in session.execute(living.group_by(SignInSession.kind))}
    kinds = [*_claimed(session, target, after), *_lanes(session, engine, target, after)]
    return OpenWork(kinds, signed_in.get("browser", 0), signed_in.get("api", 0))


def without_grant(target: Person, grant_id: int, *, moving: bool = False) -> Actor:
    """The person without one of their grants; ``moving``: they go on in its role, elsewhere. Raises ``NotFound``."""
    gone = next((held for held in target.roles if held.id == grant_id), None)
    if gone is None:
        raise NotFound("role grant", grant_id)
    kept = [(held.role, held.scope) for held in target.roles if held.id != grant_id]
    roles = frozenset(role for role, _scope in kept) | ({gone.role} if moving else frozenset())
    return replace(without_account(target), roles=roles, scopes=frozenset(kept))


def without_account(target: Person) -> Actor:
    """The person once nobody can sign in to their account: without a role."""
    return Actor(person_id=target.id, username=target.username, name=target.name)


def _claimed(session: Session, target: Person, after: Actor) -> list[Kind]:
    """Tasks of groups that the person took, or that a supervisor gave them."""
    claimed = select(Task.id, Task.role, Task.scope).where(Task.assignee_id == target.id, Task.claimed)
    rows = session.execute(claimed.where(OPEN_WORK).union_all(claimed.where(OPEN, Task.kind == ACTION)))
    groups: dict[tuple[str, str], list[int]] = {}
    for task_id, role, scope in sorted((int(row[0]), str(row[1]), str(row[2])) for row in rows):
        if not after.holds(role, scope):
            groups.setdefault((role, scope), []).append(task_id)
    return [
        Kind(TASKS, role, scope, "", tuple(ids), RETURN, _colleagues(session, target, role, scope))
        for (role, scope), ids in groups.items()
    ]


def _lanes(session: Session, engine: Engine, target: Person, after: Actor) -> list[Kind]:
    """Running cases with a lane that is bound to the person. Roles within cases alone go along with the others."""
    known = organisation.of(session).roles
    rows = session.execute(
        select(Participant.role, Case.process_key, Case.id)
        .join(Case, Case.id == Participant.case_id)
        .where(Participant.person_id == target.id, Participant.until.is_(None), Case.ended_at.is_(None))
        .order_by(Case.id)
    )
    groups: dict[tuple[str, str], list[int]] = {}
    for role, process, case_id in rows:
        if role in known and not after.holds(role):
            groups.setdefault((role, process), []).append(case_id)
    return [
        Kind(
            CASES,
            role,
            "",
            process,
            tuple(dict.fromkeys(ids)),
            RETURN if engine.handovers.get(process, role).end else STAY,
            _colleagues(session, target, role, ""),
        )
        for (role, process), ids in groups.items()
    ]


def _colleagues(session: Session, target: Person, role: str, scope: str) -> tuple[tuple[int, str], ...]:
    people_of_role = session.scalars(
        select(Person)
        .where(Person.active, Person.id != target.id, Person.id.in_(holders_of(role, scope)))
        .order_by(Person.last_name, Person.first_name, Person.id)
        .limit(MAX_COLLEAGUES)
    )
    return tuple((one.id, one.name) for one in people_of_role)


# ---------------------------------------------------------------- taking it


def revoke_role(
    session: Session,
    engine: Engine,
    person_id: int,
    grant_id: int,
    *,
    by: Actor,
    now: datetime,
    choices: Mapping[str, str] | None = None,
) -> Person:
    """Take a role from a person, and all that they had by it.

    ``choices``: by the key of a ``Kind`` the id of a colleague, ``RETURN`` or ``STAY``; what is not named goes the
    kind's ``default`` way. Raises what ``people.revoke`` raises; ``Refusal`` at a kind that cannot go the chosen way.
    """
    target = _begin(session, person_id, choices, by)
    after, held = without_grant(target, grant_id), _grant(target, grant_id)
    people.revoke(session, person_id, grant_id, by=by, now=now)
    _pass_on(session, engine, target, after, choices or {}, by=by, now=now, why=_taken(session, *held))
    _tell(session, target, held, None, now=now)
    return target


def move_role(
    session: Session,
    engine: Engine,
    person_id: int,
    grant_id: int,
    *,
    scope: str,
    by: Actor,
    now: datetime,
    choices: Mapping[str, str] | None = None,
) -> Person:
    """Let a person hold a divided role in another division instead. ``choices``: as of ``revoke_role``.

    Raises what ``people.grant`` and ``people.revoke`` raise; ``Refusal`` at a kind that cannot go the chosen way.
    """
    target = _begin(session, person_id, choices, by)
    after, held = without_grant(target, grant_id, moving=True), _grant(target, grant_id)
    people.grant(session, person_id, by=by, role=held[0], scope=scope, now=now)
    people.revoke(session, person_id, grant_id, by=by, now=now)
    after = replace(after, scopes=after.scopes | {(held[0], scope)})
    _pass_on(session, engine, target, after, choices or {}, by=by, now=now, why=_taken(session, *held))
    _tell(session, target, held, (held[0], scope), now=now)
    return target


def lock_account(
    session: Session,
    engine: Engine,
    accounts: Accounts,
    person_id: int,
    *,
    by: Actor,
    now: datetime,
    choices: Mapping[str, str] | None = None,
) -> Person:
    """Lock an account: its sessions and tokens end, and its open work goes on. ``choices``: as of ``revoke_role``.

    Raises what ``people.lock_account`` raises; ``Refusal`` at a kind that cannot go the chosen way.
    """
    target = _begin(session, person_id, choices, by)
    session.scalars(select(RoleGrant.id).where(RoleGrant.person_id == person_id).with_for_update()).all()  # keeps_role
    people.lock_account(session, accounts, person_id, by=by)
    why = _("حساب «%(name)s» غیرفعال شد.", name=target.name)
    _pass_on(session, engine, target, without_account(target), choices or {}, by=by, now=now, why=why)
    return target


def let_go(session: Session, engine: Engine, person_id: int, *, now: datetime) -> None:
    """Let all open work that takes a role which the person does not hold any more go its ``default`` way.

    For roles that nobody of the office took: those that an identity provider gave, and gives no more.
    """
    case_lock.one_at_a_time_for(session, person_id)
    target = session.get_one(Person, person_id)
    after, why = actor_for(target), _("نقش این شخص در سامانهٔ ورود سازمان پایان یافته است.")
    _pass_on(session, engine, target, after, {}, by=SYSTEM, now=now, why=why)


def _begin(session: Session, person_id: int, choices: Mapping[str, str] | None, by: Actor) -> Person:
    """The person, whom nobody gives work to or takes a role from until the end; nor the chosen colleagues."""
    chosen = {int(choice) for choice in (choices or {}).values() if _is_person(choice)}
    for one in sorted({person_id, *chosen}):
        case_lock.one_at_a_time_for(session, one)
    target = people.person(session, by, person_id)
    session.refresh(target, ["roles", "active"])
    return target


def _is_person(choice: str) -> bool:
    return choice.isascii() and choice.isdigit() and len(choice) < 19


def _grant(target: Person, grant_id: int) -> tuple[str, str]:
    return next((held.role, held.scope) for held in target.roles if held.id == grant_id)


def _taken(session: Session, role: str, scope: str) -> str:
    return _("نقش «%(role)s» از این شخص گرفته شد.", role=organisation.of(session).role_label(role, scope))


def _pass_on(
    session: Session,
    engine: Engine,
    target: Person,
    after: Actor,
    choices: Mapping[str, str],
    *,
    by: Actor,
    now: datetime,
    why: str,
) -> None:
    """Let every kind of open work go its way. The cases are locked first, in the order of their ids, and read anew."""
    for case_id in _cases_of(session, open_work(session, engine, target, after, now=now).kinds):
        case_lock.lock(session, case_id)
    given: dict[int, int] = {}
    for kind in open_work(session, engine, target, after, now=now).kinds:
        choice = choices.get(kind.key) or kind.default
        to = _colleague(session, kind, choice)
        for one in kind.ids if choice != STAY else ():
            if kind.what == TASKS:
                _give_task(session, session.get_one(Task, one), to, by=by, now=now)
            else:
                _give_case(engine, _context(session, engine, one, by, now), kind, target, to, why)
        if to is not None:
            given[to] = given.get(to, 0) + len(kind.ids)
    for colleague, count in given.items():
        _tell_colleague(session, session.get_one(Person, colleague), target, count, now=now)


def _cases_of(session: Session, kinds: Iterable[Kind]) -> list[int]:
    tasks = [one for kind in kinds if kind.what == TASKS for one in kind.ids]
    cases = {one for kind in kinds if kind.what == CASES for one in kind.ids}
    for first in range(0, len(tasks), 500):
        cases.update(session.scalars(select(Task.case_id).where(Task.id.in_(tasks[first : first + 500]))))
    return sorted(cases)


def _colleague(session: Session, kind: Kind, choice: str) -> int | None:
    """The colleague of a choice, ``None`` for another way. Raises ``Refusal`` at the kind."""
    if _is_person(choice) and permissions.holds_role(session, int(choice), kind.role, kind.scope):
        return int(choice)
    if choice not in {RETURN, STAY} or (choice == RETURN and kind.default != RETURN):
        raise Refusal({kind.key: [permissions.not_of_role()]})
    if choice == STAY and kind.what == TASKS:
        raise Refusal({kind.key: [_("این کارها را به گروه برگردانید یا به همکار دیگری بدهید.")]})
    return None


def _context(session: Session, engine: Engine, case_id: int, by: Actor, now: datetime) -> OperationContext:
    case = session.get_one(Case, case_id)
    return OperationContext(session=session, case=case, actor=by, now=now, services=engine.services, engine=engine)


def _give_task(session: Session, task: Task, to: int | None, *, by: Actor, now: datetime) -> None:
    task.assignee_id, task.claimed = to, to is not None
    task.case.revision += 1  # whoever completes it at the moment has been overtaken
    what = "task_reassigned" if to is not None else "task_released"
    history.record_task(session, task.case, task, what=what, by=by, at=now, details={"person_id": to})


def _give_case(engine: Engine, context: OperationContext, kind: Kind, target: Person, to: int | None, why: str) -> None:
    """Give a lane to a colleague, or let the process end the person's part and find another."""
    case, handover = context.case, engine.handovers.get(kind.process, kind.role)
    case.revision += 1
    try:
        if to is None:
            if handover.end is not None:
                handover.end(context, why)
        elif handover.to_colleague is not None:
            handover.to_colleague(context, to)
    except Refusal as refusal:
        words = [message for messages in refusal.errors.values() for message in messages]
        number = _("پروندهٔ %(number)s:", number=case.number)
        raise Refusal({kind.key: [f"{number} {' '.join(words)}"]}) from refusal
    if to is not None:
        if context.bound(kind.role) == target.id:
            context.bind(kind.role, to)
        for role in _roles_within(context.session, case, target):
            context.bind(role, to)
        history.record(context.session, case, what="role_bound", by=context.actor, at=context.now, role=kind.role)


def _roles_within(session: Session, case: Case, target: Person) -> list[str]:
    """Roles that exist only within the case and are bound to the person there: they go along with the lane."""
    bound = select(Participant.role).where(
        Participant.case_id == case.id, Participant.person_id == target.id, Participant.until.is_(None)
    )
    known = organisation.of(session).roles
    return sorted({role for role in session.scalars(bound) if role not in known})


# ---------------------------------------------------------------- telling people


def _tell(
    session: Session, target: Person, before: tuple[str, str], after: tuple[str, str] | None, *, now: datetime
) -> None:
    organised = organisation.of(session)
    with reading(target.language):
        role = organised.role_label(*before)
        if after is None:
            body = _("نقش «%(role)s» از شما گرفته شد و کارهای باز آن دیگر با شما نیست.", role=role)
        else:
            new = organised.role_label(*after)
            body = _(
                "نقش شما از «%(role)s» به «%(new)s» تغییر کرد. کارهای باز قبلی دیگر با شما نیست.", role=role, new=new
            )
        outbox.notify(session, None, target.id, _("تغییر نقش شما"), body, at=now)


def _tell_colleague(session: Session, colleague: Person, target: Person, count: int, *, now: datetime) -> None:
    with reading(colleague.language):
        body = _("%(count)s کار یا پروندهٔ باز %(name)s به شما واگذار شد.", count=_digits(count), name=target.name)
        outbox.notify(session, None, colleague.id, _("کارهای واگذارشده به شما"), body, at=now)


def _digits(number: int) -> str:
    return persian_digits(number) if current() == "fa" else str(number)
