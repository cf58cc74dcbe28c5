"""People, roles and locking; and what holds when many act at the same moment (ACC-2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.actor import actor_for
from engine.errors import Refusal, TooMany
from engine.identity import people as people_verbs
from engine.identity.accounts import SignInRefused
from engine.identity.verification_codes import CodeRefused
from models.account import PendingRegistration, Person, VerificationCode
from tests.play import PASSWORD

pytestmark = pytest.mark.both_databases("locking")

# People


def test_locking_ends_sessions_at_once_and_the_last_admin_stays(desk, people):
    first, second = people.add("admin-1", "admin"), people.add("admin-2", "admin")
    _person, token = desk.sign_in("admin-2", PASSWORD)
    desk.does(people_verbs.lock_account, desk.accounts, second.id, by=actor_for(first))
    assert not desk.works(token)
    with pytest.raises(SignInRefused):
        desk.sign_in("admin-2", PASSWORD)
    with pytest.raises(Refusal):
        desk.does(people_verbs.lock_account, desk.accounts, first.id, by=actor_for(first))
    with pytest.raises(Refusal):
        desk.does(people_verbs.revoke, first.id, first.roles[0].id, by=actor_for(first), now=desk.clock.now)
    desk.does(people_verbs.unlock_account, second.id, by=actor_for(first))
    assert desk.sign_in("admin-2", PASSWORD)


def test_a_divided_role_needs_its_unit_or_district(desk, people):
    admin, other = actor_for(people.add("admin-1", "admin")), people.add("clerk", "finance")
    for role, scope, field in (
        ("department_staff", "", "unit"),
        ("department_staff", "7", "unit"),
        ("district_engineering", "11", "district"),
        ("finance", "7", "role"),
        ("nonsense", "", "role"),
    ):
        with pytest.raises(Refusal) as refused:
            desk.does(people_verbs.grant, other.id, by=admin, role=role, scope=scope, now=desk.clock.now)
        assert list(refused.value.errors) == [field]
    person = desk.does(
        people_verbs.grant, other.id, by=admin, role="district_engineering", scope="7", now=desk.clock.now
    )
    assert ("district_engineering", "7") in actor_for(person).scopes


@pytest.mark.rule("ACC-5")
def test_people_are_found_in_any_letters_and_digits(desk, people):
    admin = actor_for(people.add("admin-1", "admin"))
    people.add("12-30-01234", "inspector", first_name="علی", last_name="کریمی")
    for q in ("علي", "كريمي علی", "۰۱۲۳۴", "12-30"):
        page = desk.does(people_verbs.people_page, admin, q=q)
        assert [person.username for person in page.items] == ["12-30-01234"], q
    assert desk.does(people_verbs.people_page, admin, role="inspector").items
    assert not desk.does(people_verbs.people_page, admin, q="نیست").items


# Races


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What ``count`` threads that act at the same moment got, or the errors they met."""
    barrier, results = threading.Barrier(count), []

    def run(number: int) -> None:
        barrier.wait()
        try:
            results.append(act(number))
        except (Refusal, TooMany, SignInRefused) as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.rule("ACC-2")
def test_of_simultaneous_submissions_of_the_right_code_one_succeeds(desk):
    mark = desk.register()
    code = desk.code()
    results = at_once(8, lambda _number: desk.confirm(code, mark))
    assert sum(isinstance(result, Person) for result in results) == 1


@pytest.mark.rule("ACC-2")
def test_simultaneous_guesses_are_all_counted(desk):
    mark = desk.register()
    code = int(desk.code())
    guesses = [f"{(code + number) % 1_000_000:06d}" for number in range(1, 11)]
    results = at_once(10, lambda number: desk.confirm(guesses[number], mark))
    assert sum(isinstance(result, CodeRefused) for result in results) == 5
    assert desk.does(lambda session: session.scalar(select(VerificationCode.tries))) == 5


@pytest.mark.rule("ACC-2")
def test_simultaneous_registrations_send_one_code(desk):
    results = at_once(6, lambda _number: desk.register())
    assert sum(isinstance(result, str) for result in results) == 1
    assert len(desk.messages()) == 1
    assert desk.does(lambda session: session.scalar(select(func.count()).select_from(PendingRegistration))) == 1


def test_simultaneous_wrong_passwords_are_all_counted(desk):
    desk.registered()
    results = at_once(10, lambda _number: desk.sign_in(password="nonsense-123"))
    assert sum(isinstance(result, SignInRefused) for result in results) == 5
    assert sum(isinstance(result, TooMany) for result in results) == 5
