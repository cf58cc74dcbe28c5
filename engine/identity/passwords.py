"""Passwords: how they are kept, and which are too weak to be used."""

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
# Checked for an unknown user too, so that an answer takes as long whether or not the account exists.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


def weakness(password: str, person: Person | None = None) -> str | None:
    """Why a password cannot be used, in the reader's language; ``None`` when it can."""
    plain = normal(password)
    if len(plain) < MIN_LENGTH:
        return _("رمز عبور باید حداقل %(count)s کاراکتر باشد.", count=_shown(MIN_LENGTH))
    if len(plain) > MAX_LENGTH:
        return _("رمز عبور نباید بیش از %(count)s کاراکتر باشد.", count=_shown(MAX_LENGTH))
    known = {person.username, person.mobile} if person else set()
    if plain.lower() in COMMON or plain.lower() in known or len(set(plain)) < 4:
        return _("این رمز عبور را به‌آسانی می‌توان حدس زد. رمز عبور دیگری انتخاب کنید.")
    return None


def hashed(password: str) -> str:
    return _hasher.hash(normal(password))


def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed. ``None`` never fits, and takes as long to say so."""
    try:
        return _hasher.verify(password_hash or _nobody, normal(password)[:1000])
    except (VerificationError, InvalidHashError):
        return False


def normal(password: str) -> str:
    """A password in the one form that is hashed: a keyboard's kind of digits makes no difference (ACC-5)."""
    return ascii_digits(unicodedata.normalize("NFC", storable(password[:2000])))


def initial() -> str:
    """A first password that the organisation hands out: easily read aloud, changed at the first sign-in."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    parts = ["".join(secrets.choice(letters) for _place in range(4)) for _part in range(3)]
    return "-".join(parts)


def _shown(number: int) -> str:
    return persian_digits(number) if current() == "fa" else str(number)
