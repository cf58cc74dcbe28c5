"""What is signed is proved by its key, and not one character of it can be changed (CNF-3)."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from models.account import Person
from models.inspection import SigningKey
from workflows.certificates import signing_keys
from workflows.certificates.signed_text import (
    Signed,
    certificate_number,
    check_code,
    digest_of,
    find_signed,
    read_certificate_number,
    read_code,
)

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
SECRET = "s" * 32
FACTS = {"number": "9-1405-000012-4", "meters": [{"number": 1, "meter_class": "G4"}]}
SIGNS = string.ascii_letters + string.digits + "-_.~ ۱"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    database = create_engine("sqlite://")
    SigningKey.__table__.create(database)  # type: ignore[attr-defined]
    Person.__table__.create(database)  # type: ignore[attr-defined]  # the lock of one at a time reads it
    with Session(database) as opened:
        yield opened
    database.dispose()


@pytest.fixture
def fresh(session: Session) -> Session:
    session.query(SigningKey).delete()
    return session


def sign(session: Session, *, at: datetime = NOW, project: str = "1405-000457-3") -> Signed:
    key = signing_keys.signing_key(session, secret_key=SECRET, now=at)
    text = Signed(certificate_number(12, at), project, at.date(), key.id, digest_of(FACTS))
    return Signed(**vars(text) | {"signature": signing_keys.sign(key, text.payload, secret_key=SECRET)})


@pytest.mark.rule("CNF-3")
def test_what_was_signed_is_proved_by_the_published_key_alone(fresh: Session) -> None:
    signed = sign(fresh)
    published = json.dumps(signing_keys.published(signing_keys.public_keys(fresh).values()))

    found = find_signed(f"https://kartabl.example/verify/{signed.number}?s={signed.text}")

    assert found == signed
    assert found.proved_by(signing_keys.read_published(published))


@pytest.mark.rule("CNF-3")
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_changed_character_of_payload_or_signature_is_refused(session: Session, data: st.DataObject) -> None:
    signed = sign(session)
    keys = signing_keys.public_keys(session)
    place = data.draw(st.integers(0, len(signed.text) - 1))
    other = data.draw(st.sampled_from(SIGNS).filter(lambda sign: sign != signed.text[place]))
    changed = signed.text[:place] + other + signed.text[place + 1 :]

    found = find_signed(changed)

    assert found is None or not found.proved_by(keys)


@pytest.mark.rule("CNF-3")
def test_the_last_sign_has_one_spelling_only(fresh: Session) -> None:
    """Base64 of 64 bytes leaves four bits over: other signs there would mean the same bytes."""
    signed, keys = sign(fresh), signing_keys.public_keys(fresh)
    for last in string.ascii_letters + string.digits + "-_":
        found = find_signed(signed.text[:-1] + last)
        assert found is not None
        assert found.proved_by(keys) == (last == signed.text[-1])


@pytest.mark.rule("CNF-3")
@given(text=st.text(max_size=400))
@settings(max_examples=200)
def test_no_text_whatever_is_taken_for_a_signed_one(text: str) -> None:
    assert find_signed(text) is None


@pytest.mark.rule("CNF-3")
def test_another_organisations_key_proves_nothing(fresh: Session) -> None:
    ours = sign(fresh)
    our_keys = signing_keys.public_keys(fresh)
    fresh.query(SigningKey).delete()
    theirs = sign(fresh)

    assert not theirs.proved_by(our_keys)
    assert not Signed(**vars(theirs) | {"key_id": ours.key_id}).proved_by(our_keys)


@pytest.mark.rule("CNF-3")
def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_proves(fresh: Session) -> None:
    before = sign(fresh)
    signing_keys.rotate(fresh, secret_key=SECRET, now=NOW + timedelta(days=1))
    after = sign(fresh, at=NOW + timedelta(days=2))
    keys = signing_keys.public_keys(fresh)

    assert before.key_id != after.key_id
    assert before.proved_by(keys)
    assert after.proved_by(keys)
    assert [key.retired is None for key in keys.values()] == [False, True]


@pytest.mark.rule("CNF-3")
def test_a_retired_key_proves_nothing_that_is_dated_after_it(fresh: Session) -> None:
    """Whoever finds an old key cannot sign with it what is said to be of today."""
    old = signing_keys.signing_key(fresh, secret_key=SECRET, now=NOW)
    signing_keys.rotate(fresh, secret_key=SECRET, now=NOW + timedelta(days=1))
    text = Signed("9-1405-000012-4", "1405-000457-3", date(2026, 12, 1), old.id, digest_of(FACTS))
    forged = Signed(**vars(text) | {"signature": signing_keys.sign(old, text.payload, secret_key=SECRET)})

    assert not forged.proved_by(signing_keys.public_keys(fresh))


def test_the_first_key_is_made_at_first_need_and_then_stays(fresh: Session) -> None:
    assert signing_keys.keys(fresh) == []
    first = signing_keys.signing_key(fresh, secret_key=SECRET, now=NOW)
    assert signing_keys.signing_key(fresh, secret_key=SECRET, now=NOW + timedelta(days=9)) is first


def test_private_keys_are_not_readable_without_the_secret_key_of_the_installation(fresh: Session) -> None:
    key = signing_keys.signing_key(fresh, secret_key=SECRET, now=NOW)
    raw = signing_keys.decode(key.public_key)
    assert raw is not None
    with pytest.raises(signing_keys.KeyUnreadable, match="keys rotate"):
        signing_keys.sign(key, "text", secret_key="t" * 32)

    other = signing_keys.rotate(fresh, secret_key="t" * 32, now=NOW)
    assert signing_keys.sign(other, "text", secret_key="t" * 32)

    stolen = SigningKey(id=other.id, public_key=other.public_key, private_key=key.private_key, created_at=NOW)
    with pytest.raises(signing_keys.KeyUnreadable):  # a private key moved to another row opens nothing
        signing_keys.sign(stolen, "text", secret_key=SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"keys": [1]}',
        '{"keys": [{"kty": "RSA"}]}',
        "[" * 5000,
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "AAAA", "created": "2026-01-01"}]}',
    ],
)
def test_a_file_that_is_no_set_of_keys_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        signing_keys.read_published(text)


def test_a_published_key_under_the_id_of_another_is_refused(fresh: Session) -> None:
    signing_keys.signing_key(fresh, secret_key=SECRET, now=NOW)
    published = signing_keys.published(signing_keys.public_keys(fresh).values())
    published["keys"][0]["kid"] = "AAAAAAAA"
    with pytest.raises(ValueError, match="id of another key"):
        signing_keys.read_published(json.dumps(published))


# Numbers and codes


@given(count=st.integers(1, 10**9), data=st.data())
def test_a_wrong_digit_of_a_number_is_noticed(count: int, data: st.DataObject) -> None:
    number = certificate_number(count, NOW)
    assert read_certificate_number(number) == number
    assert (
        read_certificate_number(number.replace("-", " ").translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))) == number
    )

    place = data.draw(st.sampled_from([at for at, sign in enumerate(number) if sign != "-"]))
    other = data.draw(st.sampled_from([digit for digit in string.digits if digit != number[place]]))
    assert read_certificate_number(number[:place] + other + number[place + 1 :]) is None


def test_a_projects_number_is_never_a_certificates() -> None:
    assert read_certificate_number("1405-000457-3") is None


@given(signature=st.text(min_size=1, max_size=90))
def test_a_code_is_read_however_it_is_typed(signature: str) -> None:
    code = check_code(signature)
    assert read_code(code) == code
    assert read_code(f" {code.replace('-', ' ').lower()} ") == code
    assert read_code(code.replace("0", "O").replace("1", "l")) == code


@given(facts=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), min_size=1, max_size=4))
def test_the_digest_changes_with_every_fact_and_not_with_their_order(facts: dict[str, int | str]) -> None:
    backwards = dict(reversed(facts.items()))
    assert digest_of(backwards) == digest_of(facts)
    name = next(iter(facts))
    assert digest_of(facts | {name: [facts[name]]}) != digest_of(facts)
