"""Passwords: hashing, verification, and the policy that refuses those that are guessed (OWASP ASVS 5, level 2).

At least twelve signs of any kind, no rules of composition, no leaked password, and nothing that a guesser reaches
soon: words, names, Jalali years, keyboard patterns, repetitions, the person's own data.
"""

from __future__ import annotations

import lzma
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import matching, scoring

from engine.errors import Refusal
from models.account import Person
from models.digits import ascii_digits, persian_digits, storable
from models.language import current
from models.language import gettext as _

MIN_LENGTH = 12
MAX_LENGTH = 200
ENOUGH_GUESSES = 10**10  # zxcvbn's score 4, "very unguessable"
FEWEST_OWN_SIGNS = 4  # beside words that everybody here tries
ESTIMATED = 72  # signs that the estimate looks at: its work grows with their square

_FOLDER = Path(__file__).parent
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Verified for an unknown user, so that the answer takes as long as for a known one.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Owner:
    """Whose password it is: what others know of the person and try first."""

    username: str
    mobile: str = ""
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, person: Person) -> Owner:
        names = (person.first_name, person.last_name, person.company)
        return cls(person.username, person.mobile or "", tuple(name for name in names if name))

    @property
    def words(self) -> list[str]:
        """The data in lower case, whole and in pieces; a mobile also without its first digits."""
        texts = [self.username, self.mobile, self.mobile[1:], self.mobile[4:], *self.names]
        pieces = [piece for text in texts for piece in re.split(r"[\W_]+", text)]
        folded = [normal(text).lower() for text in (*texts, *pieces)]
        return list(dict.fromkeys(text for text in folded if len(text) > 2))


def refuse_weak(password: str, owner: Owner) -> None:
    """Refuse a password that is too weak. Raises ``Refusal`` at ``password``."""
    problem = weakness(password, owner)
    if problem:
        raise Refusal({"password": [problem]})


def weakness(password: str, owner: Owner) -> str | None:
    """Reason why a password is too weak, in the reader's language; ``None`` if it is strong enough."""
    plain = normal(password)
    if len(plain) < MIN_LENGTH:
        return _(
            "رمز عبور باید حداقل %(count)s کاراکتر باشد. می‌توانید چند واژهٔ بی‌ربط را کنار هم بنویسید.",
            count=_local(MIN_LENGTH),
        )
    if len(plain) > MAX_LENGTH:
        return _("رمز عبور نباید بیش از %(count)s کاراکتر باشد.", count=_local(MAX_LENGTH))
    if plain.lower() in _breached():
        return _("این رمز عبور قبلاً فاش شده و در فهرست حدس‌هاست. رمز عبور دیگری انتخاب کنید.")
    if _guesses(plain, {}) < ENOUGH_GUESSES or _is_made_of(plain, _words_of_here()):
        return _(
            "این رمز عبور را به‌آسانی می‌توان حدس زد: از واژه، سال یا الگویی پرکاربرد ساخته شده است. "
            "چند واژهٔ بی‌ربط را کنار هم بنویسید."
        )
    own = _ranked(owner.words)
    if _guesses(plain, {"owner": own}) < ENOUGH_GUESSES or _is_made_of(plain, {**_words_of_here(), **own}):
        return _("این رمز عبور از نام، نام کاربری یا شمارهٔ همراه خودتان ساخته شده است. رمز عبور دیگری انتخاب کنید.")
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


def _guesses(plain: str, more: Mapping[str, Mapping[str, int]]) -> int:
    """How many tries a guesser needs who knows the words of here, and ``more``: dictionaries of word → rank."""
    text = plain[:ESTIMATED]
    dictionaries = {**matching.RANKED_DICTIONARIES, "here": _words_of_here(), **more}
    return int(scoring.most_guessable_match_sequence(text, matching.omnimatch(text, dictionaries))["guesses"])


def _is_made_of(plain: str, words: Mapping[str, int]) -> bool:
    """Returns True if next to nothing stands beside these words and the signs between them.

    The estimate counts each space and hyphen as a sign to be guessed, which nobody who tries names and years does.
    """
    rest = re.sub(r"[\W_]+", "", plain.lower())
    for word in sorted(words, key=len, reverse=True):
        if len(word) > 2:
            rest = rest.replace(re.sub(r"[\W_]+", "", word) or word, "")
    return len(rest) < FEWEST_OWN_SIGNS


@cache
def _words_of_here() -> Mapping[str, int]:
    """Persian words and Jalali years, each with its rank."""
    lines = (_FOLDER / "guessed_words.txt").read_text(encoding="utf-8").splitlines()
    words = " ".join(line for line in lines if not line.startswith("#")).split()
    years = [str(year) for year in (*range(1405, 1330, -1), *range(1406, 1421))]
    return _ranked([word for pair in zip(words, years, strict=False) for word in pair] + words[len(years) :])


@cache
def _breached() -> frozenset[str]:
    """The most frequent leaked passwords that are long enough, in lower case; the file says where they come from."""
    text = lzma.decompress((_FOLDER / "breached_passwords.txt.xz").read_bytes()).decode()
    return frozenset(line for line in text.split("\n") if not line.startswith("#"))


def _ranked(words: list[str]) -> dict[str, int]:
    return {word: rank for rank, word in reversed(list(enumerate(words, 1)))}


def _local(number: int) -> str:
    return persian_digits(number) if current() == "fa" else str(number)
