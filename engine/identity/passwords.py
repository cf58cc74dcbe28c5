"""Passwords: hashing, verification, and a check for weak ones."""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.account import Person
from models.digits import ascii_digits, persian_digits, storable
from models.language import current
from models.language import gettext as _

MIN_LENGTH = 8
MAX_LENGTH = 200
COMMON = frozenset(
    [
        "12345678",
        "123456789",
        "1234567890",
        "12345679",
        "password",
        "password1",
        "qwertyui",
        "qwerty123",
        "iloveyou",
        "11223344",
        "abcd1234",
        "1q2w3e4r",
        "87654321",
        "asdfghjk",
        "zxcvbnm1",
        "00112233",
        "98765432",
        "123123123",
        "passw0rd",
        "1qaz2wsx",
        "qwertyuiop",
        "asdfghjkl",
        "zaq12wsx",
        "147258369",
        "12344321",
        "13579246",
        "24681012",
        "10203040",
        "12121212",
        "password123",
        "admin123",
        "administrator",
        "iran1234",
        "tehran123",
    ]
)

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Verified for an unknown user, so that the answer takes as long as for a known one.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


def weakness(password: str, person: Person | None = None) -> str | None:
    """Reason why a password is too weak, in the reader's language; ``None`` if it is strong enough."""
    plain = normal(password)
    if len(plain) < MIN_LENGTH:
        return _("رمز عبور باید حداقل %(count)s کاراکتر باشد.", count=_local(MIN_LENGTH))
    if len(plain) > MAX_LENGTH:
        return _("رمز عبور نباید بیش از %(count)s کاراکتر باشد.", count=_local(MAX_LENGTH))
    personal = {person.username, person.mobile} if person else set()
    if plain.lower() in COMMON or plain.lower() in personal or len(set(plain)) < 4:
        return _("این رمز عبور را به‌آسانی می‌توان حدس زد. رمز عبور دیگری انتخاب کنید.")
    return None


def hashed(password: str) -> str:
    """Argon2 hash of a password."""
    return _hasher.hash(normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Returns True if the password has this hash.

    A missing hash never matches; the check takes as long as a real one (no timing leak).
    """
    try:
        return _hasher.verify(password_hash or _nobody, normal(password)[:1000])
    except (VerificationError, InvalidHashError):
        return False


def normal(password: str) -> str:
    """Normalise a password before hashing: NFC, Latin digits (ACC-5)."""
    return ascii_digits(unicodedata.normalize("NFC", storable(password[:2000])))


def initial() -> str:
    """Generate a first password: easy to read aloud, to be changed at the first sign-in."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    parts = ["".join(secrets.choice(letters) for _place in range(4)) for _part in range(3)]
    return "-".join(parts)


def _local(number: int) -> str:
    return persian_digits(number) if current() == "fa" else str(number)
