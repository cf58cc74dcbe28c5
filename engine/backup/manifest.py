"""The list of everything in a backup, with hashes, sealed by the installation's secret key.

It is written last: a folder without it is no backup.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.backup.refusals import BackupRefused

FORMAT = 1
NAME = "manifest.json"
PUBLIC_KEYS = "public-keys.json"
DATABASE = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
FILES = "files"
_PART = re.compile(r"database\.sqlite|database\.dump|public-keys\.json|files/([0-9a-f]{2})/\1[0-9a-f]{62}")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a backup: its path inside, its size in bytes, its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup is of. ``rows``: table → number of rows; ``missing``: SHA-256 of files that were not there."""

    version: str  # of Kartabl
    revision: str  # of the schema
    made_at: datetime
    database: str  # a key of DATABASE
    tool: int  # major version of pg_dump; 0 for SQLite
    server: int  # major version of the database
    rows: Mapping[str, int]
    missing: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    @property
    def files(self) -> list[Part]:
        """The uploaded files among the parts."""
        return [part for part in self.parts if part.path.startswith(f"{FILES}/")]


def written(manifest: Manifest, secret_key: str) -> bytes:
    """The manifest as it stands in the backup: with its own hash, and a seal that only the secret key can make."""
    values = dataclasses.asdict(manifest) | {"made_at": manifest.made_at.isoformat(), "format": FORMAT}
    body = {"manifest": values, "sha256": _digest(values), "seal": _seal(values, secret_key)}
    return json.dumps(body, indent=1).encode() + b"\n"


def read(content: bytes, secret_key: str | None) -> Manifest:
    """The manifest of a backup. ``secret_key``: ``None`` takes a backup of an installation with another key, too.

    Raises BackupRefused: it is damaged, of a format that this version does not know, or sealed with another key.
    """
    try:
        body = json.loads(content)
        values = body["manifest"]
        sound = hmac.compare_digest(body["sha256"], _digest(values))
        seal = str(body["seal"])
    except (ValueError, KeyError, TypeError, RecursionError):
        sound, values, seal = False, {}, ""
    if not sound:
        raise BackupRefused(f"The backup does not verify: its {NAME} is damaged. Take another backup.")
    if values.get("format") != FORMAT:
        raise BackupRefused(
            f"The backup has format {values.get('format')}; this version of Kartabl reads format {FORMAT}. "
            f"Restore it with Kartabl {values.get('version')}."
        )
    if secret_key is not None and not hmac.compare_digest(seal, _seal(values, secret_key)):
        raise BackupRefused(
            "The backup was made under another KARTABL_SECRET_KEY, or somebody without that key has changed it. "
            "Give this installation the key that it was made under. If that key is lost and you trust the backup: "
            "--other-secret-key, and docs/backup.md tells what has to be made anew."
        )
    return _manifest(values)


def _manifest(values: dict[str, Any]) -> Manifest:
    try:
        given = {name: value for name, value in values.items() if name != "format"}
        given |= {"made_at": datetime.fromisoformat(values["made_at"]), "missing": tuple(values["missing"])}
        manifest = Manifest(**given | {"parts": tuple(Part(**part) for part in values["parts"])})
    except (KeyError, TypeError, ValueError):
        raise BackupRefused(f"The backup does not verify: its {NAME} is not one of ours.") from None
    if wrong := [part.path for part in manifest.parts if not _PART.fullmatch(part.path)]:
        raise BackupRefused(f"The backup does not verify: {wrong[0]!r} is no part of a backup.")
    if manifest.database not in DATABASE or DATABASE[manifest.database] not in {part.path for part in manifest.parts}:
        raise BackupRefused("The backup does not verify: its database is not listed.")
    return manifest


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(values)).hexdigest()


def _seal(values: Mapping[str, Any], secret_key: str) -> str:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"kartabl backups").derive(secret_key.encode())
    return hmac.new(key, _canonical(values), hashlib.sha256).hexdigest()
