"""Who sees which case, and whose task is whose."""

from typing import Any

import pytest
from sqlalchemy import delete, false, select, update

from engine.actor import SYSTEM, Actor, actor_for
from engine.errors import NotAllowed
from engine.identity import permissions
from engine.persistence import history, participants
from engine.queries import history as lines
from models.account import RoleGrant
from models.case import Case, Participant, Task, TaskStatus
from models.organisation import SystemRole
from tests.engine.office import NOW, Office


def sees(office: Office, actor: Actor, case: Case) -> bool:
    """Both ways of asking give the same answer."""
    listed = case.id in office.session.scalars(select(Case.id).where(permissions.visible_cases(actor))).all()
    assert permissions.may_see_case(office.session, actor, case) is listed
    return listed


@pytest.mark.rule("CASE-1")
def test_the_starter_the_bound_person_and_the_group_see_a_case_and_a_stranger_does_not(office: Office) -> None:
    starter, inspector, clerk = office.actor("contractor"), office.actor("inspector"), office.actor("clerk")
    stranger, other_inspector = office.actor("citizen"), office.actor("inspector")
    case = office.case(by=starter)
    office.task(case, "inspector", to=inspector)
    office.task(case, "clerk")
    assert [sees(office, one, case) for one in (starter, inspector, clerk)] == [True, True, True]
    assert not sees(office, stranger, case)
    assert not sees(office, other_inspector, case)


def test_supervisors_and_admins_see_every_case_and_other_staff_does_not(office: Office) -> None:
    case = office.case()
    assert sees(office, office.actor("supervisor"), case)
    assert sees(office, office.actor("admin"), case)
    assert not sees(office, office.actor("analyst"), case)
    assert not sees(office, office.actor(), case)


@pytest.mark.parametrize("action", sorted(permissions.PERMISSIONS))
def test_a_row_of_a_role_allows_what_is_grantable_and_nothing_else(action: str) -> None:
    of_row = Actor(person_id=1, username="reza", name="Reza", permissions=frozenset(permissions.PERMISSIONS))
    without = Actor(person_id=1, username="reza", name="Reza")
    grantable = {"send_messages", "see_outbox", "change_calendar", "see_audit"}
    assert permissions.allowed(of_row, action) is (action in grantable)
    assert permissions.allowed(without, action) is False


def test_nothing_waits_for_the_groups_of_a_person_without_a_role() -> None:
    without = Actor(person_id=1, username="reza", name="Reza")
    assert permissions.tasks_of_group(without).compare(false())
    assert permissions.ways_to_tasks(without) == []


def test_a_case_of_one_unit_is_not_seen_by_another_unit(office: Office) -> None:
    case = office.case()
    office.task(case, "department_staff", scope="finance")
    assert sees(office, office.actor("department_staff", scope="finance"), case)
    assert not sees(office, office.actor("department_staff"), case), "a divided role without its unit gives nothing"
    assert not sees(office, office.actor("department_staff", scope="secretariat"), case)


@pytest.mark.rule("INS-17")
def test_a_dismissed_person_reads_up_to_the_end_of_their_part_and_has_no_task(office: Office) -> None:
    dismissed, successor = office.actor("inspector"), office.actor("inspector")
    case = office.case()
    participants.bind(office.session, case, "inspector", dismissed.person_id, at=NOW)
    task = office.task(case, "inspector", to=dismissed)
    assert permissions.departure(office.session, dismissed, case) is None, "the part goes on"
    history.record(office.session, case, what="before", by=SYSTEM, at=NOW)
    participants.bind(office.session, case, "inspector", successor.person_id, at=NOW)
    history.record(office.session, case, what="after", by=SYSTEM, at=NOW)  # at the same moment, and yet later
    office.session.refresh(task)
    assert not sees(office, dismissed, case)
    assert sees(office, successor, case)
    left = permissions.departure(office.session, dismissed, case)
    assert left is not None and left.at == NOW
    assert [line.entry.what for line in lines.entries(office.session, case, left=left).items] == ["before"]
    assert permissions.departure(office.session, office.actor("inspector"), case) is None
    assert permissions.departure(office.session, successor, case) is None
    assert not permissions.may_do(office.session, dismissed, task)
    assert permissions.may_do(office.session, successor, task)


def test_a_part_without_its_role_opens_nothing_but_ones_own_matter(office: Office) -> None:
    """A starter goes on reading what is theirs; whoever was given a lane needs its role."""
    person = office.actor("citizen")
    started, given = office.case(by=person), office.case()
    office.session.execute(update(Participant).values(role="contractor"))
    office.task(given, "inspector", to=person)
    assert sees(office, person, started)
    assert not sees(office, person, given)


def test_a_claimed_task_stays_known_to_its_group(office: Office) -> None:
    case = office.case()
    quick, slow = office.actor("clerk"), office.actor("clerk")
    task = office.task(case, "clerk", to=quick, claimed=True)
    assert permissions.may_do(office.session, slow, task), "the engine then says who has it"
    assert not permissions.may_do(office.session, office.actor("finance"), task)
    assert sees(office, slow, case)


def test_whoever_did_a_task_may_still_ask_about_it(office: Office) -> None:
    case, doer = office.case(), office.actor("clerk")
    task = office.task(case, "inspector", to=office.actor("inspector"), status=TaskStatus.COMPLETED)
    task.ended_by_id, task.ended_at = doer.person_id, NOW
    assert permissions.may_do(office.session, doer, task)


def test_a_task_of_a_group_is_its_units(office: Office) -> None:
    task = office.task(office.case(), "department_staff", scope="finance")
    assert permissions.may_do(office.session, office.actor("department_staff", scope="finance"), task)
    assert not permissions.may_do(office.session, office.actor("department_staff", scope="secretariat"), task)
    assert permissions.may_do(office.session, SYSTEM, task)


def test_a_role_that_exists_only_within_cases_is_nobodys_while_it_is_unbound(office: Office) -> None:
    task = office.task(office.case(), "payer")
    assert not permissions.may_do(office.session, office.actor(*SystemRole, "clerk"), task)


def test_a_task_bound_to_a_person_takes_its_role_too(office: Office) -> None:
    """Whoever gives the task to whom: without the role, in its division, nobody does it."""
    inspector, nobody = office.actor("inspector"), office.actor("citizen")
    elsewhere = office.actor("department_staff", scope="secretariat")
    case = office.case()
    assert permissions.may_do(office.session, inspector, office.task(case, "inspector", to=inspector))
    assert not permissions.may_do(office.session, nobody, office.task(case, "inspector", to=nobody))
    of_unit = office.task(case, "department_staff", scope="finance", to=elsewhere)
    assert not permissions.may_do(office.session, elsewhere, of_unit)


def test_a_role_that_exists_only_within_cases_is_its_persons_there(office: Office) -> None:
    payer = office.actor("contractor")
    task = office.task(office.case(), "payer", to=payer)
    assert permissions.may_do(office.session, payer, task)
    assert not permissions.may_do(office.session, office.actor("contractor"), task)
    assert office.session.scalars(select(Task).where(permissions.tasks_of_person(payer))).all() == [task]


def test_the_roles_of_this_moment_are_those_of_the_tables(office: Office) -> None:
    person = office.person("department_staff", scope="finance")
    other = office.person("inspector")
    actor = actor_for(person)
    assert permissions.as_of_now(office.session, actor) == actor
    assert permissions.as_of_now(office.session, SYSTEM) == SYSTEM
    person.roles.append(RoleGrant(role="department_staff"))
    office.session.flush()
    assert permissions.as_of_now(office.session, actor) == actor, "a divided role without its unit gives nothing"
    person.roles = [RoleGrant(role="finance")]
    office.session.flush()
    now = permissions.as_of_now(office.session, actor)
    assert (now.roles, now.scopes) == ({"finance"}, {("finance", "")})
    person.active = False
    office.session.flush()
    assert permissions.as_of_now(office.session, actor).roles == frozenset()
    assert permissions.as_of_now(office.session, actor_for(other)).roles == {"inspector"}


def test_actions_of_the_organisation_are_asked_by_role() -> None:
    admin = Actor(person_id=1, username="a", name="a", roles=frozenset({"admin"}))
    citizen = Actor(person_id=2, username="c", name="c", roles=frozenset({"citizen"}))
    assert permissions.allowed(admin, "manage_people")
    assert not any(permissions.allowed(citizen, action) for action in permissions.PERMISSIONS)
    with pytest.raises(NotAllowed):
        permissions.demand(citizen, "supervise")


def test_a_divided_role_without_its_unit_gives_nothing(office: Office) -> None:
    task = office.task(office.case(), "department_staff", scope="finance")
    without = office.person("department_staff")
    assert actor_for(without).roles == frozenset()
    assert not permissions.may_do(office.session, actor_for(without), task)
    assert not permissions.holds_role(office.session, without.id, "department_staff")
    assert permissions.holds_role(
        office.session, office.person("department_staff", scope="finance").id, "department_staff"
    )


def test_a_role_is_held_in_its_division(office: Office) -> None:
    held = office.person("department_staff", scope="finance")
    assert permissions.holds_role(office.session, held.id, "department_staff", "finance")
    assert not permissions.holds_role(office.session, held.id, "department_staff", "secretariat")
    everywhere = office.person("inspector")
    assert permissions.holds_role(office.session, everywhere.id, "inspector", "finance")


def test_a_role_is_held_by_active_people_only(office: Office) -> None:
    person = office.person("inspector")
    assert permissions.holds_role(office.session, person.id, "inspector")
    assert not permissions.holds_role(office.session, person.id, "finance")
    person.active = False
    office.session.flush()
    assert not permissions.holds_role(office.session, person.id, "inspector")


# What lists ask in SQL is what ``Actor.holds`` and ``may_see_case`` say of each row

GRANTS: list[list[tuple[str, str]]] = [
    [],
    [("clerk", "")],
    [("clerk", "finance")],
    [("department_staff", "finance")],
    [("department_staff", "finance"), ("department_staff", "secretariat")],
    [("department_staff", "finance"), ("department_staff", "")],
    [("department_staff", "finance"), ("clerk", "")],
    [("department_staff", "finance"), ("clerk", "secretariat")],
    [("supervisor", "")],
]
TASKS = [(role, scope) for role in ("clerk", "department_staff") for scope in ("", "finance", "secretariat")]


def holding(office: Office, grants: list[tuple[str, str]]) -> Actor:
    """A person with exactly these roles, each with its unit."""
    person = office.person()
    person.roles = [RoleGrant(role=role, scope=scope) for role, scope in grants]
    office.session.flush()
    return actor_for(person)


@pytest.mark.parametrize("grants", GRANTS, ids=str)
def test_lists_of_tasks_hold_what_is_ones_groups_and_taken_by_nobody(
    office: Office, grants: list[tuple[str, str]]
) -> None:
    actor, somebody = holding(office, grants), office.actor("clerk")
    case = office.case()
    free = [office.task(case, role, scope=scope) for role, scope in TASKS]
    taken = [office.task(case, role, scope=scope, to=somebody, claimed=True) for role, scope in TASKS]
    mine = [office.task(case, role, scope=scope, to=actor) for role, scope in [*TASKS, ("payer", "")]]

    def listed(*conditions: Any) -> list[int]:
        return sorted({one for each in conditions for one in office.session.scalars(select(Task.id).where(each))})

    wanted = [task.id for task in free if actor.holds(task.role, task.scope)]
    assert listed(permissions.tasks_of_group(actor)) == wanted
    assert listed(*permissions.ways_to_tasks(actor)) == wanted
    done_by_me = [task.id for task in mine if task.role == "payer" or actor.holds(task.role, task.scope)]
    assert listed(permissions.tasks_of_person(actor)) == done_by_me
    assert [task.id for task in mine if permissions.may_do(office.session, actor, task)] == done_by_me
    assert listed(permissions.tasks_of_person(SYSTEM)) == []
    assert [permissions.may_do(office.session, actor, task) for task in taken] == [
        actor.holds(task.role, task.scope) for task in taken
    ]


@pytest.mark.parametrize("grants", GRANTS, ids=str)
def test_lists_of_cases_hold_what_the_person_may_see(office: Office, grants: list[tuple[str, str]]) -> None:
    actor, somebody = holding(office, grants), office.actor("clerk")
    started, taking_part, strange, taken_over = office.case(by=actor), office.case(), office.case(), office.case()
    without_role, left = office.case(), office.case()
    office.task(taking_part, "payer", to=actor)
    office.task(without_role, "inspector", to=actor)
    participants.bind(office.session, left, "payer", actor.person_id, at=NOW)
    participants.bind(office.session, left, "payer", None, at=NOW)
    office.task(strange, "inspector", to=somebody)
    office.task(taken_over, "department_staff", scope="finance", to=somebody, claimed=True)
    of_groups = [office.case() for _task in TASKS]
    for case, (role, scope) in zip(of_groups, TASKS, strict=True):
        office.task(case, role, scope=scope)
    everything = [started, taking_part, strange, taken_over, without_role, left, *of_groups]

    wanted = {started.id, taking_part.id}
    wanted |= {case.id for case, task in zip(of_groups, TASKS, strict=True) if actor.holds(*task)}
    wanted |= {taken_over.id} if actor.holds("department_staff", "finance") else set()
    if "supervisor" in actor.roles:
        wanted = {case.id for case in everything}

    ways = permissions.ways_to_cases(actor)
    listed = {one for way, column in ways for one in office.session.scalars(way.order_by(column))}
    assert {case.id for case in everything if sees(office, actor, case)} == wanted == listed


@pytest.mark.parametrize("of", ["nobody", "another role", "a person of the role", "another case"])
def test_a_group_sees_a_case_only_when_it_takes_part_itself(office: Office, of: str) -> None:
    """A task alone does not open the case to its group: the group must be among those who take part in it."""
    clerk, somebody = office.actor("clerk"), office.actor("clerk")
    case, other = office.case(), office.case()
    office.task(case, "clerk")
    office.session.execute(delete(Participant))
    rows = {
        "another role": Participant(case_id=case.id, role="finance", since=NOW),
        "a person of the role": Participant(case_id=case.id, role="clerk", person_id=somebody.person_id, since=NOW),
        "another case": Participant(case_id=other.id, role="clerk", since=NOW),
    }
    if of in rows:
        office.session.add(rows[of])
    office.session.flush()
    assert not sees(office, clerk, case)
    listed = {one for way, _column in permissions.ways_to_cases(clerk) for one in office.session.scalars(way)}
    assert case.id not in listed


def test_what_the_case_gave_to_one_person_does_not_open_it_to_the_group(office: Office) -> None:
    clerk, somebody = office.actor("clerk"), office.actor("clerk")
    case = office.case()
    office.task(case, "clerk", to=somebody)
    office.session.add(Participant(case_id=case.id, role="clerk", since=NOW))
    office.session.flush()
    assert sees(office, somebody, case)
    assert not sees(office, clerk, case)


def test_only_the_role_of_ones_own_counts(office: Office) -> None:
    """Another person's role is not one's own, and an own other role is not the one that is asked for."""
    person = office.person("finance")
    office.person("inspector")
    assert not permissions.holds_role(office.session, person.id, "inspector")
    assert permissions.not_of_role() == "این شخص نقش لازم برای این کار را ندارد."


def test_who_may_not_is_named_with_what_they_wanted() -> None:
    citizen = Actor(person_id=2, username="c", name="c", roles=frozenset({"citizen"}))
    with pytest.raises(NotAllowed, match=r"\bc\b.*supervise"):
        permissions.demand(citizen, "supervise")
    assert permissions.allowed(SYSTEM, "supervise")
    permissions.demand(SYSTEM, "supervise")
