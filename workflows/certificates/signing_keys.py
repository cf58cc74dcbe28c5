"""The organisation's Ed25519 keys: generated at first need, stored encrypted, rotated, published, used to verify.

A key that was rotated out signs nothing new and goes on proving what it signed before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.audit import events, trail
from engine.audit.events import Retention
from engine.persistence import advisory_lock
from models.inspection import SigningKey
from models.jalali import tehran_day
from models.language import lazy

MADE = events.register("signing_key_made", Retention.PERMANENT, lazy("ساخت کلید امضا"))
RETIRED = events.register("signing_key_retired", Retention.PERMANENT, lazy("کنار گذاشتن کلید امضا"))
NONCE = 12  # bytes
ID_BYTES = 6  # of the public key's hash: eight signs


class KeyUnreadable(Exception):
    """The private key was encrypted with another secret key than this installation's."""


@dataclass(frozen=True)
class PublicKey:
    """Verifies signatures. ``retired``: the last day on which the key signed, in Tehran; ``None`` while it signs."""

    id: str
    raw: bytes
    created: date
    retired: date | None = None

    def proves(self, text: str, signature: str, *, signed_on: date) -> bool:
        """Whether this key signed exactly ``text``, on a day on which it was in use."""
        raw = decode(signature)
        if raw is None or signed_on < self.created or (self.retired is not None and signed_on > self.retired):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def encode(raw: bytes) -> str:
    """Base64url without padding: fits into an address."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """The bytes of a base64url text; ``None`` for any other spelling of them: one value has one text."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if encode(raw) == text else None


def key_id(public: bytes) -> str:
    return encode(hashlib.sha256(public).digest()[:ID_BYTES])


# Keys of the database


def signing_key(session: Session, *, secret_key: str, now: datetime) -> SigningKey:
    """The current signing key. Generates the first key; of concurrent calls only one does."""
    advisory_lock.acquire(session, "signing keys")
    return _newest(session) or _make(session, secret_key=secret_key, now=now, by=SYSTEM)


def rotate(session: Session, *, secret_key: str, now: datetime, by: Actor = SYSTEM) -> SigningKey:
    """Retire the current key and generate a new one. Earlier signatures stay valid."""
    advisory_lock.acquire(session, "signing keys")
    for key in session.scalars(select(SigningKey).where(SigningKey.retired_at.is_(None))):
        key.retired_at = now
        trail.record(session, RETIRED, by, subject=("signing_key", key.id))
    return _make(session, secret_key=secret_key, now=now, by=by)


def sign(key: SigningKey, text: str, *, secret_key: str) -> str:
    """The signature of a text, base64url.

    Raises KeyUnreadable: the key was encrypted with another secret key.
    """
    return encode(_opened(key, secret_key).sign(text.encode()))


def readable(key: SigningKey, *, secret_key: str) -> bool:
    """Whether the private key can be decrypted with this secret key."""
    try:
        _opened(key, secret_key)
    except KeyUnreadable:
        return False
    return True


def keys(session: Session) -> list[SigningKey]:
    """All keys, oldest first."""
    return list(session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.id)))


def public_keys(session: Session) -> dict[str, PublicKey]:
    """All public keys by their ids."""
    return {key.id: public_key(key) for key in keys(session)}


def public_key(key: SigningKey) -> PublicKey:
    raw = decode(key.public_key)
    if raw is None:
        raise ValueError(f"The public key {key.id} is damaged")
    return PublicKey(key.id, raw, tehran_day(key.created_at), tehran_day(key.retired_at) if key.retired_at else None)


def _newest(session: Session) -> SigningKey | None:
    return session.scalars(
        select(SigningKey).where(SigningKey.retired_at.is_(None)).order_by(SigningKey.created_at.desc(), SigningKey.id)
    ).first()


def _make(session: Session, *, secret_key: str, now: datetime, by: Actor) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = SigningKey(
        id=key_id(public),
        public_key=encode(public),
        created_at=now,
        private_key=_locked(private.private_bytes_raw(), key_id(public), secret_key),
    )
    session.add(key)
    trail.record(session, MADE, by, subject=("signing_key", key.id))
    session.flush()
    return key


def _locked(private: bytes, identity: str, secret_key: str) -> str:
    nonce = secrets.token_bytes(NONCE)
    return encode(nonce + AESGCM(_wrapping_key(secret_key)).encrypt(nonce, private, identity.encode()))


def _opened(key: SigningKey, secret_key: str) -> Ed25519PrivateKey:
    encrypted = decode(key.private_key) or b""
    try:
        raw = AESGCM(_wrapping_key(secret_key)).decrypt(encrypted[:NONCE], encrypted[NONCE:], key.id.encode())
    except (InvalidTag, ValueError):
        raise KeyUnreadable(
            f"The signing key {key.id} cannot be opened with this installation's secret key; "
            "`kartabl keys rotate` makes a new one"
        ) from None
    return Ed25519PrivateKey.from_private_bytes(raw)


def _wrapping_key(secret_key: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"kartabl signing keys")
    return derivation.derive(secret_key.encode())


# Keys that are published


def published(known: Iterable[PublicKey]) -> dict[str, Any]:
    """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037), with the days on which each was in use."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": key.id,
                "x": encode(key.raw),
                "created": key.created.isoformat(),
                "retired": key.retired.isoformat() if key.retired else None,
            }
            for key in known
        ]
    }


def read_published(text: str) -> dict[str, PublicKey]:
    """The keys of a published set, by their ids.

    Raises ValueError: the text is no JSON Web Key Set of ours.
    """
    try:
        keys = [_read_key(entry) for entry in json.loads(text)["keys"]]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"this is no set of published keys ({error})") from None
    return {key.id: key for key in keys}


def _read_key(entry: Mapping[str, Any]) -> PublicKey:
    raw = decode(str(entry["x"]))
    if entry["kty"] != "OKP" or entry["crv"] != "Ed25519" or raw is None or len(raw) != 32:
        raise ValueError("a published key is not an Ed25519 key")
    if entry["kid"] != key_id(raw):
        raise ValueError(f"the published key {entry['kid']} has the id of another key")
    retired = entry.get("retired")
    return PublicKey(
        key_id(raw), raw, date.fromisoformat(entry["created"]), date.fromisoformat(retired) if retired else None
    )
