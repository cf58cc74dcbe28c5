"""Pages of long lists by key: the next page begins after the last row seen, however many came before it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from engine.errors import InvalidSubmission
from models.language import gettext as _

T = TypeVar("T")

MAX_ROWS = 100  # rows of one page


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of those that follow (``None``: these were the last)."""

    items: list[T]
    next: str | None


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]], *, sort: str) -> Page[T]:
    """A page from ``limit`` + 1 rows that were asked for: the one too many says that there are more."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return Page(items, write_cursor(sort, key(items[-1])) if more and items else None)


def capped(limit: int) -> int:
    return max(1, min(limit, MAX_ROWS))


def write_cursor(sort: str, values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([sort, *plain]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, sort: str, kinds: Sequence[type]) -> list[Any]:
    """The values a cursor holds. Raises ``InvalidSubmission`` when it is none of this list in this order."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or plain[0] != sort or len(plain) != len(kinds) + 1:
            raise ValueError(cursor)
        return [_value(value, kind) for value, kind in zip(plain[1:], kinds, strict=True)]
    except (ValueError, TypeError, IndexError, RecursionError):
        raise InvalidSubmission({"cursor": [_("آدرس این صفحه از فهرست درست نیست.")]}) from None


def _value(value: Any, kind: type) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if type(value) is not kind:
        raise TypeError(value)
    if (isinstance(value, int) and abs(value) >= 2**63) or (isinstance(value, str) and "\x00" in value):
        raise ValueError(value)
    return value
