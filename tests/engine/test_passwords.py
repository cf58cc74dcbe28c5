"""The policy of passwords: ASVS 5 level 2, with what people here choose (ACC-3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.actor import actor_for
from engine.errors import Refusal
from engine.identity import passwords
from engine.identity import people as people_verbs
from engine.identity.accounts import FirstPasswordEnded, SignInRefused
from engine.identity.passwords import Owner, weakness
from engine.identity.people import NewAccount
from models import language
from tests.engine.desk import MOBILE, NEW_PASSWORD

OWNER = Owner("12-30-01660", MOBILE, ("علی", "کریمی", "Niloofar Gas"))


@pytest.mark.rule("ACC-3")
@pytest.mark.parametrize(
    "password",
    [
        "Kartabl1",
        "password2",
        "Password1!",
        "qwerty12345",
        "iran1357",
        "azadi1400",
        "sazman1405",
        "contractor4",
        "Kartabl-1405",
        "password1234",
        "P@ssw0rd2026!",
        "iran13571357",
        "TehranIran1405",
        "azadi1400azadi",
        "contractor1404",
        "contractor4contractor",
        "Mohammad1366Reza",
        "مهندس سازمان ۱۴۰۵",
        "سلام سلام سلام",
        "رمزعبور۱۴۰۵",
        "qwertyuiop12",
        "1qaz2wsx3edc",
        "motherfucker",  # leaked
        "Sojdlg123aljg",  # leaked, though no pattern
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "123456789012",
        "۱۲۳۴۵۶۷۸۹۰۱۲",
        "a" * 150,
    ],
)
def test_what_is_guessed_soon_is_refused_with_the_reason(password):
    reason = weakness(password, OWNER)
    assert reason is not None
    assert any(words in reason for words in ("حداقل ۱۲ کاراکتر", "قبلاً فاش شده", "به‌آسانی می‌توان حدس زد"))


@pytest.mark.parametrize(
    "password", ["12-30-01660-1405", "۰۹۱۲۳۴۵۶۷۸۹ ali", "علی کریمی ۱۳۷۰", "niloofar-gas-12", "NiloofarGas@1404"]
)
def test_a_password_of_ones_own_data_is_refused(password):
    assert weakness(password, OWNER) is not None
    assert weakness("kolah-qermez-1405", OWNER) is None


@pytest.mark.parametrize(
    "password",
    [
        "moon over karaj",
        "kolah-qermez-1405",
        "گربهٔ سیاه روی بام",
        "correct horse battery staple",
        "xkcd-4821-hfpq",
        "no digits and no capitals needed",
        "x7#kQ!pZw2$L",
        "a passphrase of many words " * 5,  # 135 signs
    ],
)
def test_long_passwords_of_any_signs_are_taken(password):
    assert weakness(password, OWNER) is None


def test_given_passwords_are_strong():
    assert all(weakness(passwords.initial(), OWNER) is None for _ in range(20))


def test_the_reason_is_in_the_language_of_the_reader():
    with language.reading("en"):
        assert "12 characters" in str(weakness("short", OWNER))


def test_the_list_of_leaked_passwords_is_longer_than_the_standard_asks():
    assert len(passwords._breached()) >= 3000
    assert all(len(one) >= passwords.MIN_LENGTH for one in passwords._breached())


@pytest.mark.rule("ACC-3")
def test_a_short_password_of_before_still_signs_in_and_cannot_be_chosen_again(desk):
    person = desk.registered()

    def as_it_was(session):
        session.merge(person).password_hash = passwords.hashed("shoes123")

    desk.does(as_it_was)
    assert desk.sign_in(password="shoes123")
    begun = desk.forgets()
    with pytest.raises(Refusal) as refused:
        desk.recovers(begun, desk.code(), "shoes123")
    assert list(refused.value.errors) == ["password"]
    assert desk.recovers(begun, desk.code(), NEW_PASSWORD)


@pytest.mark.both_databases("story")
@pytest.mark.rule("ACC-3")
def test_a_first_password_ends_after_three_days(desk, people):
    admin = actor_for(people.add("admin-1", "admin"))
    account = NewAccount("12-30-09999", "نیما", "فرجی", "", MOBILE, "engineer", "inspector", "")
    made, password = desk.does(people_verbs.create_account, desk.accounts, account, by=admin, now=desk.clock.now)
    desk.clock.advance(timedelta(hours=71))
    assert desk.sign_in("12-30-09999", password)
    desk.clock.advance(timedelta(hours=1))
    with pytest.raises(FirstPasswordEnded):
        desk.sign_in("12-30-09999", password)
    with pytest.raises(SignInRefused) as wrong:
        desk.sign_in("12-30-09999", "nonsense-123")
    assert not isinstance(wrong.value, FirstPasswordEnded)  # only whoever has it is told

    _person, password = desk.does(people_verbs.reset_password, desk.accounts, made.id, by=admin, now=desk.clock.now)
    assert desk.sign_in("12-30-09999", password)

    desk.clock.advance(timedelta(days=4))
    begun = desk.forgets("12-30-09999")
    person = desk.recovers(begun, desk.code())
    assert not person.must_change_password
    desk.clock.advance(timedelta(days=400))
    assert desk.sign_in("12-30-09999", NEW_PASSWORD)  # an own one has no end
