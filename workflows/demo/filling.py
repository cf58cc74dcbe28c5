"""The demo: people of every role and cases at every stage, created by playing stories through the engine.

The same present gives the same demo (numbers that a bank or a password hash draws aside).
"""

from __future__ import annotations

import copy
import dataclasses
import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.queries import messages
from engine.runtime.supervision import Supervision
from engine.service import Engine
from models.account import Message, MessageReading
from models.case import Case
from workflows.assignment.operations import period_of
from workflows.demo import tickets
from workflows.demo.invention import Invention, add_properties
from workflows.demo.notices import NOTICES
from workflows.demo.people import CONTRACTORS, INSPECTORS, PASSWORD, PEOPLE, are_there, make
from workflows.demo.plan import DECK, Waits
from workflows.demo.stage import Begin, PastClock, Stage, Submit
from workflows.demo.story import Story
from workflows.providers.on_screen import OnScreenOutbox
from workflows.providers.test_gateway import BuiltInTestGateway

SEED = 1405
SPAN = timedelta(days=150)  # how far back the demo reaches
READ_AFTER = timedelta(days=6)  # messages older than that have been read
CASES_OF_A_PROJECT = 2  # many registrations lead to an inspection, some of these to a certificate; and tickets
NEXT_YEAR = timedelta(days=366)


def people() -> list[dict[str, str]]:
    """The demo's accounts: role, user name, password and name, in the order of the roles."""
    return [
        {"role": person.role, "username": person.username, "password": PASSWORD, "name": person.name}
        for person in PEOPLE
    ]


def fill(engine: Engine, *, submit: Submit, begin: Begin, cases: int = 200) -> int:
    """Make the demo's people, properties and about ``cases`` cases; returns how many cases there are then.

    Changes nothing, and returns 0, when the demo's people exist already. ``submit`` completes a task with plain
    values through its form, ``begin`` starts a case with those of its start event. Nothing leaves the machine: the
    built-in gateway and outbox stand in meanwhile.
    """
    end = engine.clock()
    clock = PastClock(end - SPAN)
    with engine.transaction() as session:
        if are_there(session):
            return 0
        periods = {period_of(moment) for moment in (clock.now, end, end + NEXT_YEAR)}
        make(session, at=clock.now, periods=sorted(periods))
    past = _in_the_past(engine, clock)
    stage = Stage(past, submit, begin, clock, end, Random(SEED), Invention(Random(SEED + 1)))  # noqa: S311 - no secret
    with past.transaction() as session:
        stage.known = add_properties(session, stage.invention, until=clock.now)
        stage.know(session)
    projects = _projects(stage, round(cases / CASES_OF_A_PROJECT))
    _play(stage, [*_notices(stage), *projects, *tickets.stories(stage)])
    clock.now = end
    stage.work()
    with past.transaction() as session:
        _read_old_notices(session, stage)
        return session.scalar(select(func.count()).select_from(Case)) or 0


def _in_the_past(engine: Engine, clock: PastClock) -> Engine:
    """An engine beside the real one, with another clock and without any way to the outside world."""
    past = copy.copy(engine)
    past.clock, past.supervision = clock, Supervision(clock)
    gateway = BuiltInTestGateway(engine.sessions, engine.services.public_url, clock=clock)
    past.services = dataclasses.replace(engine.services, payment_gateway=gateway, sms=OnScreenOutbox())
    return past


def _projects(stage: Stage, count: int) -> Iterator[tuple[datetime, Waits]]:
    """The stories of the projects, each with the moment it begins."""
    for number in range(count):
        plan = DECK[number % len(DECK)]
        contractor = stage.actors[CONTRACTORS[(number + number // len(DECK)) % len(CONTRACTORS)]]
        started = stage.end - timedelta(days=stage.random.uniform(*plan.age))
        yield stage.awake(started), Story(stage, plan, contractor).tell()


def _play(stage: Stage, stories: list[tuple[datetime, Waits]]) -> None:
    """Play all stories at once, in the order in which things happen, up to the present."""
    line = [(moment, number, story) for number, (moment, story) in enumerate(stories)]
    heapq.heapify(line)
    while line and line[0][0] < stage.end:
        stage.clock.now, number, story = heapq.heappop(line)
        stage.work()
        pause = next(story, None)
        if pause is not None:
            heapq.heappush(line, (stage.now + pause, number, story))


# Messages of the organisation (ACC-4)


def _notices(stage: Stage) -> Iterator[tuple[datetime, Waits]]:
    for days, sender, role, username, title, body in NOTICES:
        opening = stage.office.next_working_moment(stage.end - timedelta(days=days))
        yield opening, _sends(stage, stage.actors[sender], role, username, title, body)


def _sends(stage: Stage, by: Actor, role: str, username: str, title: str, body: str) -> Waits:
    with stage.engine.transaction() as session:
        messages.send(session, by=by, title=title, body=body, now=stage.now, role=role, username=username)
    yield from ()


def _read_old_notices(session: Session, stage: Stage) -> None:
    """Mark older messages as read."""
    for username in (*CONTRACTORS, *INSPECTORS):
        actor = stage.actors[username]
        old = session.execute(
            select(Message.id, Message.sent_at).where(
                (Message.person_id == actor.person_id) | (Message.person_id.is_(None) & Message.role.in_(actor.roles)),
                Message.sent_at < stage.end - READ_AFTER,
            )
        )
        session.add_all(
            MessageReading(message_id=message_id, person_id=actor.person_id, read_at=sent_at + timedelta(hours=5))
            for message_id, sent_at in old
        )
