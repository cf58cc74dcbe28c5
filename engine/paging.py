"""Keyset pagination: the next page begins after the key of the last row of this page."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from engine.errors import InvalidSubmission
from models.digits import storable
from models.language import gettext as _

T = TypeVar("T")

MAX_ROWS = 100  # rows of one page


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of one page, and the cursor of the next page (``None``: this is the last one)."""

    items: list[T]
    next: str | None


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]], *, sort: str) -> Page[T]:
    """Build a page from up to ``limit`` + 1 rows; the extra row shows that there is a next page.

    ``key``: the values of a row that the list is sorted by. ``sort``: the name of the list and its order.
    """
    items = list(rows[:limit])
    more = len(rows) > limit
    return Page(items, write_cursor(sort, key(items[-1])) if more and items else None)


def capped(limit: int) -> int:
    """``limit`` between 1 and ``MAX_ROWS``."""
    return max(1, min(limit, MAX_ROWS))


def write_cursor(sort: str, values: Sequence[Any]) -> str:
    """Encode the key of a row as URL-safe text; ``read_cursor`` decodes it."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([sort, *plain]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, sort: str, kinds: Sequence[type]) -> list[Any]:
    """Decode a cursor's values of these types. Raises ``InvalidSubmission`` for a cursor of another list or order."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or plain[0] != sort or len(plain) != len(kinds) + 1:
            raise ValueError(cursor)
        return [_value(value, kind) for value, kind in zip(plain[1:], kinds, strict=True)]
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
        raise InvalidSubmission({"cursor": [_("آدرس این صفحه از فهرست درست نیست.")]}) from None


def _value(value: Any, kind: type) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment.astimezone(UTC)
    if type(value) is not kind:
        raise TypeError(value)
    if (isinstance(value, int) and abs(value) >= 2**63) or (isinstance(value, str) and storable(value) != value):
        raise ValueError(value)
    return value
