"""The same request twice at once, as by a double click: one is done, the other gets 409, and nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

import kartabl
from engine.errors import Taken
from engine.queries import messages
from models.account import MessageReading, Person, RoleGrant
from models.case import TaskDraft
from models.definition import ProcessDefinition
from models.ticket import Ticket
from tests.play import PASSWORD, Play
from tests.scenarios import tickets
from tests.web.api_client import Api

ROUNDS = 12
CSRF = "token-of-this-session"

pytestmark = pytest.mark.both_databases("locking")


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What the acts return; all begin at the same moment."""
    barrier = Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(begin, acts))


def statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.fixture
def token(app: Flask, people: Any) -> str:
    people.add("citizen", "citizen", mobile="09131110000")
    answer = app.test_client().post("/api/v1/token", json={"username": "citizen", "password": PASSWORD})
    return str(answer.json["access_token"])


def begun(play: Play) -> int:
    """The task of a request that is not sent yet."""
    play.start("ticket", by="citizen")
    return int(play.task("submit_ticket").id)


def count(application: kartabl.Application, model: Any) -> int:
    with application.engine.transaction() as session:
        return int(session.scalar(select(func.count()).select_from(model)) or 0)


def test_the_first_draft_of_a_task_twice(app: Flask, application: kartabl.Application, play: Play, token: str) -> None:
    for number in range(1, ROUNDS + 1):
        task = begun(play)

        def save(task: int = task) -> TestResponse:
            return Api(app.test_client(), token).put(f"/tasks/{task}/draft", {"values": {"title": "عنوان"}})

        assert statuses(at_once(save, save)) == [204, 204]
        assert count(application, TaskDraft) == number


def test_the_first_reading_of_a_message_twice(
    app: Flask, application: kartabl.Application, play: Play, token: str
) -> None:
    for number in range(1, ROUNDS + 1):
        with play.session() as session:
            letter = messages.send(
                session, by=play.actor("admin"), title="جلسه", body="شنبه", role="citizen", now=play.clock.now
            ).id

        def read(letter: int = letter) -> int:
            with application.engine.transaction() as session:
                return messages.read(session, play.people.actor("citizen"), letter, now=play.clock.now).message.id

        assert at_once(read, read) == [letter, letter]
        assert count(application, MessageReading) == number


def test_a_request_sent_twice_by_a_program(
    app: Flask, application: kartabl.Application, play: Play, token: str
) -> None:
    tickets.staff(play)
    for number in range(1, ROUNDS + 1):
        task = begun(play)

        def send(task: int = task) -> TestResponse:
            return Api(app.test_client(), token).post(f"/tasks/{task}/complete", {"values": tickets.ASKS})

        assert statuses(at_once(send, send)) == [200, 409]
        assert count(application, Ticket) == number


@pytest.mark.parametrize("keyed", [True, False])
def test_a_request_sent_twice_from_the_page_or_with_two_keys(
    app: Flask, application: kartabl.Application, play: Play, token: str, keyed: bool
) -> None:
    tickets.staff(play)
    with play.session() as session:
        person = session.scalars(select(Person).where(Person.username == "citizen")).one()
        signed_in = application.accounts.open_session(session, person, now=play.clock.now, kind="browser")
    for number in range(1, ROUNDS + 1):
        task = begun(play)

        def click(task: int = task) -> TestResponse:
            browser = app.test_client()
            with browser.session_transaction() as cookie:
                cookie["csrf_token"], cookie["token"] = CSRF, signed_in
            return browser.post(f"/tasks/{task}", data={"csrf_token": CSRF, **tickets.ASKS})

        def call(key: str, task: int = task) -> TestResponse:
            return Api(app.test_client(), token).post(f"/tasks/{task}/complete", {"values": tickets.ASKS}, key=key)

        keys = (f"key-{number}-1", f"key-{number}-2")
        twice = [partial(call, key) for key in keys] if keyed else [click, click]
        first, second = statuses(at_once(*twice))
        assert first in (200, 303) and second == 409
        assert count(application, Ticket) == number


def test_two_processes_of_a_new_version_deploy_it_at_once(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        for row in session.scalars(select(ProcessDefinition)):
            row.sha256 = "0" * 64  # as if every diagram had changed
    before = count(application, ProcessDefinition)
    at_once(application.deploy, application.deploy)
    assert count(application, ProcessDefinition) == 2 * before


def test_only_what_another_transaction_can_cause_counts_as_being_overtaken(
    application: kartabl.Application, people: Any
) -> None:
    engine, person = application.engine, people.add("citizen", "citizen").id
    with pytest.raises(Taken), engine.transaction() as session:
        session.add(RoleGrant(person_id=person, role="citizen"))
    with pytest.raises(Taken), engine.transaction() as session:
        session.add(RoleGrant(person_id=2**40, role="citizen"))
    with pytest.raises(IntegrityError), engine.transaction() as session:
        session.add(RoleGrant(person_id=person, role=None))
