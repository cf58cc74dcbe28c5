"""Who is overtaken while a step is being computed: SQLite computes first and locks late, so the revision must tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import Conflict, TaskClaimed
from engine.service import MAX_TRIES
from models.account import Person, RoleGrant
from models.case import Case
from tests.databases import SQLITE
from tests.engine.small import AnyForm, Small, chain, end, process, start, user_task

ONE_TASK = process(start() + user_task("check", role="finance") + end() + chain("begin", "check", "done"))


@dataclass
class SlowForm(AnyForm):
    """While this form is looked at, somebody else does something."""

    meanwhile: Callable[[], Any] = print

    def validate(self) -> bool:
        self.meanwhile()
        return True


@pytest.fixture
def small() -> Iterator[Small]:
    small = Small(SQLITE, ONE_TASK)
    yield small
    small.close()


def _add_omid(small: Small) -> None:
    with small.engine.transaction() as session:
        session.add(
            Person(
                username="omid",
                first_name="omid",
                last_name="",
                password_hash="",
                created_at=small.clock(),
                roles=[RoleGrant(role="finance")],
            )
        )


def _revision(small: Small, case_id: int) -> int:
    return int(small.look(lambda session: session.get_one(Case, case_id).revision))


def _claimed(small: Small, task_id: int) -> None:
    with small.engine.transaction() as session:
        small.engine.claim(session, task_id, by=small.actor("omid"))


def _reassigned(small: Small, task_id: int) -> None:
    with small.engine.transaction() as session:
        to = small.actor("omid").person_id
        small.engine.supervision.reassign(session, task_id, by=small.actor("boss"), person_id=to)


@pytest.mark.parametrize("overtake", [_claimed, _reassigned])
def test_a_task_that_was_given_to_somebody_else_meanwhile_is_not_completed(
    small: Small, overtake: Callable[[Small, int], None]
) -> None:
    _add_omid(small)
    case_id = small.start().case.id
    task, reza = small.open(case_id)["check"], small.actor("reza")
    form = SlowForm(("small", "check"), {}, meanwhile=lambda: overtake(small, task.id))
    with pytest.raises(Conflict), small.engine.transaction() as session:
        small.engine.complete_task(session, task.id, by=reza, form=form)
    with pytest.raises(TaskClaimed), small.engine.transaction() as session:
        small.engine.complete_task(session, task.id, by=reza, form=AnyForm(("small", "check"), {}))


def test_reassigning_a_task_to_whom_it_belongs_already_changes_nothing(small: Small) -> None:
    _add_omid(small)
    case_id = small.start().case.id
    task_id = small.open(case_id)["check"].id
    _reassigned(small, task_id)
    before = _revision(small, case_id)
    _reassigned(small, task_id)
    assert _revision(small, case_id) == before


@pytest.mark.parametrize("quicker", range(MAX_TRIES + 1))
def test_a_step_is_tried_again_as_long_as_others_are_not_always_quicker(small: Small, quicker: int) -> None:
    tries = 0

    def work(_session: Session) -> str:
        nonlocal tries
        tries += 1
        if tries <= quicker:
            raise Conflict("1405-000001-1")
        return "done"

    if quicker < MAX_TRIES:
        assert small.engine.in_transaction(work) == "done"
    else:
        with pytest.raises(Conflict):
            small.engine.in_transaction(work)
    assert tries == min(quicker + 1, MAX_TRIES)
