"""The reader's language: marks texts for translation and translates them, for every layer alike.

The source language is Persian: a text without an entry in a catalogue appears unchanged.
Catalogues are in ``models/translations``; English is the second language.
"""

import contextlib
import gettext as stdlib_gettext
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from models.catalogues import TRANSLATIONS, compile_stale

LANGUAGES = ("fa", "en")
SOURCE = "fa"

_current: ContextVar[str] = ContextVar("language", default=SOURCE)


def current() -> str:
    """The current language, one of ``LANGUAGES``."""
    return _current.get()


def switch(language: str) -> None:
    """Read in ``language`` from here on, in this context; an unknown one means Persian."""
    _current.set(language if language in LANGUAGES else SOURCE)


@contextlib.contextmanager
def reading(language: str) -> Iterator[None]:
    """Read in ``language`` inside the block, for texts written to somebody else (an SMS, a letter)."""
    token = _current.set(language if language in LANGUAGES else SOURCE)
    try:
        yield
    finally:
        _current.reset(token)


@lru_cache
def _catalogue(language: str) -> stdlib_gettext.NullTranslations:
    compile_stale()  # a checkout has the source only, and it changes with every pull
    return stdlib_gettext.translation("messages", TRANSLATIONS, [language], fallback=True)


def gettext(message: str, **values: Any) -> str:
    """``message`` in the reader's language, with ``%(name)s`` placeholders filled from ``values``."""
    text = _catalogue(current()).gettext(message) if message else ""
    return text % values if values else text


def stored(text: str) -> str:
    """A stored text, such as the name of a task, in the reader's language; as it is if the catalogue has none.

    For every text that is no literal: it is neither formatted nor marked as safe for pages, whatever is in it.
    """
    return gettext(text)


def ngettext(singular: str, plural: str, number: int, **values: Any) -> str:
    """The form of the text that fits ``number``, which is also the placeholder ``%(number)s``."""
    return _catalogue(current()).ngettext(singular, plural, number) % {"number": number, **values}


def listed(parts: Iterable[str]) -> str:
    """Join parts with the comma of the reader's language."""
    return gettext("، ").join(parts)


def quoted(text: object) -> str:
    """``text`` between the quotation marks of the reader's language."""
    return gettext("«%(text)s»", text=text)


class LazyText:
    """A text that is translated when it is formatted, for labels of modules."""

    __slots__ = ("_message", "_values")

    def __init__(self, message: str, values: dict[str, Any] | None = None) -> None:
        self._message = message
        self._values = values or {}

    @property
    def message(self) -> str:
        """The source text, in Persian."""
        return self._message

    @property
    def values(self) -> dict[str, Any]:
        return self._values

    def __str__(self) -> str:
        return gettext(self._message, **self._values)

    def __html__(self) -> str:
        return str(self).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

    def __mod__(self, values: Any) -> str:
        return str(self) % values

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._message)

    def __repr__(self) -> str:
        return f"LazyText({self._message!r})"


class BilingualText:
    """A text that stands in a table in both languages; shown in the one that is read in."""

    __slots__ = ("en", "fa")

    def __init__(self, fa: str, en: str) -> None:
        self.fa = fa
        self.en = en

    def __str__(self) -> str:
        return self.en if current() == "en" and self.en else self.fa

    def __html__(self) -> str:
        return str(self).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

    def __repr__(self) -> str:
        return f"BilingualText({self.fa!r}, {self.en!r})"


def lazy(message: str, **values: Any) -> Any:
    """Mark ``message`` for translation when it is formatted. Typed ``Any``: it is accepted wherever a ``str`` is."""
    return LazyText(message, values)
