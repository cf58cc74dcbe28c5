"""The hashes of the audit log: of a row's content, and of a link of the chain.

A link covers the link before it, and of its row the number, the moment, the class of retention and the hash of the
content. So the content of an old row can go (retention) and the chain is still whole. The content has a random salt
that goes with it: what was there cannot be guessed from the hash that stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

START = "0" * 64  # the hash before the first link
CONTENT = ("event", "actor_id", "actor", "actor_name", "address", "subject_kind", "subject_key", "before", "after")


def content_hash(row: Mapping[str, Any]) -> str:
    """The hash of the columns ``CONTENT`` and the ``salt`` of a row of ``audit_events``."""
    stated = {column: row[column] for column in (*CONTENT, "salt")}
    return _digest(json.dumps(stated, ensure_ascii=True, sort_keys=True, separators=(",", ":")))


def link_hash(previous: str, *, seq: int, at: datetime, retention: str, content: str) -> str:
    """The hash of a link after the one with the hash ``previous``. ``at``: aware."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return _digest("\n".join((previous, str(seq), moment, retention, content)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
