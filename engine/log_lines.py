"""The lines of the log: what happened and where, without what people typed.

A log is read by more people than a case, and kept where no rule of the office deletes it. No statement's values, no
texts that an exception quotes, and no long numbers (mobiles, national codes, cards) come into it.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy.exc import StatementError

from models.database_errors import in_a_line

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_MESSAGE = 300  # characters of an exception's own message

# A name, not a value, is what these quote.
_NAMING = (AttributeError, ImportError, KeyError, NameError, TypeError)
_QUOTED = re.compile(r"""(['"«]).*?(?:['"»]|$)""", re.DOTALL)
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?[0-9۰-۹٠-٩]{10,}(?![0-9A-Za-z])")


class Lines(logging.Formatter):
    """Formats the records of all loggers of a process."""

    def __init__(self) -> None:
        super().__init__(LOG_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have left its own text there
        line = super().format(record)
        record.exc_text = None
        return _LONG_NUMBER.sub("[number]", line)

    def formatException(self, ei: Any) -> str:
        _kind, error, where = ei
        return "" if error is None else "".join(_chain(error, where)).rstrip("\n")


def described(error: BaseException) -> str:
    """An exception as one line: its class, and of its message what quotes nobody."""
    if isinstance(error, StatementError) and error.orig is not None:
        return described(error.orig)
    if isinstance(error, psycopg.Error | sqlite3.Error):
        return in_a_line(error)
    text = str(error).partition("Original exception was")[0]  # of a session whose flush failed: with all values
    if not isinstance(error, _NAMING):
        text = _QUOTED.sub("…", text)
    name = type(error).__qualname__
    return f"{name}: {' '.join(text.split())[:MAX_MESSAGE]}" if text else name


def _chain(error: BaseException, where: TracebackType | None) -> Iterator[str]:
    """The exception with those that led to it, oldest first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, before.__traceback__)
        yield "\nThat led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(where)
    yield f"{described(error)}\n"
