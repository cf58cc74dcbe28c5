"""Strangers neither keep anybody from their account nor learn who has one (ACC-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from engine.errors import Refusal, TooMany
from engine.identity import devices
from engine.identity.accounts import SignInRefused
from engine.identity.verification_codes import CodeRefused
from tests.engine.desk import ADDRESS, MOBILE, NEW_PASSWORD, OWN_PASSWORD, SOON, wrong

DEVICE = devices.new_token()
UNKNOWN = "09120000000"
STRANGERS = [f"198.51.100.{number}" for number in range(1, 60)]


def refused(verb: Callable[..., Any], *arguments: Any, **values: Any) -> bool:
    try:
        verb(*arguments, **values)
    except (TooMany, Refusal, SignInRefused):
        return True
    return False


# Nobody is kept from their account


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-2", "ACC-3")
def test_registrations_by_strangers_leave_recovery_open(desk):
    desk.registered()
    for address in STRANGERS[:5]:
        desk.register(address=address, password="stolen by a stranger")
        desk.clock.advance(SOON)
    begun = desk.forgets()
    desk.recovers(begun, desk.code())
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-2", "ACC-3")
def test_recoveries_by_strangers_leave_room_for_the_owner(desk):
    desk.registered()
    stranger = STRANGERS[0]
    while not refused(desk.forgets, address=stranger):
        desk.clock.advance(SOON)
    begun = desk.forgets()
    desk.recovers(begun, desk.code())
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-2", "ACC-3")
def test_on_a_device_of_the_account_recovery_is_open_whatever_strangers_do(desk):
    desk.registered()
    desk.sign_in(device=DEVICE)
    for address in [ADDRESS, *STRANGERS] * 2:
        refused(desk.forgets, address=address)
    for number in range(25):  # and whoever shares the network's address
        refused(desk.forgets, f"0935000{number:04d}")
    with pytest.raises(TooMany):
        desk.forgets(address="203.0.113.9")
    begun = desk.forgets(device=DEVICE)
    desk.recovers(begun, desk.code())
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-2")
def test_codes_of_strangers_come_once_an_hour_after_ten_and_never_end(desk):
    desk.registered()
    for address in STRANGERS[:10]:
        desk.forgets(address=address)
    with pytest.raises(TooMany) as late:
        desk.forgets()
    assert late.value.retry_after <= 3601
    desk.clock.advance(timedelta(seconds=late.value.retry_after))
    begun = desk.forgets()
    desk.recovers(begun, desk.code())
    with pytest.raises(TooMany):
        desk.forgets(address=STRANGERS[20])


@pytest.mark.rule("ACC-2", "ACC-3")
def test_a_stranger_neither_ends_the_owners_code_nor_uses_up_its_attempts(desk):
    desk.registered()
    begun = desk.forgets()
    code = desk.code()
    theirs = desk.forgets(address=STRANGERS[0])
    for _ in range(5):
        with pytest.raises(CodeRefused):
            desk.recovers(theirs, wrong(desk.code()))
    with pytest.raises(Refusal):
        desk.recovers(theirs, code)  # the owner's code is of no use in another browser
    desk.recovers(begun, code)
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-1", "ACC-2")
def test_a_stranger_neither_ends_a_registration_nor_its_code(desk):
    own = desk.register()
    code = desk.code()
    theirs = desk.register(address=STRANGERS[0], password="stolen by a stranger")
    for _ in range(5):
        refused(desk.confirm, wrong(desk.code()), theirs)
    desk.confirm(code, own)
    assert desk.sign_in()


@pytest.mark.rule("ACC-2")
def test_wrong_passwords_of_a_stranger_lock_nobody_out(desk):
    desk.registered()
    desk.sign_in(device=DEVICE)
    for address in [ADDRESS] * 70 + STRANGERS:
        refused(desk.sign_in, password="nonsense-123", address=address)
        refused(desk.sign_in, f"nobody-{address}", "nonsense-123")
    assert refused(desk.sign_in)  # the address is shared with the stranger …
    assert desk.sign_in(device=DEVICE)  # … and the owner's browser is known
    assert desk.sign_in(address="203.0.113.9")  # so is their password elsewhere
    for _ in range(5):
        assert refused(desk.sign_in, password="nonsense-123", device=DEVICE)
    with pytest.raises(TooMany):  # a known browser guesses no further either
        desk.sign_in(device=DEVICE)


def test_a_device_is_known_to_its_own_accounts_only(desk):
    desk.registered()
    desk.registered("09350000001")
    desk.sign_in(device=DEVICE)
    for username, expected in ((MOBILE, True), ("09350000001", False), (UNKNOWN, False)):
        assert (desk.does(devices.known, username, DEVICE) is not None) is expected
    assert desk.does(devices.known, MOBILE, None) is None
    assert desk.does(devices.known, MOBILE, devices.new_token()) is None


# Nobody learns who is registered


@contextmanager
def statements(desk: Any) -> Iterator[list[str]]:
    """The SQL that runs meanwhile: without values, so the shape of the work and not whom it is about."""
    ran: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        ran.append(statement)

    event.listen(desk.application.database, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(desk.application.database, "before_cursor_execute", note)


def work(desk: Any, verb: Callable[..., Any], *arguments: Any, **values: Any) -> tuple[list[str], str]:
    with statements(desk) as ran:
        try:
            verb(*arguments, **values)
            answer = "done"
        except (TooMany, SignInRefused) as error:
            answer = type(error).__name__
        except Refusal as error:
            answer = f"{error.errors} {error.keeps_changes}"
    return ran, answer


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-2", "ACC-3")
def test_known_and_unknown_names_cost_the_same_work_and_get_the_same_answer(desk):
    desk.registered()
    desk.clock.advance(timedelta(days=2))
    attempts: dict[str, list[Any]] = {MOBILE: [], UNKNOWN: []}
    for mobile, seen in attempts.items():
        begun = desk.forgets(mobile, address=f"192.0.2.{len(mobile)}")
        desk.clock.advance(SOON)
        seen.append(work(desk, desk.forgets, mobile))
        seen.append(work(desk, desk.forgets, mobile))  # too early
        desk.clock.advance(SOON)
        seen.append(work(desk, desk.forgets, mobile))
        for code in ["999999"] * 7:
            seen.append(work(desk, desk.recovers, begun, code))
        seen.append(work(desk, desk.sign_in, mobile, "nonsense-123"))
        seen.append(work(desk, desk.register, mobile=mobile))
        mark = desk.register(mobile=mobile, address="192.0.2.77")
        for code in ["999999"] * 7:
            seen.append(work(desk, desk.confirm, code, mark))
        desk.clock.advance(timedelta(days=2))
    assert len(attempts[MOBILE]) == 19
    for known, unknown in zip(attempts[MOBILE], attempts[UNKNOWN], strict=True):
        assert known == unknown


@pytest.mark.rule("ACC-2", "ACC-3")
def test_limits_hold_back_codes_for_known_and_unknown_alike(desk):
    desk.registered()
    desk.clock.advance(timedelta(days=2))
    waits = []
    for mobile in (MOBILE, UNKNOWN):
        counted = 0
        for number in range(20):
            if refused(desk.forgets, mobile, address=f"198.51.{len(waits)}.{number}"):
                break
            counted += 1
        with pytest.raises(TooMany) as late:
            desk.forgets(mobile)
        waits.append((counted, late.value.retry_after))
    assert waits == [(10, waits[0][1])] * 2


@pytest.mark.rule("ACC-3")
def test_the_code_is_looked_at_before_the_password_and_the_account(desk, people):
    people.add("finance", "finance", mobile="09130000001")
    begun = desk.forgets("finance")
    answers = set()
    for password in ("09130000001", "09130000002", "finance", "short", OWN_PASSWORD):
        with pytest.raises(Refusal) as guess:
            desk.recovers(begun, wrong(desk.code()), password)
        answers.add(str(guess.value.errors))
    assert len(answers) == 1
