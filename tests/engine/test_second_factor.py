"""The second factor: what proves it, each code once, and guesses that stop nobody but who guesses."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from engine.errors import Refusal, TooMany
from engine.identity import second_factor
from engine.identity.accounts import PasswordRefused, SignInRefused
from engine.identity.second_factor import ProofRefused
from models.account import Message, Person, SignInSession
from models.second_factor import FactorKind, RecoveryCode, SecondFactor
from tests.engine.desk import SOON, Desk
from tests.play import PASSWORD

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Keeper:
    """A person with an account, and what they keep in their telephone."""

    def __init__(self, application: Any, clock: Any, people: Any, *, mobile: str | None = "09123456789") -> None:
        self.desk = Desk(application, clock)
        self.clock = clock
        self.factors, self.step = application.second_factors, application.second_step
        self.id = people.add("finance", "finance", mobile=mobile).id
        self.secret = ""
        self.recovery: list[str] = []

    def person(self, session: Any) -> Person:
        return session.get_one(Person, self.id)

    def does(self, verb: Any, *arguments: Any, **values: Any) -> Any:
        return self.desk.does(lambda session: verb(session, self.person(session), *arguments, **values))

    def enrols(self, kind: FactorKind = FactorKind.TOTP) -> Keeper:
        if kind is FactorKind.SMS:
            self.does(self.factors.send_code, address=HERE, now=self.clock.now)
            self.recovery = self.does(self.factors.enrol_sms, self.desk.code(), address=HERE, now=self.clock.now)
            return self
        offer = self.factors.offer(self.id)
        self.secret = self.factors.offered_secret(self.id, offer)
        self.recovery = self.does(self.factors.enrol_app, offer, self.code(), address=HERE, now=self.clock.now)
        self.clock.advance(timedelta(seconds=30))
        return self

    def code(self, *, steps: int = 0) -> str:
        totp = pyotp.TOTP(self.secret)
        return totp.generate_otp(totp.timecode(self.clock.now) + steps)

    def proves(self, code: str, *, address: str = HERE) -> None:
        self.does(self.factors.prove, code, address=address, now=self.clock.now)

    def gives_password(self) -> str:
        _person, token = self.desk.sign_in("finance", PASSWORD, address=HERE)
        return str(token)

    def finishes(self, token: str, code: str, *, address: str = HERE) -> str:
        return str(self.desk.does(self.step.finish, token, code, address=address, now=self.clock.now)[1])


@pytest.fixture
def keeper(application: Any, clock: Any, people: Any) -> Keeper:
    return Keeper(application, clock, people)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# The app's codes


@pytest.mark.both_databases("story")
def test_with_a_second_factor_the_password_opens_only_half_a_session(keeper: Keeper) -> None:
    whole = keeper.gives_password()
    assert keeper.desk.works(whole)
    keeper.enrols()
    half = keeper.gives_password()
    assert not keeper.desk.works(half)
    token = keeper.finishes(half, keeper.code())
    assert keeper.desk.works(token)
    assert token != half
    with pytest.raises(SignInRefused):
        keeper.finishes(half, keeper.code(steps=1))  # it has ended


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_telephones_clock_may_be_one_step_off(keeper: Keeper, steps: int, right: bool) -> None:
    keeper.enrols()
    keeper.clock.advance(timedelta(minutes=5))
    if right:
        keeper.proves(keeper.code(steps=steps))
    else:
        with pytest.raises(ProofRefused):
            keeper.proves(keeper.code(steps=steps))


def test_a_code_works_once_and_so_does_the_one_before_it(keeper: Keeper) -> None:
    keeper.enrols()
    code, before = keeper.code(), keeper.code(steps=-1)
    keeper.proves(code)
    for used in (code, before):
        with pytest.raises(ProofRefused):
            keeper.proves(used)
    keeper.clock.advance(timedelta(seconds=30))
    keeper.proves(keeper.code())


@pytest.mark.both_databases("locking")
def test_of_the_same_code_at_the_same_time_one_counts(keeper: Keeper) -> None:
    keeper.enrols()
    for code in (keeper.code(), keeper.recovery[0]):

        def proved(_n: int, code: str = code) -> bool:
            try:
                keeper.proves(code)
            except ProofRefused:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(proved, range(4))) == [False, False, False, True]


@pytest.mark.both_databases("locking")
def test_the_same_enrolment_at_the_same_time_makes_one_set_of_codes(keeper: Keeper) -> None:
    offer = keeper.factors.offer(keeper.id)
    keeper.secret = keeper.factors.offered_secret(keeper.id, offer)
    code = keeper.code()

    def enrolled(_n: int) -> list[str]:
        try:
            return list(keeper.does(keeper.factors.enrol_app, offer, code, address=HERE, now=keeper.clock.now))
        except Refusal:
            return []

    with ThreadPoolExecutor(3) as pool:
        sets = [codes for codes in pool.map(enrolled, range(3)) if codes]
    assert len(sets) == 1
    keeper.proves(sets[0][9])


def test_digits_of_any_keyboard_and_spaces_are_taken(keeper: Keeper) -> None:
    keeper.enrols()
    code = keeper.code().translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    keeper.proves(f" {code[:3]} {code[3:]} ")


def test_the_secret_is_encrypted_and_opens_for_nobody_else(keeper: Keeper) -> None:
    keeper.enrols()
    stored = keeper.desk.does(lambda session: session.get_one(SecondFactor, keeper.id).secret)
    assert keeper.secret not in stored
    seal = keeper.factors._seal
    assert seal.opened(stored, str(keeper.id)) == keeper.secret
    assert seal.opened(stored, str(keeper.id + 1)) is None
    other = second_factor.SecondFactors("another-key-9Xw2", lambda: keeper.clock.now)
    assert other._seal.opened(stored, str(keeper.id)) is None


def test_an_offer_is_one_persons_and_ends(keeper: Keeper) -> None:
    offer = keeper.factors.offer(keeper.id)
    assert keeper.factors.offered_secret(keeper.id + 1, offer) is None
    assert keeper.factors.offered_secret(keeper.id, offer[:-4] + "AAAA") is None
    assert keeper.factors.offered_secret(keeper.id, "no offer") is None
    keeper.clock.advance(second_factor.OFFER_LIVES)
    assert keeper.factors.offered_secret(keeper.id, offer) is None
    with pytest.raises(Refusal):
        keeper.does(keeper.factors.enrol_app, offer, "123456", address=HERE, now=keeper.clock.now)


# Recovery codes


@pytest.mark.both_databases("story")
def test_each_recovery_code_works_once_and_new_ones_replace_all(keeper: Keeper) -> None:
    keeper.enrols()
    assert len(set(keeper.recovery)) == 10
    stored = keeper.desk.does(lambda session: list(session.scalars(select(RecoveryCode.code_hash))))
    assert not any(code.replace("-", "") in "".join(stored) for code in keeper.recovery)
    keeper.proves(keeper.recovery[0].upper().replace("-", " "))
    with pytest.raises(ProofRefused):
        keeper.proves(keeper.recovery[0])
    state = keeper.desk.does(second_factor.state, keeper.id)
    assert (state.kind, state.left) == (FactorKind.TOTP, 9)
    fresh = keeper.does(keeper.factors.new_recovery_codes, address=HERE)
    with pytest.raises(ProofRefused):
        keeper.proves(keeper.recovery[1])
    keeper.proves(fresh[0])


# SMS


@pytest.mark.rule("ACC-2")
@pytest.mark.both_databases("story")
def test_codes_by_sms(keeper: Keeper) -> None:
    keeper.enrols(FactorKind.SMS)
    enrolled_by = keeper.desk.code()
    half = keeper.gives_password()
    assert keeper.desk.does(keeper.step.begin, half, address=HERE, now=keeper.clock.now) is FactorKind.SMS
    assert keeper.desk.code() == enrolled_by  # the next may be asked for after a minute
    keeper.clock.advance(SOON)
    keeper.desk.does(keeper.step.send_code, half, address=HERE, now=keeper.clock.now)
    assert keeper.desk.code() != enrolled_by
    with pytest.raises(ProofRefused):
        keeper.finishes(half, enrolled_by)
    assert keeper.desk.works(keeper.finishes(half, keeper.desk.code()))


@pytest.mark.rule("ACC-2")
def test_an_sms_code_ends_and_is_of_one_account_though_two_have_the_mobile(
    keeper: Keeper, application: Any, people: Any
) -> None:
    keeper.enrols(FactorKind.SMS)
    keeper.clock.advance(SOON)
    other = people.add("payments", "finance", mobile="09123456789").id
    keeper.does(keeper.factors.send_code, address=HERE, now=keeper.clock.now)
    code = keeper.desk.code()
    with pytest.raises(Refusal):
        keeper.desk.does(
            lambda session: keeper.factors.enrol_sms(
                session, session.get_one(Person, other), code, address=HERE, now=keeper.clock.now
            )
        )
    keeper.clock.advance(timedelta(minutes=2))
    with pytest.raises(ProofRefused):
        keeper.proves(code)


def test_without_a_mobile_there_are_no_codes_by_sms(application: Any, clock: Any, people: Any) -> None:
    keeper = Keeper(application, clock, people, mobile=None)
    with pytest.raises(Refusal):
        keeper.does(keeper.factors.send_code, address=HERE, now=clock.now)


# Guesses


def test_guesses_are_stopped_for_the_address_and_not_for_the_person(keeper: Keeper) -> None:
    keeper.enrols()
    for _n in range(5):
        with pytest.raises(ProofRefused):
            keeper.proves(wrong(keeper.code()), address=THERE)
    with pytest.raises(TooMany):
        keeper.proves(keeper.code(), address=THERE)
    keeper.proves(keeper.code(), address=HERE)


def test_many_addresses_together_leave_the_recovery_codes_to_their_owner(keeper: Keeper) -> None:
    keeper.enrols()
    for n in range(50):
        with pytest.raises(ProofRefused):
            keeper.proves(wrong(keeper.code()), address=f"203.0.113.{n}")
    with pytest.raises(TooMany):
        keeper.proves(keeper.code())
    keeper.proves(keeper.recovery[0])


def test_who_does_not_know_the_password_uses_no_tries_up(keeper: Keeper) -> None:
    keeper.enrols()
    for n in range(20):
        with pytest.raises((SignInRefused, TooMany)):
            keeper.desk.sign_in("finance", "wrong-password", address=f"203.0.113.{n}")
        with pytest.raises(SignInRefused):
            keeper.finishes("no-token", keeper.code(), address=THERE)
    keeper.finishes(keeper.gives_password(), keeper.code())


def test_the_person_is_told_once_a_day_that_somebody_guesses(keeper: Keeper) -> None:
    keeper.enrols()
    for address in (HERE, THERE):
        for _n in range(5):
            with pytest.raises(ProofRefused):
                keeper.proves(wrong(keeper.code()), address=address)
    bodies = keeper.desk.does(lambda session: list(session.scalars(select(Message.body).order_by(Message.id))))
    assert len(bodies) == 2  # the first one tells of the enrolment
    assert re.search("رمز عبورتان را تغییر دهید", bodies[1])


# Half sessions


def test_a_half_session_ends_after_ten_minutes_and_with_the_account(keeper: Keeper) -> None:
    keeper.enrols()
    half = keeper.gives_password()
    keeper.clock.advance(timedelta(minutes=10))
    with pytest.raises(SignInRefused):
        keeper.finishes(half, keeper.code())
    half = keeper.gives_password()
    keeper.does(lambda session, person: setattr(person, "active", False))
    with pytest.raises(SignInRefused):
        keeper.finishes(half, keeper.code())


# Confirming


@pytest.mark.both_databases("story")
def test_a_session_is_confirmed_by_the_password_or_the_second_factor(
    keeper: Keeper, application: Any, people: Any
) -> None:
    confirmation, clock = application.confirmation, keeper.clock
    keeper.enrols()
    token = keeper.finishes(keeper.gives_password(), keeper.code())

    def counts() -> bool:
        stored = keeper.desk.does(lambda session: session.scalars(select(SignInSession.confirmed_at)).all())
        return confirmation.counts(max(moment for moment in stored if moment), now=clock.now)

    assert counts()
    clock.advance(timedelta(minutes=15))
    assert not counts()
    with pytest.raises(PasswordRefused):
        keeper.desk.does(_confirm, confirmation, token, keeper.id, password="wrong-one", now=clock.now)
    assert not counts()
    keeper.desk.does(_confirm, confirmation, token, keeper.id, password=PASSWORD, now=clock.now)
    assert counts()
    clock.advance(timedelta(minutes=15))
    keeper.desk.does(_confirm, confirmation, token, keeper.id, code=keeper.code(), now=clock.now)
    assert counts()


def _confirm(session: Any, confirmation: Any, token: str, person_id: int, **given: Any) -> None:
    confirmation.confirm(session, token, session.get_one(Person, person_id), address=HERE, **given)
