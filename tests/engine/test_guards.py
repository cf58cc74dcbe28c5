"""What the engine refuses whoever asks, also where no page of ours would ask it (ACC-2, CASE-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from engine.actor import SYSTEM, actor_for
from engine.errors import NotAllowed, NotFound, Refusal, TaskNotOpen
from engine.identity import people as people_verbs
from engine.identity.people import NewAccount
from engine.jobs import calendar_changes
from engine.queries import messages
from models.account import Person
from models.case import Case, CaseStatus, Task, TaskDraft
from tests.conftest import SATURDAY
from tests.engine.small import Small, chain, end, process, start, user_task

WAITING = process(start() + user_task("wait", role="finance") + end() + chain("begin", "wait", "done"))


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, WAITING)
    yield made
    made.close()


# Supervision: only supervisors, only what can be done to the case as it stands


@pytest.fixture
def case(small: Small) -> Case:
    return small.start().case


def supervised(small: Small, verb: str, *arguments: Any, by: str = "boss", **values: Any) -> Any:
    with small.engine.transaction() as session:
        return getattr(small.engine.supervision, verb)(session, *arguments, by=small.actor(by), **values)


@pytest.mark.parametrize("verb", ["suspend", "resume", "cancel_case"])
@pytest.mark.parametrize("by", ["ali", "reza"])
def test_whoever_is_no_supervisor_stops_no_case(small: Small, case: Case, verb: str, by: str) -> None:
    reason = {} if verb == "resume" else {"reason": "بررسی"}
    with pytest.raises(NotAllowed):
        supervised(small, verb, case.id, by=by, **reason)
    assert small.look(lambda session: session.get_one(Case, case.id).status) is CaseStatus.RUNNING


def test_what_is_over_is_not_suspended_resumed_or_cancelled(small: Small, case: Case) -> None:
    with pytest.raises(NotAllowed):
        supervised(small, "resume", case.id)  # it runs
    supervised(small, "suspend", case.id, reason="بررسی")
    with pytest.raises(NotAllowed):
        supervised(small, "suspend", case.id, reason="بررسی")
    supervised(small, "cancel_case", case.id, reason="اشتباه")
    for verb, values in (("suspend", {"reason": "x"}), ("resume", {}), ("cancel_case", {"reason": "x"})):
        with pytest.raises(NotAllowed):
            supervised(small, verb, case.id, **values)
    assert small.look(lambda session: session.get_one(Case, case.id).status) is CaseStatus.CANCELLED


def test_a_task_is_given_to_people_of_its_role_by_supervisors_only(small: Small, case: Case) -> None:
    task = small.open(case.id)["wait"]
    finance, citizen = small.actor("reza").person_id, small.actor("sara").person_id
    with pytest.raises(NotAllowed):
        supervised(small, "reassign", task.id, by="reza", person_id=finance)
    with pytest.raises(Refusal) as refused:
        supervised(small, "reassign", task.id, person_id=citizen)
    assert list(refused.value.errors) == ["person"]
    assert small.open(case.id)["wait"].assignee_id is None
    assert supervised(small, "reassign", task.id, person_id=finance).assignee_id == finance
    assert supervised(small, "reassign", task.id, person_id=None).assignee_id is None


def test_a_task_that_is_done_is_given_to_nobody(small: Small, case: Case) -> None:
    task = small.open(case.id)["wait"]
    small.complete(case.id, "wait", by="reza")
    with pytest.raises(TaskNotOpen):
        supervised(small, "reassign", task.id, person_id=small.actor("reza").person_id)


def test_what_there_is_not_is_not_found(small: Small, case: Case) -> None:
    for verb, values in (
        ("reassign", {"person_id": None}),
        ("retry_incident", {}),
        ("suspend", {"reason": "x"}),
    ):
        with pytest.raises(NotFound):
            supervised(small, verb, 9999, **values)
    with pytest.raises(NotFound), small.engine.transaction() as session:
        small.engine.claim(session, 9999, by=small.actor("reza"))


def test_nothing_is_done_at_a_task_of_a_case_that_was_stopped(small: Small, case: Case) -> None:
    task, reza = small.open(case.id)["wait"], small.actor("reza")
    supervised(small, "suspend", case.id, reason="بررسی")
    with pytest.raises(TaskNotOpen):
        small.complete(case.id, "wait", by="reza")
    with pytest.raises(TaskNotOpen), small.engine.transaction() as session:
        small.engine.claim(session, task.id, by=reza)
    with pytest.raises(TaskNotOpen), small.engine.transaction() as session:
        small.engine.save_draft(session, task.id, by=reza, values={"answer": "x"})
    supervised(small, "resume", case.id)
    small.complete(case.id, "wait", by="reza")


# Drafts and claims


def test_the_system_types_no_draft(small: Small, case: Case) -> None:
    task = small.open(case.id)["wait"]
    with pytest.raises(NotAllowed), small.engine.transaction() as session:
        small.engine.save_draft(session, task.id, by=SYSTEM, values={"answer": "x"})
    assert small.look(lambda session: session.scalars(select(TaskDraft)).all()) == []


def test_a_draft_is_kept_of_ones_own_open_tasks_only(small: Small, case: Case) -> None:
    task = small.open(case.id)["wait"]
    with pytest.raises(NotFound), small.engine.transaction() as session:
        small.engine.save_draft(session, task.id, by=small.actor("sara"), values={"answer": "x"})
    small.complete(case.id, "wait", by="reza")
    with pytest.raises(TaskNotOpen), small.engine.transaction() as session:
        small.engine.save_draft(session, task.id, by=small.actor("reza"), values={"answer": "x"})


def test_only_what_one_has_taken_is_given_back(small: Small, case: Case) -> None:
    """Neither a task that nobody took, nor one that a supervisor's word or the case gave for good."""
    task, reza = small.open(case.id)["wait"], small.actor("reza")
    with pytest.raises(NotAllowed), small.engine.transaction() as session:
        small.engine.release(session, task.id, by=reza)
    with small.engine.transaction() as session:
        kept = session.get_one(Task, task.id)
        kept.assignee_id, kept.claimed = reza.person_id, False  # as by a bound lane
    with pytest.raises(NotAllowed), small.engine.transaction() as session:
        small.engine.release(session, task.id, by=reza)
    assert small.open(case.id)["wait"].assignee_id == reza.person_id


# People


def account(**values: str) -> NewAccount:
    made = NewAccount("unit-9", "نام", "نام", company="", mobile="", kind="staff", role="finance", scope="")
    return replace(made, **values)


@pytest.mark.rule("ACC-2")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "ab"}, "username"),
        ({"username": "a" * 61}, "username"),
        ({"username": "finance-1"}, "username"),
        ({"username": "09121111111", "mobile": "09122222222"}, "mobile"),
        ({"role": "no_such_role"}, "role"),
        ({"role": "finance", "scope": "3"}, "role"),
        ({"role": "department_staff", "scope": ""}, "unit"),
        ({"role": "district_engineering", "scope": "99"}, "district"),
    ],
)
def test_an_account_that_cannot_be_is_refused_at_its_field(desk: Any, people: Any, values: Any, field: str) -> None:
    people.add("finance-1", "finance")
    admin = actor_for(people.add("admin", "admin"))
    with pytest.raises(Refusal) as refused:
        desk.does(people_verbs.create_account, desk.accounts, account(**values), by=admin, now=SATURDAY)
    assert list(refused.value.errors) == [field]
    known = desk.does(lambda session: set(session.scalars(select(Person.username))))
    assert known == {"finance-1", "admin"}


@pytest.mark.rule("ACC-2")
def test_only_admins_change_people_and_only_those_there_are(desk: Any, people: Any) -> None:
    admin, clerk = actor_for(people.add("admin", "admin")), people.add("finance-1", "finance")
    by_clerk = actor_for(clerk)
    attempts: list[tuple[Any, ...]] = [
        (people_verbs.grant, clerk.id, {"role": "admin", "now": SATURDAY}),
        (people_verbs.revoke, clerk.id, clerk.roles[0].id, {"now": SATURDAY}),
        (people_verbs.lock_account, desk.accounts, clerk.id, {}),
        (people_verbs.unlock_account, clerk.id, {}),
    ]
    for verb, *arguments, values in attempts:
        with pytest.raises(NotAllowed):
            desk.does(verb, *arguments, by=by_clerk, **values)
        missing = [9999 if argument == clerk.id else argument for argument in arguments]
        with pytest.raises(NotFound):
            desk.does(verb, *missing, by=admin, **values)
    with pytest.raises(NotAllowed):
        desk.does(people_verbs.create_account, desk.accounts, account(), by=by_clerk, now=SATURDAY)
    with pytest.raises(NotFound):
        desk.does(people_verbs.revoke, clerk.id, 9999, by=admin, now=SATURDAY)


@pytest.mark.rule("ACC-2")
def test_a_role_is_given_once(desk: Any, people: Any) -> None:
    admin, clerk = actor_for(people.add("admin", "admin")), people.add("finance-1", "finance")
    with pytest.raises(Refusal) as refused:
        desk.does(people_verbs.grant, clerk.id, by=admin, role="finance", now=SATURDAY)
    assert list(refused.value.errors) == ["role"]


@pytest.mark.rule("ACC-2")
def test_the_last_admin_and_ones_own_account_stay_open(desk: Any, people: Any) -> None:
    first, second = people.add("admin-1", "admin"), people.add("admin-2", "admin")
    with pytest.raises(Refusal):  # there is another one, and yet
        desk.does(people_verbs.lock_account, desk.accounts, first.id, by=actor_for(first))
    desk.does(people_verbs.revoke, second.id, second.roles[0].id, by=actor_for(first), now=SATURDAY)
    helper = actor_for(second)  # an admin's page that is still open
    with pytest.raises(Refusal):
        desk.does(people_verbs.lock_account, desk.accounts, first.id, by=helper)
    with pytest.raises(Refusal):
        desk.does(people_verbs.revoke, first.id, first.roles[0].id, by=helper, now=SATURDAY)


# Calendar and messages


@pytest.mark.rule("CAL-4")
def test_only_a_holiday_is_moved(desk: Any) -> None:
    monday = SATURDAY.date().replace(day=23)
    with pytest.raises(Refusal) as refused:
        desk.does(calendar_changes.moved_holiday, monday, monday.replace(day=24))
    assert list(refused.value.errors) == ["action"]


@pytest.mark.rule("ACC-4")
def test_the_message_of_somebody_else_is_not_read(desk: Any, people: Any) -> None:
    sender, reader = actor_for(people.add("admin", "admin")), people.add("finance-1", "finance")
    stranger = actor_for(people.add("citizen-1", "citizen"))
    sent = desk.does(messages.send, by=sender, title="سلام", body="سلام", username=reader.username, now=SATURDAY)
    with pytest.raises(NotFound):
        desk.does(messages.read, stranger, sent.id, now=SATURDAY)
    assert desk.does(messages.read, actor_for(reader), sent.id, now=SATURDAY).message.title == "سلام"
