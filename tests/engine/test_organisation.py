"""Roles and divisions as rows: who changes them, what is in use, what lanes may name, and when others see a change."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

import kartabl
from engine.actor import SYSTEM, actor_for
from engine.administration import organisation as changes
from engine.administration.organisation import DivisionValues, InUse, RoleValues
from engine.deployment import checking
from engine.errors import NotAllowed, NotFound, Refusal
from engine.identity import organisation
from engine.identity import people as people_verbs
from engine.identity.permissions import allowed
from engine.queries import organisation as queries
from models.account import Person, RoleGrant
from models.case import Case, Task
from models.definition import ProcessDefinition
from models.language import reading
from models.organisation import OrganisationChange, Role
from tests.engine.desk import Desk
from tests.play import PASSWORD, Play
from tests.scenarios import gas_office, tickets
from workflows import roles

SURVEYOR = RoleValues(name_fa="نقشه‌بردار", name_en="Surveyor")
NORTH = DivisionValues(name_fa="ناحیهٔ شمال", name_en="North")


@pytest.fixture
def admin(desk: Desk, people: Any) -> Any:
    return actor_for(people.add("admin-1", "admin"))


def recorded(desk: Desk) -> list[tuple[str, str, Any, Any]]:
    rows = desk.does(lambda session: list(session.scalars(select(OrganisationChange).order_by(OrganisationChange.id))))
    return [(row.subject, row.key, row.before, row.after) for row in rows]


@pytest.mark.both_databases("migrations")
def test_an_installation_has_the_roles_that_are_delivered(desk: Desk) -> None:
    """Those of the migration, so that nothing was left to be added."""
    has = desk.does(organisation.of)
    delivered = roles.organisation()
    assert [(key, str(role.name)) for key, role in has.roles.items()] == [
        (key, str(role.name)) for key, role in delivered.roles.items()
    ]
    assert {(key, str(one.name)) for key, one in has.divisions.items()} == {
        (key, str(one.name)) for key, one in delivered.divisions.items()
    }
    with reading("en"):
        assert has.role_label("department_staff", "surveying") == "Department staff: Surveying"
        assert {str(role.name) for role in has.roles.values()} == {str(r.name) for r in delivered.roles.values()}
    for key, role in has.roles.items():
        expected = delivered.roles[key]
        assert (role.divided_by, role.permissions, role.on_registration) == (
            expected.divided_by,
            expected.permissions,
            expected.on_registration,
        )
    assert desk.does(changes.fill, delivered.roles.values(), delivered.divisions.values(), now=desk.clock.now) == 0
    assert recorded(desk) == []


def test_a_role_that_a_new_version_brings_is_added_and_what_was_changed_stays(desk: Desk, admin: Any) -> None:
    renamed = RoleValues(name_fa="امور مالی", name_en="Accounts")
    desk.does(changes.change_role, "finance", renamed, by=admin, now=desk.clock.now)
    delivered = roles.organisation()
    desk.does(lambda session: session.delete(session.get_one(Role, "visiting_expert")))
    assert desk.does(changes.fill, delivered.roles.values(), delivered.divisions.values(), now=desk.clock.now) == 1
    has = desk.does(organisation.of)
    assert (str(has.role_name("finance")), str(has.role_name("visiting_expert"))) == ("امور مالی", "کارشناس بازدید")


@pytest.mark.both_databases("story")
def test_an_admin_adds_a_role_and_gives_it_within_a_division(desk: Desk, people: Any, admin: Any) -> None:
    other = people.add("clerk", "finance")
    divided = RoleValues(name_fa="نقشه‌بردار", name_en="Surveyor", divided_by="region")
    desk.does(changes.add_role, "Surveyor", divided, by=admin, now=desk.clock.now)
    desk.does(changes.add_division, "region", "north", NORTH, by=admin, now=desk.clock.now)
    person = desk.does(people_verbs.grant, other.id, by=admin, role="surveyor", scope="north", now=desk.clock.now)
    assert actor_for(person).holds("surveyor", "north")
    assert desk.does(organisation.of).role_label("surveyor", "north") == "نقشه‌بردار: ناحیهٔ شمال"
    with reading("en"):
        assert desk.does(organisation.of).role_label("surveyor", "north") == "Surveyor: North"
    assert recorded(desk) == [
        (
            "role",
            "surveyor",
            None,
            {
                "name_fa": "نقشه‌بردار",
                "name_en": "Surveyor",
                "divided_by": "region",
                "granted_by": [],
                "permissions": [],
                "on_registration": False,
                "second_factor": False,
                "active": True,
            },
        ),
        ("region", "north", None, {"name_fa": "ناحیهٔ شمال", "name_en": "North", "active": True}),
        ("membership", "clerk", None, {"role": "surveyor", "scope": "north"}),
    ]


@pytest.mark.parametrize(
    ("key", "values", "field"),
    [
        ("", SURVEYOR, "key"),
        ("نقشه", SURVEYOR, "key"),
        ("new", SURVEYOR, "key"),
        ("finance", SURVEYOR, "key"),
        ("surveyor", RoleValues(name_fa=" ", name_en="Surveyor"), "name_fa"),
        ("surveyor", RoleValues(name_fa="مالی", name_en="Surveyor"), "name_fa"),
        ("surveyor", RoleValues(name_fa="نقشه‌بردار", name_en="S" * 101), "name_en"),
        ("surveyor", RoleValues(name_fa="ن", name_en="S", divided_by="planet"), "divided_by"),
        ("surveyor", RoleValues(name_fa="ن", name_en="S", divided_by="unit", on_registration=True), "on_registration"),
        ("payer", SURVEYOR, "key"),
        ("surveyor", RoleValues(name_fa="ن", name_en="S", granted_by=["nobody"]), "granted_by"),
        ("surveyor", RoleValues(name_fa="ن", name_en="S", permissions=["manage_people"]), "permissions"),
    ],
)
def test_a_role_that_makes_no_sense_is_refused_at_its_field(
    desk: Desk, admin: Any, key: str, values: RoleValues, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        desk.does(changes.add_role, key, values, by=admin, now=desk.clock.now, case_roles=roles.CASE_ROLES)
    assert list(refused.value.errors) == [field]
    assert recorded(desk) == []


def test_only_admins_change_the_organisation(desk: Desk, people: Any) -> None:
    supervisor = actor_for(people.add("watcher", "supervisor"))
    for verb, arguments in (
        (changes.add_role, ("surveyor", SURVEYOR)),
        (changes.change_role, ("finance", SURVEYOR)),
        (changes.add_division, ("region", "north", NORTH)),
        (changes.change_division, ("unit", "finance", NORTH)),
        (changes.set_division_active, ("unit", "finance", False)),
    ):
        with pytest.raises(NotAllowed):
            desk.does(verb, *arguments, by=supervisor, now=desk.clock.now)
    with pytest.raises(NotAllowed):
        desk.does(queries.division_rows, supervisor, "unit")


def test_what_is_not_there_is_not_found(desk: Desk, admin: Any) -> None:
    with pytest.raises(NotFound):
        desk.does(changes.change_role, "nobody", SURVEYOR, by=admin, now=desk.clock.now)
    with pytest.raises(NotFound):
        desk.does(changes.add_division, "planet", "mars", NORTH, by=admin, now=desk.clock.now)
    with pytest.raises(NotFound):
        desk.does(changes.change_division, "unit", "mars", NORTH, by=admin, now=desk.clock.now)


# In use


def deactivate(desk: Desk, role: str, *, by: Any) -> Any:
    return desk.does(
        changes.set_role_active, desk.application.engine.definitions, role, False, by=by, now=desk.clock.now
    )


def test_a_role_in_use_stays_and_it_is_said_by_what(desk: Desk, admin: Any, play: Play) -> None:
    tickets.staff(play)
    tickets.asks(play)
    with pytest.raises(InUse) as refused:
        deactivate(desk, "department_staff", by=admin)
    uses = refused.value.uses
    assert (uses.people > 0, uses.tasks) == (True, 1)
    assert [(lane.process_key, lane.newest, lane.cases) for lane in uses.lanes] == [("ticket", True, 1)]
    assert len(refused.value.errors[""]) == 3
    assert desk.does(organisation.of).roles["department_staff"].active


def test_lanes_of_an_earlier_version_count_while_cases_run_on_it(desk: Desk, admin: Any, play: Play) -> None:
    gas_office.start(play)
    definitions = desk.application.engine.definitions
    role = desk.does(organisation.of).roles["contractor"]
    later = desk.does(_deployed_again, "project_registration")
    assert {
        (lane.version, lane.newest, lane.cases)
        for lane in desk.does(queries.uses_of_role, definitions, role).lanes
        if lane.process_key == "project_registration"
    } == {(1, False, 1), (later, True, 0)}
    desk.does(lambda session: session.execute(update(Case).values(ended_at=desk.clock.now)))
    assert {
        lane.version
        for lane in desk.does(queries.uses_of_role, definitions, role).lanes
        if lane.process_key == "project_registration"
    } == {later}


def _deployed_again(session: Any, key: str) -> int:
    """A further version of a process, as it is; returns its number."""
    row = session.scalars(
        select(ProcessDefinition).where(ProcessDefinition.key == key).options(undefer(ProcessDefinition.xml))
    ).one()
    again = ProcessDefinition(
        key=key,
        version=row.version + 1,
        name=row.name,
        xml=row.xml,
        sha256="0" * 64,
        calls=row.calls,
        deployed_at=row.deployed_at,
    )
    session.add(again)
    return again.version


def test_nobody_registers_into_a_role_that_is_out_of_use(desk: Desk, admin: Any) -> None:
    with pytest.raises(InUse) as refused:
        deactivate(desk, "citizen", by=admin)
    assert refused.value.uses.on_registration


@pytest.mark.parametrize("role", ["admin", "supervisor", "analyst"])
def test_the_systems_own_roles_are_renamed_only(desk: Desk, admin: Any, role: str) -> None:
    with pytest.raises(Refusal):
        deactivate(desk, role, by=admin)
    given = RoleValues(name_fa="نام دیگر", name_en="Another", granted_by=["finance"], on_registration=True)
    entry = desk.does(changes.change_role, role, given, by=admin, now=desk.clock.now)
    assert (str(entry.name), entry.granted_by, entry.on_registration) == ("نام دیگر", frozenset(), False)


def test_a_role_that_nobody_has_is_taken_out_of_use_and_back(desk: Desk, people: Any, admin: Any) -> None:
    desk.does(changes.add_role, "surveyor", SURVEYOR, by=admin, now=desk.clock.now)
    deactivate(desk, "surveyor", by=admin)
    other = people.add("clerk", "finance")
    with pytest.raises(Refusal) as refused:
        desk.does(people_verbs.grant, other.id, by=admin, role="surveyor", now=desk.clock.now)
    assert list(refused.value.errors) == ["role"]
    desk.does(
        changes.set_role_active, desk.application.engine.definitions, "surveyor", True, by=admin, now=desk.clock.now
    )
    assert desk.does(people_verbs.grant, other.id, by=admin, role="surveyor", now=desk.clock.now)


def test_a_unit_with_people_or_tasks_stays(desk: Desk, people: Any, admin: Any, play: Play) -> None:
    people.add("clerk", "department_staff", scope="surveying")
    tickets.staff(play)
    tickets.asks(play)
    tasks = desk.does(lambda session: session.scalars(select(Task.scope).where(Task.scope != "")).all())
    for unit in ("surveying", tasks[0]):
        with pytest.raises(InUse):
            desk.does(changes.set_division_active, "unit", unit, False, by=admin, now=desk.clock.now)
    desk.does(changes.set_division_active, "unit", "education", False, by=admin, now=desk.clock.now)
    assert "education" not in [one.key for one in desk.does(organisation.of).divisions_of("unit")]
    with pytest.raises(Refusal) as refused:
        clerk = people.add("clerk-2", "finance")
        desk.does(
            people_verbs.grant, clerk.id, by=admin, role="department_staff", scope="education", now=desk.clock.now
        )
    assert list(refused.value.errors) == ["unit"]


def test_by_what_a_role_is_divided_stays_while_somebody_holds_it(desk: Desk, people: Any, admin: Any) -> None:
    people.add("clerk", "department_staff", scope="finance")
    values = RoleValues(name_fa="کارشناس", name_en="Staff", divided_by="region")
    with pytest.raises(Refusal) as refused:
        desk.does(changes.change_role, "department_staff", values, by=admin, now=desk.clock.now)
    assert list(refused.value.errors) == ["divided_by"]


@pytest.mark.both_databases("locking")
def test_a_role_given_at_the_moment_it_goes_out_of_use_is_either_given_or_out_of_use(
    desk: Desk, people: Any, admin: Any
) -> None:
    desk.does(changes.add_role, "surveyor", SURVEYOR, by=admin, now=desk.clock.now)
    others = [people.add(f"clerk-{number}", "finance") for number in range(4)]
    barrier, refusals = threading.Barrier(5), []

    def give(person: Person) -> None:
        barrier.wait()
        try:
            desk.does(people_verbs.grant, person.id, by=admin, role="surveyor", now=desk.clock.now)
        except Refusal as refusal:
            refusals.append(refusal)

    def take() -> None:
        barrier.wait()
        try:
            deactivate(desk, "surveyor", by=admin)
        except Refusal as refusal:
            refusals.append(refusal)

    threads = [*(threading.Thread(target=give, args=(one,)) for one in others), threading.Thread(target=take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    role = desk.does(organisation.of).roles["surveyor"]
    held = desk.does(queries.holders_and_tasks, role).people
    assert (role.active, held) in [(False, 0), *((True, count) for count in range(1, 5))]


def test_a_role_given_at_registration_is_not_divided_and_a_stranger_never_gets_a_divided_one(
    desk: Desk, admin: Any
) -> None:
    desk.does(changes.add_role, "surveyor", SURVEYOR, by=admin, now=desk.clock.now)
    divided = RoleValues(name_fa="نقشه‌بردار", name_en="Surveyor", divided_by="unit", on_registration=True)
    with pytest.raises(Refusal) as refused:
        desk.does(changes.change_role, "surveyor", divided, by=admin, now=desk.clock.now)
    assert list(refused.value.errors) == ["on_registration"]
    spoilt = update(Role).where(Role.key == "department_staff").values(on_registration=True)
    desk.does(lambda session: session.execute(spoilt))
    changed = RoleValues(name_fa="شهروند گرامی", name_en="Citizen", on_registration=True)
    desk.does(changes.change_role, "citizen", changed, by=admin, now=desk.clock.now)  # everybody reads the rows anew
    person = desk.registered()
    token = desk.sign_in()[1]
    held = desk.does(lambda session: actor_for(session.get_one(Person, person.id)))
    assert held.scopes == {("citizen", "")}
    assert ("membership", person.username, None, {"role": "citizen", "scope": ""}) in recorded(desk)

    stray = RoleGrant(role="department_staff", person_id=person.id)
    desk.does(lambda session: session.add(stray))
    seen = desk.does(desk.accounts.person_of_session, token, now=desk.clock.now)
    assert seen.actor.scopes == {("citizen", "")}
    assert not seen.actor.holds("department_staff")


# Who may grant


def test_nobody_but_an_admin_gives_a_role_to_himself(desk: Desk, people: Any, admin: Any) -> None:
    clerk = people.add("clerk", "gas_office")
    given = RoleValues(name_fa="بازرس گاز", name_en="Gas inspector", granted_by=["gas_office"])
    desk.does(changes.change_role, "inspector", given, by=admin, now=desk.clock.now)
    with pytest.raises(Refusal) as refused:
        desk.does(people_verbs.grant, clerk.id, by=actor_for(clerk), role="inspector", now=desk.clock.now)
    assert list(refused.value.errors) == ["role"]
    assert desk.does(people_verbs.grant, admin.person_id, by=admin, role="inspector", now=desk.clock.now)


def test_whom_a_roles_row_names_may_give_and_take_it_and_nothing_else(desk: Desk, people: Any, admin: Any) -> None:
    clerk, other = people.add("clerk", "gas_office"), people.add("new-one", "citizen")
    with pytest.raises(NotAllowed):
        desk.does(people_verbs.people_page, actor_for(clerk))
    given = RoleValues(name_fa="بازرس گاز", name_en="Gas inspector", granted_by=["gas_office"])
    desk.does(changes.change_role, "inspector", given, by=admin, now=desk.clock.now)
    desk.does(people_verbs.people_page, actor_for(clerk))
    person = desk.does(people_verbs.grant, other.id, by=actor_for(clerk), role="inspector", now=desk.clock.now)
    grants = {one.role: one.id for one in person.roles}
    for verb, values in (
        (people_verbs.grant, {"role": "finance"}),
        (people_verbs.grant, {"role": "admin"}),
        (people_verbs.revoke, {"grant_id": grants["citizen"]}),
    ):
        with pytest.raises(NotAllowed):
            desk.does(verb, other.id, by=actor_for(clerk), now=desk.clock.now, **values)
    with pytest.raises(NotAllowed):
        desk.does(people_verbs.lock_account, desk.accounts, other.id, by=actor_for(clerk))
    desk.does(people_verbs.revoke, other.id, grants["inspector"], by=actor_for(clerk), now=desk.clock.now)


@pytest.mark.parametrize("role", ["admin", "supervisor", "analyst"])
def test_a_system_role_is_given_by_admins_only_whatever_its_row_says(desk: Desk, people: Any, role: str) -> None:
    clerk = people.add("clerk", "finance")
    desk.does(lambda session: session.execute(update(Role).where(Role.key == role).values(granted_by=["finance"])))
    with pytest.raises(NotAllowed):
        desk.does(people_verbs.grant, clerk.id, by=actor_for(clerk), role=role, now=desk.clock.now)


def test_what_a_role_may_do_besides_is_data(desk: Desk, people: Any, admin: Any) -> None:
    people.add("clerk", "finance")
    _person, token = desk.sign_in("clerk", PASSWORD)

    def actor() -> Any:
        return desk.does(desk.accounts.person_of_session, token, now=desk.clock.now).actor

    assert not allowed(actor(), "send_messages")
    given = RoleValues(name_fa="مالی", name_en="Finance", permissions=["send_messages"])
    desk.does(changes.change_role, "finance", given, by=admin, now=desk.clock.now)
    assert allowed(actor(), "send_messages")
    desk.does(
        lambda session: session.execute(update(Role).where(Role.key == "finance").values(permissions=["manage_people"]))
    )
    assert not allowed(actor(), "manage_people"), "a row can give no more than an admin may give by it"


# Seen by all processes, and by the check of diagrams


@pytest.mark.both_databases("story")
def test_another_process_sees_a_new_name_at_its_next_session(desk: Desk, admin: Any) -> None:
    other = kartabl.build(desk.application.settings, now=desk.clock)
    try:
        with other.engine.transaction() as session:
            assert str(organisation.of(session).role_name("finance")) == "مالی"
        desk.does(
            changes.change_role,
            "finance",
            RoleValues(name_fa="امور مالی", name_en="Accounts"),
            by=admin,
            now=desk.clock.now,
        )
        with other.engine.transaction() as session:
            assert str(organisation.of(session).role_name("finance")) == "امور مالی"
    finally:
        other.database.dispose()


def test_a_change_that_is_rolled_back_is_seen_by_nobody(desk: Desk, admin: Any) -> None:
    def renamed_and_failed(session: Any) -> None:
        values = RoleValues(name_fa="امور مالی", name_en="Accounts")
        changes.change_role(session, "finance", values, by=admin, now=desk.clock.now)
        assert str(organisation.of(session).role_name("finance")) == "امور مالی"
        raise NotFound("way", "on")

    with pytest.raises(NotFound):
        desk.does(renamed_and_failed)
    assert str(desk.does(organisation.of).role_name("finance")) == "مالی"


def test_a_lane_may_name_a_role_of_the_table_and_none_that_is_unknown_or_out_of_use(desk: Desk, admin: Any) -> None:
    files = {path.name: path.read_bytes() for path in kartabl.DIAGRAMS.iterdir() if path.suffix in (".bpmn", ".dmn")}
    name = "certificate_revocation.bpmn"
    files[name] = files[name].replace(b"Lane_gas_office", b"Lane_surveyor")

    def findings() -> set[str]:
        bundle = checking.check(files, kartabl.seam(desk.does(organisation.of)))
        return {str(one.text) for one in bundle.findings if one.file == name and one.severity == "error"}

    assert any("surveyor" in message and "نامعتبر" in message for message in findings())
    desk.does(changes.add_role, "surveyor", SURVEYOR, by=admin, now=desk.clock.now)
    assert findings() == set()
    deactivate(desk, "surveyor", by=admin)
    assert any("surveyor" in message and "غیرفعال" in message for message in findings())


def test_the_system_is_named_by_no_person(desk: Desk) -> None:
    """A lane ``system`` is nobody's: no role may be called so."""
    with pytest.raises(Refusal):
        desk.does(changes.add_role, "system", SURVEYOR, by=SYSTEM, now=desk.clock.now)
