"""One's own sessions: listed, ended, limited in number; and the messages about what happened to an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.actor import actor_for
from engine.errors import NotFound
from engine.identity import devices, sessions
from engine.identity import people as people_verbs
from engine.jobs import purge
from models.account import KnownDevice, Message, PendingRegistration, Person, SignInSession
from tests.engine.desk import ADDRESS, MOBILE, NEW_PASSWORD, OWN_PASSWORD

DEVICE = devices.new_token()


def own(desk: Any, person: Person, token: str | None) -> list[sessions.OpenSession]:
    return desk.does(desk.accounts.own_sessions, person.id, token=token, now=desk.clock.now)


def opened(desk: Any, person: Person, *, kind: str = "browser", agent: str = "") -> str:
    verb = desk.accounts.open_session
    return desk.does(verb, person, now=desk.clock.now, kind=kind, address=ADDRESS, agent=agent)


def titles(desk: Any, person: Person) -> list[str]:
    query = select(Message.title).where(Message.person_id == person.id).order_by(Message.id)
    return desk.does(lambda session: list(session.scalars(query)))


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-6")
def test_own_sessions_are_listed_and_ended_one_by_one(desk):
    person, other = desk.registered(), desk.registered("09350000001")
    here, program = opened(desk, person, agent="Firefox"), opened(desk, person, kind="api", agent="curl/8")
    theirs = opened(desk, other)
    rows = own(desk, person, here)
    assert [(one.kind, one.agent, one.address, one.is_this) for one in rows] == [
        ("api", "curl/8", ADDRESS, False),
        ("browser", "Firefox", ADDRESS, True),
    ]
    desk.does(sessions.end_one, person, rows[0].id, address=ADDRESS)
    with pytest.raises(NotFound):
        desk.does(sessions.end_one, person, rows[0].id, address=ADDRESS)
    with pytest.raises(NotFound):  # somebody else's
        desk.does(sessions.end_one, person, own(desk, other, theirs)[0].id, address=ADDRESS)
    assert desk.works(here)
    assert desk.works(theirs)
    assert desk.does(desk.accounts.person_of_session, program, kind="api", now=desk.clock.now) is None


@pytest.mark.rule("ACC-6")
def test_all_other_sessions_and_tokens_are_ended_at_once(desk):
    person, other = desk.registered(), desk.registered("09350000001")
    here, elsewhere, theirs = opened(desk, person), opened(desk, person), opened(desk, other)
    opened(desk, person, kind="api")
    assert desk.does(desk.accounts.end_other_sessions, person, token=here, address=ADDRESS) == 2
    assert (desk.works(here), desk.works(elsewhere), desk.works(theirs)) == (True, False, True)
    assert [one.is_this for one in own(desk, person, here)] == [True]


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-6")
@pytest.mark.parametrize("kind", ["browser", "api"])
def test_an_account_has_twenty_sessions_of_a_kind_and_a_new_one_ends_the_oldest(desk, kind):
    person = desk.registered()
    tokens = []
    for _ in range(23):
        tokens.append(opened(desk, person, kind=kind))
        desk.clock.advance(timedelta(seconds=1))
    assert len(own(desk, person, None)) == sessions.MAX_SESSIONS
    working = [desk.does(desk.accounts.person_of_session, one, kind=kind, now=desk.clock.now) for one in tokens]
    assert [one is not None for one in working] == [False] * 3 + [True] * 20


@pytest.mark.rule("ACC-6")
def test_tokens_of_programs_end_with_the_password_and_the_lock(desk, people):
    person, admin = desk.registered(), actor_for(people.add("admin-1", "admin"))

    def token_works(token: str) -> bool:
        return desk.does(desk.accounts.person_of_session, token, kind="api", now=desk.clock.now) is not None

    def change(session: Any) -> None:
        row = session.get_one(Person, person.id)
        desk.accounts.change_password(session, row, old=OWN_PASSWORD, new=NEW_PASSWORD, keep=None, now=desk.clock.now)

    def reset(session: Any) -> None:
        people_verbs.reset_password(session, desk.accounts, person.id, by=admin, now=desk.clock.now)

    def lock(session: Any) -> None:
        people_verbs.lock_account(session, desk.accounts, person.id, by=admin)

    for ending in (change, reset, lock):
        token = opened(desk, person, kind="api")
        assert token_works(token)
        desk.does(ending)
        assert not token_works(token)


def test_idle_and_expired_sessions_are_not_listed_and_are_swept(desk):
    person = desk.registered()
    opened(desk, person)
    opened(desk, person, kind="api")
    desk.register(mobile="09350000009")
    desk.sign_in(device=DEVICE)
    desk.clock.advance(timedelta(minutes=31))
    assert [one.kind for one in own(desk, person, None)] == ["api"]
    desk.clock.advance(timedelta(days=3))
    assert own(desk, person, None) == []
    purge.sweep(desk.application.engine)
    for table in (SignInSession, PendingRegistration):
        assert desk.does(lambda session, table=table: session.scalar(select(func.count()).select_from(table))) == 0
    assert desk.does(lambda session: session.scalar(select(func.count()).select_from(KnownDevice))) == 2
    desk.clock.advance(devices.REMEMBERED)
    purge.sweep(desk.application.engine)
    assert desk.does(lambda session: session.scalar(select(func.count()).select_from(KnownDevice))) == 0


# Messages about an account


@pytest.mark.rule("ACC-6")
def test_a_sign_in_on_another_device_is_told_to_its_owner_once(desk):
    person = desk.registered()
    desk.sign_in(device=DEVICE)  # the first one
    desk.sign_in(device=DEVICE)
    assert titles(desk, person) == []
    other = devices.new_token()
    desk.sign_in(device=other, address="203.0.113.9")
    desk.sign_in(device=other)
    assert titles(desk, person) == ["با حساب شما از دستگاه جدیدی وارد شدند"]


@pytest.mark.rule("ACC-6")
def test_a_program_from_another_address_is_told_to_its_owner_once(desk):
    person = desk.registered()
    desk.sign_in(kind="api", address="192.0.2.1")  # the first one
    desk.sign_in(kind="api", address="192.0.2.1")
    assert titles(desk, person) == []
    desk.sign_in(kind="api", address="2001:db8::1")
    desk.sign_in(kind="api", address="2001:db8::2")  # the same subscriber
    assert titles(desk, person) == ["برنامه‌ای از نشانی جدیدی با حساب شما وارد شد"]
    forged = "address|192.0.2.1"
    assert desk.does(devices.known, MOBILE, forged) is None, "no cookie passes for an address"


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-6")
def test_a_changed_password_and_changed_roles_are_told_to_the_person(desk, people):
    admin = actor_for(people.add("admin-1", "admin"))
    person = desk.registered()
    begun = desk.forgets(MOBILE)
    desk.recovers(begun, desk.code())
    desk.does(people_verbs.reset_password, desk.accounts, person.id, by=admin, now=desk.clock.now)
    desk.does(people_verbs.grant, person.id, by=admin, role="finance", now=desk.clock.now)
    assert titles(desk, person) == [
        "رمز عبور حساب شما تغییر کرد",
        "مدیر سامانه برای حساب شما رمز عبور موقت ساخت",
        "نقش‌های حساب شما تغییر کرد",
    ]
