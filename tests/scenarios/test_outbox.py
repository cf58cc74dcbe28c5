"""SMS of a real step: written in its transaction, delivered after it, however the provider fares (SMS-1)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

import kartabl
from engine.jobs.outbox import ATTEMPTS
from models.case import Task, TaskStatus
from models.outbox import DeliveryState, Sms
from tests.play import Play
from tests.scenarios import gas_office as office
from workflows.providers.errors import ProviderError
from workflows.providers.sms import SentSms

pytestmark = pytest.mark.rule("SMS-1")

VISIT: dict[str, object] = {"visit_date": "1405/09/01", "visit_time": "10:00"}


@dataclass
class Provider:
    """An SMS service that notes what it was given, and does ``then`` before it answers."""

    then: Callable[[], None] = lambda: None
    name: str = "kavenegar"
    shows_text: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)  # (message id, receiver)

    def send(self, *, receiver: str, text: str, message_id: str) -> SentSms:
        self.asked.append((message_id, receiver))
        self.then()
        return SentSms(provider_id=f"sms-{message_id}")


def down() -> None:
    raise ProviderError("the provider is down")


@pytest.fixture
def provider(application: kartabl.Application) -> Provider:
    """In the place of the on-screen outbox, from the beginning of the visit on."""
    return Provider()


@pytest.fixture
def visit(play: Play, application: kartabl.Application, provider: Provider) -> Play:
    """A case whose inspector is about to set the visit's time."""
    office.add_inspector(play, "inspector-1")
    office.paid(play)
    play.follow("gas_inspection")
    application.engine.services.sms = provider
    return play


def newest(play: Play) -> Sms:
    return play.sms()[-1]


@pytest.mark.both_databases("saving")
def test_the_message_and_its_step_are_kept_together_or_not_at_all(visit: Play, provider: Provider) -> None:
    before = len(visit.sms())
    actor = visit.actor("inspector-1")

    def step(session: Any) -> None:
        kartabl.submit(visit.engine, session, visit.task("schedule_visit").id, actor, VISIT)
        found = session.scalars(select(Sms).order_by(Sms.id.desc())).first()
        assert found.case_id == visit.case_id, "written with the step, before its commit"

    class PowerCut(BaseException):
        pass

    with pytest.raises(PowerCut), visit.session() as session:
        step(session)
        raise PowerCut
    assert (len(visit.sms()), visit.task("schedule_visit").status) == (before, TaskStatus.OPEN)

    with visit.session() as session:
        step(session)
    assert (len(visit.sms()), visit.task("schedule_visit").status) == (before + 1, TaskStatus.COMPLETED)
    assert newest(visit).state is DeliveryState.WAITING
    assert provider.asked == [], "no step talks to a provider"


def test_a_provider_that_is_down_delays_no_step_and_gets_the_message_later(visit: Play, provider: Provider) -> None:
    provider.then = down
    visit.does("inspector-1", "schedule_visit", **VISIT)
    assert visit.waits_for() == {"record_report": "inspector"}
    assert newest(visit).state is DeliveryState.WAITING
    visit.after(timedelta(days=2))
    visit.does("inspector-1", "record_report", report_text="همه درست است.", outcome="approved")
    assert visit.waits_for() == {"schedule_visit": "inspector"}

    provider.then = lambda: None
    provider.asked.clear()
    visit.after(timedelta(hours=2))
    assert all(message.state is DeliveryState.SENT for message in visit.sms() if message.state != DeliveryState.FAILED)
    visit.after(timedelta(hours=2))
    assert len(provider.asked) == len(set(provider.asked)), "each message once"


@pytest.mark.both_databases("jobs")
def test_tries_are_made_again_with_growing_pauses_and_then_given_up_in_sight(visit: Play, provider: Provider) -> None:
    provider.then = down
    visit.does("inspector-1", "schedule_visit", **VISIT)
    message = newest(visit)
    tried_at = [visit.clock.now]
    while newest(visit).next_try_at is not None:
        visit.after(timedelta(minutes=1))
        if newest(visit).attempts > len(tried_at):
            tried_at.append(visit.clock.now)
    pauses = [(later - earlier) / timedelta(minutes=1) for earlier, later in itertools.pairwise(tried_at)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60]
    assert provider.asked == [(str(message.id), "09130000001")] * ATTEMPTS
    given_up = newest(visit)
    assert (given_up.state, given_up.attempts, given_up.error) == (
        DeliveryState.FAILED,
        ATTEMPTS,
        "the provider is down",
    )
    assert visit.waits_for() == {"record_report": "inspector"}


def test_no_transaction_is_open_while_the_provider_is_asked(
    visit: Play, provider: Provider, application: kartabl.Application
) -> None:
    """A provider that hangs would otherwise hold the database, and with it everybody."""
    seen: list[TaskStatus] = []

    def look_and_write() -> None:
        with application.engine.transaction() as session:
            task = session.scalars(select(Task).where(Task.key == "schedule_visit")).one()
            task.priority += 1  # another one writes meanwhile
            seen.append(task.status)

    provider.then = look_and_write
    visit.does("inspector-1", "schedule_visit", **VISIT)
    assert seen == [TaskStatus.COMPLETED], "the step was committed before anything was sent"
    assert newest(visit).state is DeliveryState.SENT


@pytest.mark.both_databases("jobs")
def test_a_message_that_may_have_left_is_not_sent_twice(visit: Play, provider: Provider) -> None:
    def cut() -> None:
        raise ProviderError("no answer", uncertain=True)

    provider.then = cut
    visit.does("inspector-1", "schedule_visit", **VISIT)
    visit.after(timedelta(hours=3))
    assert len(provider.asked) == 1
    assert newest(visit).state is DeliveryState.UNCERTAIN
