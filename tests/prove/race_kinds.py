"""The kinds of conflict that are raced, each with how a round begins, what each process does, and what is proper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

import webapp
from engine.errors import TaskNotOpen
from engine.persistence import history
from engine.runtime import incidents
from models.account import Person
from models.case import Case, CaseStatus, HistoryEntry, Task, TaskStatus
from models.job import Incident, Job, JobKind
from models.outbox import Sms
from tests.prove.place import Place

Ids = dict[str, Any]
Act = Callable[[Ids], object]


def _nothing_else(_place: Place, _ids: Ids, _outcomes: list[str]) -> list[str]:
    return []


@dataclass(frozen=True)
class Kind:
    """``proper``: the sorted outcomes that a round may have. ``act(place, player)`` is what that process does."""

    name: str
    players: int
    prepare: Callable[[Place], Ids]
    act: Callable[[Place, int], Act]
    proper: tuple[list[str], ...]
    judge: Callable[[Place, Ids, list[str]], list[str]] = _nothing_else

    @property
    def known(self) -> set[str]:
        return {outcome for outcomes in self.proper for outcome in outcomes}


def _written(place: Place) -> Ids:
    case_id = place.start()
    return {"case": case_id, **place.open(case_id)}


def _checked(place: Place) -> Ids:
    case_id = place.start()
    place.does(case_id, "write", answer="x")
    return {"case": case_id, **place.open(case_id)}


def _once_in_history(what: str, key: str) -> Callable[[Place, Ids, list[str]], list[str]]:
    def judge(place: Place, ids: Ids, _outcomes: list[str]) -> list[str]:
        told = select(func.count()).where(
            HistoryEntry.case_id == ids["case"], HistoryEntry.what == what, HistoryEntry.task_key == key
        )
        with place.engine.transaction() as session:
            times = session.scalar(told)
        return [] if times == 1 else [f"{what} of {key} stands {times} times in the history"]

    return judge


# The same task


def _complete(place: Place, _player: int) -> Act:
    return lambda ids: place.complete(ids["write"], answer="x") and None


# Claiming


def _claim(place: Place, player: int) -> Act:
    by = place.actor(("reza", "omid", "nima", "tara")[player])

    def claim(ids: Ids) -> None:
        with place.engine.transaction() as session:
            place.engine.claim(session, ids["check"], by=by)

    return claim


# Against a supervisor


def _complete_or_reassign(place: Place, player: int) -> Act:
    boss, to = place.actor("boss"), place.actor("omid").person_id

    def reassign(ids: Ids) -> str:
        with place.engine.transaction() as session:
            place.engine.supervision.reassign(session, ids["check"], by=boss, person_id=to)
        return "reassigned"

    return reassign if player else lambda ids: place.complete(ids["check"], by="reza") and None


def _complete_or_cancel(place: Place, player: int) -> Act:
    boss = place.actor("boss")

    def cancel(ids: Ids) -> str:
        with place.engine.transaction() as session:
            place.engine.supervision.cancel_case(session, ids["case"], by=boss, reason="r")
        return "cancelled"

    return cancel if player else lambda ids: place.complete(ids["write"], answer="x") and None


def _is_cancelled(place: Place, ids: Ids, _outcomes: list[str]) -> list[str]:
    with place.engine.transaction() as session:
        status = session.get_one(Case, ids["case"]).status
        left = session.scalar(select(func.count()).where(Task.case_id == ids["case"], Task.status == TaskStatus.OPEN))
    return [] if status is CaseStatus.CANCELLED and not left else [f"the case is {status} with {left} open tasks"]


# Against a timer: this process' clock says that it is due, the person's does not yet


def _timed(place: Place) -> Ids:
    ids = _written(place)
    with place.engine.transaction() as session:
        job = session.scalars(select(Job).where(Job.case_id == ids["case"], Job.kind == JobKind.TIMER)).one()
        return {**ids, "timer": job.token}


def _complete_or_timer(place: Place, player: int) -> Act:
    if player == 0:
        return lambda ids: place.complete(ids["write"], answer="x") and None
    place.later(timedelta(hours=2))

    def fire(ids: Ids) -> str:
        fired = place.engine.in_transaction(lambda session: place.engine.fire_timer(session, ids["case"], ids["timer"]))
        return "fired" if fired else "gone"

    return fire


# Two branches into one join


def _sign_or_check(place: Place, player: int) -> Act:
    key, by = (("sign", "ali"), ("check", "reza"))[player]
    return lambda ids: place.complete(ids[key], by=by) and None


def _joined_once(place: Place, ids: Ids, _outcomes: list[str]) -> list[str]:
    with place.engine.transaction() as session:
        sms = session.scalar(select(func.count()).where(Sms.case_id == ids["case"]))
        jobs = session.scalar(select(func.count()).where(Job.case_id == ids["case"]))
    return [] if (sms, jobs) == (1, 1) else [f"behind the join: {sms} SMS, {jobs} operations"]


# A double click, or a program that repeats a call it got no answer to


def _keyed(place: Place) -> Ids:
    ids = _written(place)
    with place.engine.transaction() as session:
        person = session.scalars(select(Person).where(Person.username == "ali")).one()
        token = place.application.accounts.open_session(session, person, now=place.clock(), kind="api")
    return {**ids, "token": token}


def _call(place: Place, _player: int) -> Act:
    browser = webapp.create_app(place.application).test_client()

    def call(ids: Ids) -> str:
        headers = {"Authorization": f"Bearer {ids['token']}", "Idempotency-Key": f"key-{ids['case']}"}
        path = f"/api/v1/tasks/{ids['write']}/complete"
        answer = browser.post(path, json={"values": {"note": "متن"}}, headers=headers)
        return f"{answer.status_code} again" if "Idempotent-Replay" in answer.headers else f"{answer.status_code}"

    return call


# A supervisor lets a failed step be tried again while a person goes on


def _with_incident(place: Place) -> Ids:
    ids = _checked(place)
    with place.engine.transaction() as session:
        found = incidents.raise_incident(
            session, ids["case"], element="ask", operation="prove.ask", message="it failed", at=place.clock()
        )
        return {**ids, "incident": found.id}


def _complete_or_retry(place: Place, player: int) -> Act:
    boss = place.actor("boss")

    def retry(ids: Ids) -> str:
        with place.engine.transaction() as session:
            place.engine.supervision.retry_incident(session, ids["incident"], by=boss)
        return "retried"

    return retry if player else lambda ids: place.complete(ids["check"], by="reza") and None


def _resolved(place: Place, ids: Ids, _outcomes: list[str]) -> list[str]:
    with place.engine.transaction() as session:
        incident = session.get_one(Incident, ids["incident"])
    return [] if incident.resolved_at is not None else ["the incident is still open"]


KINDS = (
    Kind(
        "same task",
        4,
        _written,
        _complete,
        (["TaskNotOpen"] * 3 + ["done"],),
        _once_in_history("task_completed", "write"),
    ),
    Kind(
        "claim and claim",
        4,
        _checked,
        _claim,
        (["TaskClaimed"] * 3 + ["done"],),
        _once_in_history("task_claimed", "check"),
    ),
    Kind(
        "complete and reassign",
        2,
        _checked,
        _complete_or_reassign,
        (["TaskNotOpen", "done"], ["TaskClaimed", "reassigned"]),
    ),
    Kind(
        "complete and cancel the case",
        2,
        _written,
        _complete_or_cancel,
        (["cancelled", "done"], ["TaskNotOpen", "cancelled"]),
        _is_cancelled,
    ),
    Kind("complete and due timer", 2, _timed, _complete_or_timer, (["TaskNotOpen", "fired"], ["done", "gone"])),
    Kind("two branches into a join", 2, _checked, _sign_or_check, (["done", "done"],), _joined_once),
    Kind(
        "same call twice", 4, _keyed, _call, (["200", *["200 again"] * 3],), _once_in_history("task_completed", "write")
    ),
    Kind("complete and retry", 2, _with_incident, _complete_or_retry, (["done", "retried"],), _resolved),
)


def _naive_complete(place: Place, _player: int) -> Act:
    """What one writes first: look whether it is open, then write, with nothing in between that holds it."""
    by = place.actor("ali")

    def complete(ids: Ids) -> None:
        with place.engine.transaction() as session:
            task = session.get_one(Task, ids["write"])
            if task.status is not TaskStatus.OPEN:
                raise TaskNotOpen(task.id, "completed", case=str(ids["case"]))
        place.engine.in_transaction(lambda session: _write_down(session, place, ids, by))

    return complete


def _write_down(session: Session, place: Place, ids: Ids, by: Any) -> None:
    session.execute(update(Task).where(Task.id == ids["write"]).values(status=TaskStatus.COMPLETED))
    case = session.get_one(Case, ids["case"])
    history.record(session, case, what="task_completed", by=by, at=place.clock(), task_key="write")


NAIVE = Kind(
    "naive twin",
    4,
    _written,
    _naive_complete,
    (["TaskNotOpen"] * 3 + ["done"],),
    _once_in_history("task_completed", "write"),
)
