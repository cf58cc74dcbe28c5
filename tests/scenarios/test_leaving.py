"""A role, a unit or the account is taken from a person: what was bound to them ends, or goes to a colleague."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import kartabl
from engine.actor import Actor
from engine.administration import leaving
from engine.administration.leaving import OpenWork
from engine.errors import EngineError, Refusal
from engine.queries import worklist
from models.account import Message, Person, SignInSession
from models.case import HistoryEntry, Participant, Task
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios import tickets


def person(play: Play, username: str) -> int:
    found = play.actor(username).person_id
    assert found is not None
    return found


def admin(play: Play) -> Actor:
    play.people.add("admin", "admin")
    return play.people.actor("admin")


def grant_of(play: Play, username: str) -> int:
    with play.session() as session:
        return session.get_one(Person, person(play, username)).roles[0].id


def is_open(play: Play, username: str, *, account: bool = False) -> OpenWork:
    """What the admin's page says before anything is taken."""
    with play.session() as session:
        target = session.get_one(Person, person(play, username))
        after = leaving.without_account(target) if account else leaving.without_grant(target, target.roles[0].id)
        return leaving.open_work(session, play.engine, target, after, now=play.clock.now)


def revoke(play: Play, username: str, **choices: str) -> None:
    by, person_id, grant = admin(play), person(play, username), grant_of(play, username)
    play.engine.in_transaction(
        lambda session: leaving.revoke_role(
            session, play.engine, person_id, grant, by=by, now=play.clock.now, choices=choices
        )
    )


def lock(play: Play, username: str, **choices: str) -> None:
    by, person_id = admin(play), person(play, username)
    with play.session() as session:
        leaving.lock_account(
            session,
            play.engine,
            play.application.accounts,
            person_id,
            by=by,
            now=play.clock.now,
            choices=choices,
        )


def messages(play: Play, username: str) -> str:
    with play.session() as session:
        return "\n".join(session.scalars(select(Message.body).where(Message.person_id == person(play, username))))


def asked(play: Play) -> Task:
    """A ticket of a citizen waits for its unit."""
    tickets.asks(play)
    return play.task("answer_ticket")


def claim(play: Play, username: str, task: Task) -> None:
    with play.session() as session:
        play.engine.claim(session, task.id, by=play.people.actor(username))


def waits_for(play: Play, username: str) -> list[int]:
    with play.session() as session:
        return [task.id for task in worklist.tasks_page(session, play.people.actor(username)).items]


# Tasks of a group


@pytest.mark.both_databases("locking")
def test_what_a_locked_person_claimed_is_the_groups_again_at_once(play: Play) -> None:
    task = asked(play)
    claim(play, "unit-it", task)
    with play.session() as session:
        for kind in ("browser", "api"):
            account = session.get_one(Person, person(play, "unit-it"))
            play.application.accounts.open_session(session, account, now=play.clock.now, kind=kind)
    work = is_open(play, "unit-it", account=True)
    assert [(kind.what, kind.role, kind.scope, kind.ids) for kind in work.kinds] == [
        ("tasks", "department_staff", "information_technology", (task.id,))
    ]
    assert (work.sessions, work.tokens) == (1, 1)
    assert [name for _id, name in work.kinds[0].colleagues] == ["نام unit-it-2"], "of the unit, and not themselves"
    lock(play, "unit-it")
    assert waits_for(play, "unit-it-2") == [task.id]
    claim(play, "unit-it-2", task)
    with play.session() as session:
        assert (
            session.scalars(select(SignInSession).where(SignInSession.person_id == person(play, "unit-it"))).all() == []
        )
        lines = session.scalars(select(HistoryEntry.what).order_by(HistoryEntry.id.desc()).limit(2)).all()
    assert lines == ["task_claimed", "task_released"]


def test_a_claimed_task_goes_to_the_colleague_whom_the_admin_names(play: Play) -> None:
    task = asked(play)
    claim(play, "unit-it", task)
    [kind] = is_open(play, "unit-it").kinds
    revoke(play, "unit-it", **{kind.key: str(person(play, "unit-it-2"))})
    assert play.task("answer_ticket").assignee_id == person(play, "unit-it-2")
    assert "واگذار شد" in messages(play, "unit-it-2")
    assert "گرفته شد" in messages(play, "unit-it")
    assert waits_for(play, "unit-it") == []


@pytest.mark.parametrize("choice", ["unit-finance", "citizen", "unit-it", "stay", "999999", "rubbish"])
def test_nobody_else_is_given_the_work(play: Play, choice: str) -> None:
    """Not somebody of another unit, without the role, or the person; and nothing of the attempt is kept."""
    task = asked(play)
    claim(play, "unit-it", task)
    [kind] = is_open(play, "unit-it").kinds
    chosen = str(person(play, choice)) if choice in {"unit-finance", "citizen", "unit-it"} else choice
    with pytest.raises(Refusal) as refused:
        revoke(play, "unit-it", **{kind.key: chosen})
    assert list(refused.value.errors) == [kind.key]
    assert play.task("answer_ticket").assignee_id == person(play, "unit-it")
    assert play.people.actor("unit-it").roles == {"department_staff"}


def test_moving_to_another_unit_leaves_the_work_of_the_old_one_behind(play: Play) -> None:
    task = asked(play)
    claim(play, "unit-it", task)
    by, grant = admin(play), grant_of(play, "unit-it")
    with play.session() as session:
        leaving.move_role(
            session, play.engine, person(play, "unit-it"), grant, scope="finance", by=by, now=play.clock.now
        )
    moved = play.people.actor("unit-it")
    assert moved.scopes == {("department_staff", "finance")}
    assert waits_for(play, "unit-it") == []
    assert waits_for(play, "unit-it-2") == [task.id]
    assert "مالی" in messages(play, "unit-it")


def test_what_takes_no_role_that_goes_stays(play: Play) -> None:
    task = asked(play)
    claim(play, "unit-it", task)
    with play.session() as session:
        account = session.get_one(Person, person(play, "unit-it"))
        account.roles.append(type(account.roles[0])(role="finance", scope=""))
        session.flush()
        finance = account.roles[1].id
        work = leaving.open_work(
            session, play.engine, account, leaving.without_grant(account, finance), now=play.clock.now
        )
        assert work.kinds == []
    by = admin(play)
    with play.session() as session:
        leaving.revoke_role(session, play.engine, person(play, "unit-it"), finance, by=by, now=play.clock.now)
    assert play.task("answer_ticket").assignee_id == person(play, "unit-it")


def test_a_role_that_an_identity_provider_gives_no_more_lets_its_work_go(play: Play) -> None:
    task = asked(play)
    claim(play, "unit-it", task)
    who = person(play, "unit-it")
    with play.session() as session:
        leaving.let_go(session, play.engine, who, now=play.clock.now)
    assert play.task("answer_ticket").assignee_id == who, "the role is held: nothing happens"
    with play.session() as session:
        account = session.get_one(Person, who)
        account.roles.clear()  # as the mapping of claims does at a sign-in
    with play.session() as session:
        leaving.let_go(session, play.engine, who, now=play.clock.now)
    assert waits_for(play, "unit-it-2") == [task.id]


# Lanes of cases


@pytest.mark.both_databases("locking")
@pytest.mark.rule("INS-13", "INS-17", "ASG-1")
@pytest.mark.parametrize("how", ["revoke", "lock"])
def test_an_inspector_without_the_role_is_followed_by_another_as_after_a_dismissal(play: Play, how: str) -> None:
    insp.begins(play)
    insp.visits(play)
    [kind] = is_open(play, "inspector-1", account=how == "lock").kinds
    assert (kind.process, kind.default, kind.ids) == ("gas_inspection", "return", (play.case_id,))
    revoke(play, "inspector-1") if how == "revoke" else lock(play, "inspector-1")
    project = insp.project(play)
    assert project.inspector.username == "inspector-2"
    assert play.task("schedule_visit").assignee_id == person(play, "inspector-2")
    assert [one.ended for one in office.assignments(play)] == ["dismissed", ""]
    assert insp.visit(play).state == "dropped"
    with pytest.raises(EngineError):
        play.does("inspector-1", "schedule_visit", visit_date=insp.working_day(play), visit_time="09:30")


@pytest.mark.rule("INS-17")
def test_an_inspection_goes_to_the_inspector_whom_the_admin_names_with_its_visit(play: Play) -> None:
    insp.begins(play)
    insp.visits(play)
    [kind] = is_open(play, "inspector-1").kinds
    successor = person(play, "inspector-2")
    revoke(play, "inspector-1", **{kind.key: str(successor)})
    assert insp.project(play).inspector_id == successor
    assert (insp.visit(play).inspector_id, insp.visit(play).state) == (successor, "planned")
    play.does("inspector-2", "record_report", **insp.report("approved"))
    assert insp.reports_of(play)[0].inspector_id == successor
    with play.session() as session:
        own = select(Participant).where(Participant.person_id == person(play, "inspector-1"))
        assert {one.until for one in session.scalars(own)} == {play.clock.now}


def test_an_applicants_case_waits_or_goes_to_another_and_never_to_all(play: Play) -> None:
    """A contractor's case is nobody else's business: there is no group that it could be returned to."""
    office.start(play)
    play.people.add("contractor-2", "contractor")
    play.people.add("contractor-3", "contractor")
    [kind] = is_open(play, "contractor").kinds
    assert (kind.process, kind.default) == ("project_registration", "stay")
    with pytest.raises(Refusal):
        revoke(play, "contractor", **{kind.key: "return"})
    revoke(play, "contractor")
    task = play.task("choose_property")
    assert task.assignee_id == person(play, "contractor")
    assert waits_for(play, "contractor") == waits_for(play, "contractor-3") == []
    with pytest.raises(EngineError):
        play.does("contractor", "choose_property", source="new")


def test_a_contractors_case_is_handed_over_with_what_names_the_contractor(play: Play) -> None:
    insp.begins(play)
    insp.reports(play, "defects", 1)
    play.people.add("contractor-2", "contractor")
    other = person(play, "contractor-2")
    kinds = is_open(play, "contractor").kinds
    revoke(play, "contractor", **{kind.key: str(other) for kind in kinds})
    assert insp.project(play).contractor_id == other
    play.does("contractor-2", "pay_debt")
    assert waits_for(play, "contractor") == []


# At the same time


@pytest.mark.both_databases("locking")
@pytest.mark.parametrize("first", ["completion", "taking"])
def test_a_completion_at_the_same_time_is_before_or_refused(play: Play, first: str) -> None:
    """The task is done by its person before the role goes, or it is the group's: never done without the role."""
    task = asked(play)
    claim(play, "unit-it", task)
    actor, by, who, grant = (
        play.people.actor("unit-it"),
        admin(play),
        person(play, "unit-it"),
        grant_of(play, "unit-it"),
    )
    start, done = threading.Barrier(2), dict[str, Any]()

    def complete() -> None:
        start.wait()
        try:
            play.engine.in_transaction(
                lambda session: kartabl.submit(play.engine, session, task.id, actor, {"body": "پاسخ"})
            )
            done["completion"] = "done"
        except EngineError as refused:
            done["completion"] = type(refused).__name__

    def take() -> None:
        start.wait()
        play.engine.in_transaction(
            lambda session: leaving.revoke_role(session, play.engine, who, grant, by=by, now=play.clock.now)
        )
        done["taking"] = "done"

    threads = [
        threading.Thread(target=work) for work in ((complete, take) if first == "completion" else (take, complete))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done["taking"] == "done"
    assert done["completion"] in {"done", "NotFound", "Conflict"}
    with play.session() as session:
        row = session.get_one(Task, task.id)
        if done["completion"] == "done":
            assert row.ended_by_id == who
        else:
            assert (row.assignee_id, row.claimed, row.status.value) == (None, False, "open")


@pytest.mark.both_databases("locking")
@pytest.mark.rule("ASG-1", "INS-17")
@pytest.mark.parametrize("how", ["revoke", "lock"])
@pytest.mark.parametrize("first", ["assignment", "taking"])
def test_no_project_stays_with_an_inspector_whose_role_goes_at_that_moment(play: Play, first: str, how: str) -> None:
    """One begins while the other has done its work and is not committed: not chosen, or handed over at once."""
    insp.begins(play, inspectors=3)
    task, actor = play.task("withdraw"), play.people.actor("inspector-1")
    by, who, grant = admin(play), person(play, "inspector-2"), grant_of(play, "inspector-2")

    def assign(session: Session) -> None:  # inspector-2 is next
        kartabl.submit(play.engine, session, task.id, actor, {"confirmed": True})

    def take(session: Session) -> None:
        if how == "revoke":
            leaving.revoke_role(session, play.engine, who, grant, by=by, now=play.clock.now)
        else:
            accounts = play.application.accounts
            leaving.lock_account(session, play.engine, accounts, who, by=by, now=play.clock.now)

    ahead, behind = (assign, take) if first == "assignment" else (take, assign)
    failed: list[EngineError] = []

    def follow() -> None:
        try:
            play.engine.in_transaction(behind)
        except EngineError as error:
            failed.append(error)

    follower = threading.Thread(target=follow)
    with play.session() as session:
        ahead(session)
        session.flush()
        follower.start()
        follower.join(1)  # it has come as far as it can: to its end, or to where it waits for us
    follower.join(60)
    assert not follower.is_alive() and failed == []
    assert insp.project(play).inspector_id == person(play, "inspector-3")
    assert office.assignments(play)[-1].inspector_id == person(play, "inspector-3")
