"""Secrets as the database holds them: encrypted with a key that is derived from the installation's secret key."""

from __future__ import annotations

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12  # bytes


class Seal:
    """Seals texts for one purpose. What is sealed for one owner opens for no other."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"kartabl {purpose}".encode())
        self._key = AESGCM(derivation.derive(secret_key.encode()))

    def sealed(self, text: str, owner: str) -> str:
        """The text as it is stored."""
        nonce = secrets.token_bytes(NONCE)
        return base64.urlsafe_b64encode(nonce + self._key.encrypt(nonce, text.encode(), owner.encode())).decode()

    def opened(self, sealed: str, owner: str) -> str | None:
        """The text; ``None`` if it was sealed for somebody else, with another secret key, or not by us."""
        try:
            raw = base64.urlsafe_b64decode(sealed.encode())
            return self._key.decrypt(raw[:NONCE], raw[NONCE:], owner.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error):
            return None
