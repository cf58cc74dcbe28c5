"""The signed text of a certificate's QR code: a short text that names the certificate, and its signature.

``K1.<number>.<project>.<yyyymmdd>.<key id>.<digest of the paper's facts>.<signature>`` needs no escaping in an
address and is verified with the published key, without our server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from engine.case_numbers import case_number
from models.digits import ascii_digits
from models.identifiers import damm_digit, damm_valid
from workflows.certificates.signing_keys import PublicKey, encode

VERSION = "K1"
DIGEST_BYTES = 16
CODE_BYTES = 5  # of the signature's hash: eight signs that a person can type
KIND = "9"  # a certificate's number begins so, and is never taken for a project's

_NUMBER = r"[0-9]{1,6}(?:-[0-9]{1,12}){1,3}"
_SIGNED = re.compile(
    rf"(?<![A-Za-z0-9_-])({VERSION})\.({_NUMBER})\.({_NUMBER})\.([0-9]{{8}})\.([A-Za-z0-9_-]{{8}})"
    r"\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{86})(?![A-Za-z0-9_-])"
)
_LOOK_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_ALPHABET = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")  # Crockford's


@dataclass(frozen=True)
class Signed:
    """A certificate's text and its signature, as read; nothing is proved by reading."""

    number: str
    project: str
    issued: date
    key_id: str
    digest: str
    signature: str = ""

    @property
    def payload(self) -> str:
        """The exact text that is signed."""
        return ".".join((VERSION, self.number, self.project, f"{self.issued:%Y%m%d}", self.key_id, self.digest))

    @property
    def text(self) -> str:
        return f"{self.payload}.{self.signature}"

    def proved_by(self, keys: Mapping[str, PublicKey]) -> bool:
        """Whether the named key is among ``keys`` and signed exactly this payload."""
        key = keys.get(self.key_id)
        return key is not None and key.proves(self.payload, self.signature, signed_on=self.issued)


def find_signed(text: str) -> Signed | None:
    """The signed text inside a link, a pasted line or a file's text; ``None`` if there is none."""
    match = _SIGNED.search(text)
    if match is None:
        return None
    _version, number, project, day, key, digest, signature = match.groups()
    try:
        issued = datetime.strptime(day, "%Y%m%d").date()
    except ValueError:
        return None
    return Signed(number, project, issued, key, digest, signature)


def digest_of(facts: Mapping[str, Any]) -> str:
    """Digest of the paper's facts."""
    plain = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return encode(hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES])


def certificate_number(count: int, at: datetime) -> str:
    """The number of the certificate with this count, ``9-1405-000012-3``: its last digit checks all others."""
    digits = KIND + case_number(count, at).replace("-", "")[:-1]
    return f"{KIND}-{digits[1:5]}-{digits[5:]}-{damm_digit(digits)}"


def read_certificate_number(typed: str) -> str | None:
    """The number as it is stored, from any digits, with or without dashes; ``None`` if it cannot be one."""
    digits = "".join(sign for sign in ascii_digits(typed[:60]) if sign in "0123456789")
    if len(digits) < 12 or not digits.startswith(KIND) or not damm_valid(digits):
        return None
    return f"{KIND}-{digits[1:5]}-{digits[5:-1]}-{digits[-1]}"


def check_code(signature: str) -> str:
    """The check code on the paper, ``7QXM-3VTK``: for people without a camera."""
    hashed = hashlib.sha256(signature.encode()).digest()[:CODE_BYTES]
    signs = base64.b32encode(hashed).decode().translate(_ALPHABET)
    return f"{signs[:4]}-{signs[4:]}"


def read_code(typed: str) -> str:
    """A typed code as ``check_code`` writes it; letters that look like digits count as these."""
    signs = re.sub(r"[^0-9A-Z]", "", ascii_digits(typed[:40]).upper().translate(_LOOK_ALIKE))
    return f"{signs[:4]}-{signs[4:]}"
