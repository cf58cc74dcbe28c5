"""Registration, codes, sign-in, sessions and passwords (ACC-1, ACC-2, ACC-3, ACC-5)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.actor import actor_for
from engine.errors import Refusal, TooMany
from engine.identity import people as people_verbs
from engine.identity.accounts import PasswordRefused, SignInRefused, fold_username
from engine.identity.people import NewAccount
from engine.identity.verification_codes import CodeRefused
from models.account import Person, SignInSession, VerificationCode
from tests.engine.desk import MOBILE, NEW_PASSWORD, OWN_PASSWORD, SOON, wrong
from tests.play import PASSWORD

# Registering


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-1")
def test_an_account_works_only_after_its_code_was_typed(desk):
    mark = desk.register()
    assert desk.person() is None
    with pytest.raises(SignInRefused):
        desk.sign_in()
    opened = desk.confirm(desk.code(), mark)
    assert (opened.name, [grant.role for grant in opened.roles]) == ("سارا مرادی", ["citizen"])
    _person, token = desk.sign_in()
    assert desk.works(token)


@pytest.mark.rule("ACC-2")
def test_codes_are_random_and_kept_only_as_hashes(desk):
    codes = set()
    for number in range(5):
        desk.register(mobile=f"0912345678{number}", address=f"192.0.2.{number}")
        codes.add(desk.code())
    assert len(codes) >= 4
    rows = desk.does(lambda session: list(session.scalars(select(VerificationCode))))
    assert all(len(row.code_hash) == 64 and not any(code in row.code_hash[:7] for code in codes) for row in rows)
    assert all(message.secret for message in desk.messages())


@pytest.mark.rule("ACC-2")
def test_a_code_lives_two_minutes(desk):
    mark = desk.register()
    desk.clock.advance(timedelta(minutes=2))
    with pytest.raises(Refusal):
        desk.confirm(desk.code(), mark)

    desk.registers_again(mark)
    desk.clock.advance(timedelta(minutes=1, seconds=59))
    assert desk.confirm(desk.code(), mark).active


@pytest.mark.both_databases("saving")
@pytest.mark.rule("ACC-2")
def test_a_code_allows_five_tries_and_the_wrong_ones_stay_counted(desk):
    mark = desk.register()
    code = desk.code()
    for _ in range(5):
        with pytest.raises(CodeRefused):
            desk.confirm(wrong(code), mark)
    with pytest.raises(Refusal, match="پنج بار"):
        desk.confirm(code, mark)
    assert desk.person() is None


@pytest.mark.rule("ACC-2")
def test_a_new_code_can_be_asked_for_after_sixty_seconds_and_ends_the_old_one(desk):
    mark = desk.register()
    old = desk.code()
    with pytest.raises(TooMany) as refused:
        desk.registers_again(mark)
    assert 0 < refused.value.retry_after <= 61
    desk.clock.advance(timedelta(seconds=60))
    desk.registers_again(mark)
    new = desk.code()
    if old != new:
        with pytest.raises(CodeRefused):
            desk.confirm(old, mark)
    assert desk.confirm(new, mark).active


@pytest.mark.rule("ACC-2")
def test_a_code_works_once(desk):
    mark = desk.register()
    desk.confirm(desk.code(), mark)
    with pytest.raises(Refusal):
        desk.confirm(desk.code(), mark)


@pytest.mark.rule("ACC-2")
def test_codes_of_one_mobile_and_of_one_address_are_limited(desk):
    for _ in range(5):
        desk.register()
        desk.clock.advance(SOON)
    with pytest.raises(TooMany):
        desk.register()

    for number in range(15):
        desk.register(mobile=f"09350000{number:03d}")
    with pytest.raises(TooMany):
        desk.register(mobile="09350000999")
    desk.register(mobile="09350000999", address="192.0.2.9")


def test_registering_a_known_mobile_sends_no_code_and_answers_alike(desk):
    desk.registered()
    mark = desk.register(password="stolen by a stranger")
    assert re.fullmatch("[0-9a-f]{64}", mark)
    assert not re.search(r"\d{6}", desk.messages()[-1].text)
    with pytest.raises(Refusal):
        desk.confirm("000000", mark)
    assert desk.sign_in()[0].username == MOBILE


def test_nobody_elses_password_is_confirmed_by_the_owners_code(desk):
    own = desk.register(password="words of my own here")
    code = desk.code()
    stolen = desk.register(password="stolen by a stranger", address="192.0.2.66")  # does not get the code
    with pytest.raises(Refusal):
        desk.confirm(code, stolen)
    desk.confirm(code, own)  # and the stranger's registration has not ended this one
    assert desk.sign_in(password="words of my own here")
    with pytest.raises(Refusal):
        desk.confirm(desk.code(), stolen)
    assert desk.sign_in(password="words of my own here")


def test_a_locked_account_is_not_opened_by_registering_anew(desk, people):
    admin = actor_for(people.add("admin-1", "admin"))
    person = desk.registered()
    desk.does(people_verbs.lock_account, desk.accounts, person.id, by=admin)
    mark = desk.register()
    with pytest.raises(Refusal):
        desk.confirm("123456", mark)
    assert desk.person().active is False


def test_an_account_of_the_organisation_is_not_shut_by_registering_its_mobile(desk, people):
    people.add(MOBILE, "citizen", mobile=MOBILE)
    desk.register(password="stolen by a stranger")
    assert desk.sign_in(password=PASSWORD)[0].active


@pytest.mark.parametrize(
    "password", ["short", "123456789012", "۱۲۳۴۵۶۷۸۹۰۱۲", "a" * 12, "Password1!", MOBILE, "۰۹۱۲۳۴۵۶۷۸۹", "x" * 201]
)
def test_a_password_that_is_easily_guessed_is_refused(desk, password):
    with pytest.raises(Refusal) as refused:
        desk.register(password=password)
    assert list(refused.value.errors) == ["password"]
    assert desk.person() is None


# Signing in


@pytest.mark.rule("ACC-2")
def test_five_wrong_passwords_are_enough_and_lock_nobody_else_out(desk):
    desk.registered()
    for _ in range(5):
        with pytest.raises(SignInRefused):
            desk.sign_in(password="nonsense-123")
    with pytest.raises(TooMany):
        desk.sign_in()
    assert desk.sign_in(address="192.0.2.2")[0].username == MOBILE  # the owner, elsewhere
    desk.clock.advance(timedelta(minutes=15))
    assert desk.sign_in()[0].username == MOBILE


@pytest.mark.both_databases("search")
def test_one_address_cannot_try_many_accounts(desk):
    for number in range(60):
        with pytest.raises(SignInRefused):
            desk.sign_in(f"person-{number}", "nonsense-123")
    with pytest.raises(TooMany):
        desk.sign_in("person-60", "nonsense-123")


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("۱۲-۳۰-٠١٢٣٤", "12-30-01234"),
        (" 12–30–01234M ", "12-30-01234m"),
        ("۰۹۱۲۳۴۵۶۷۸۹", MOBILE),
        ("+98 912 345 6789", MOBILE),
        ("9123456789", MOBILE),
        ("Unit-IT", "unit-it"),
        ("989-12-34567", "989-12-34567"),
    ],
)
def test_user_names_have_one_form(typed, stored):
    assert fold_username(typed) == stored


@pytest.mark.rule("ACC-5")
def test_a_password_is_the_same_in_any_digits(desk):
    mark = desk.register(password="گربهٔ سیاه ۱۲۳")
    desk.confirm(desk.code(), mark)
    assert desk.sign_in(password="گربهٔ سیاه 123")
    assert desk.sign_in(password="گربهٔ سیاه ١٢٣")


def test_a_session_ends_after_idling_and_at_the_latest_after_half_a_day(desk):
    desk.registered()
    _person, token = desk.sign_in()
    for _ in range(25):
        desk.clock.advance(timedelta(minutes=28))
        assert desk.works(token)
    desk.clock.advance(timedelta(minutes=30))
    assert not desk.works(token)

    _person, token = desk.sign_in()
    for _ in range(26):
        desk.clock.advance(timedelta(minutes=28))
    assert not desk.works(token)


def test_a_token_is_kept_only_as_a_hash(desk):
    desk.registered()
    _person, token = desk.sign_in()
    hashes = desk.does(lambda session: list(session.scalars(select(SignInSession.token_hash))))
    assert token not in hashes
    assert all(len(one) == 64 for one in hashes)


# Passwords


@pytest.mark.rule("ACC-3")
def test_changing_the_password_ends_every_other_session(desk):
    person = desk.registered()
    _person, here = desk.sign_in()
    _person, elsewhere = desk.sign_in()

    def change(session: Any, old: str, new: str) -> None:
        own = session.get_one(Person, person.id)
        desk.accounts.change_password(session, own, old=old, new=new, keep=here, now=desk.clock.now)

    with pytest.raises(PasswordRefused):
        desk.does(change, "nonsense-123", NEW_PASSWORD)
    with pytest.raises(Refusal):
        desk.does(change, OWN_PASSWORD, OWN_PASSWORD)
    desk.does(change, OWN_PASSWORD, NEW_PASSWORD)
    assert desk.works(here)
    assert not desk.works(elsewhere)
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-3")
def test_the_present_password_cannot_be_guessed_with_a_stolen_session(desk):
    person = desk.registered()

    def change(session: Any) -> None:
        own = session.get_one(Person, person.id)
        desk.accounts.change_password(session, own, old="guess-123", new=NEW_PASSWORD, keep=None, now=desk.clock.now)

    for _ in range(5):
        with pytest.raises(PasswordRefused):
            desk.does(change)
    with pytest.raises(TooMany):
        desk.does(change)


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-3")
def test_a_forgotten_password_is_recovered_by_code(desk):
    desk.registered()
    _person, token = desk.sign_in()
    begun = desk.forgets("۰۹۱۲ ۳۴۵ ۶۷۸۹")
    assert begun.username == MOBILE
    with pytest.raises(CodeRefused):
        desk.recovers(begun, wrong(desk.code()))
    desk.recovers(begun, desk.code())
    assert not desk.works(token)
    assert desk.sign_in(password=NEW_PASSWORD)
    with pytest.raises(SignInRefused):
        desk.sign_in()
    with pytest.raises(Refusal):
        desk.recovers(begun, desk.code())  # a code works once


@pytest.mark.rule("ACC-3")
def test_a_right_code_leaves_time_for_another_password(desk):
    desk.registered()
    begun = desk.forgets()
    with pytest.raises(Refusal) as weak:
        desk.recovers(begun, desk.code(), "short")
    assert list(weak.value.errors) == ["password"]
    desk.clock.advance(timedelta(minutes=9))
    desk.recovers(begun, desk.code())
    assert desk.sign_in(password=NEW_PASSWORD)


@pytest.mark.rule("ACC-2", "ACC-3")
def test_recovery_tells_nothing_of_who_has_an_account(desk):
    desk.registered()
    sent = len(desk.messages())
    told = []
    for username in (MOBILE, "09120000000"):
        begun = desk.forgets(username)
        assert begun.username == username
        with pytest.raises(TooMany) as early:
            desk.forgets(username)
        answers = [early.value.retry_after]
        for password in [NEW_PASSWORD] * 5 + ["short", MOBILE]:  # the code is looked at first
            with pytest.raises(Refusal) as refused:
                desk.recovers(begun, "000000" if desk.code() != "000000" else "111111", password)
            answers += [refused.value.errors, refused.value.keeps_changes]
        desk.clock.advance(timedelta(minutes=3))
        with pytest.raises(Refusal) as late:
            desk.recovers(begun, desk.code())
        told.append([*answers, late.value.errors])
        desk.clock.advance(timedelta(minutes=-3))
    assert told[0] == told[1]
    assert len(desk.messages()) == sent + 1


@pytest.mark.rule("ACC-3")
def test_an_account_of_the_organisation_begins_with_a_password_to_be_changed(desk, people):
    admin = actor_for(people.add("admin-1", "admin"))
    account = NewAccount("12-30-09999", "نیما", "فرجی", "", MOBILE, "engineer", "inspector", "")
    made, password = desk.does(people_verbs.create_account, desk.accounts, account, by=admin, now=desk.clock.now)
    person, _token = desk.sign_in("۱۲-۳۰-۰۹۹۹۹", password)
    assert (person.id, person.must_change_password) == (made.id, True)
