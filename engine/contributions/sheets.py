"""Own sheets: data that people keep about themselves outside any case, such as their working days."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.actor import Actor
from engine.contributions.briefings import Briefing
from engine.contributions.listings import ListingContext
from engine.errors import NotFound

ReadSheet = Callable[[ListingContext], Briefing]
WriteSheet = Callable[[ListingContext, Mapping[str, Any]], str]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """``read`` returns the form's values and choices and the blocks beside it (a ``Briefing``).

    ``write`` stores a validated submission and returns a text for the person. It raises ``Refusal`` (field name →
    messages) if the person has to change something; then nothing is stored.
    """

    key: str
    label: Any  # a lazy text
    roles: frozenset[str]
    form: tuple[str, str]  # the form's module and key: ("worksheet", "preferences") is @user_task in forms/worksheet.py
    group: Any
    read: ReadSheet
    write: WriteSheet
    processes: frozenset[str] = frozenset()  # as of a list: it is shown while one of them is in use


class Sheets:
    """The registry of own sheets, by key."""

    def __init__(self) -> None:
        self._sheets: dict[str, Sheet] = {}

    def register(
        self,
        *,
        key: str,
        label: Any,
        role: str | Collection[str],
        form: str,
        read: ReadSheet,
        group: Any = "",
        processes: Collection[str] = (),
    ) -> Callable[[WriteSheet], WriteSheet]:
        """Decorator on the function that writes. ``form``: ``<module in forms/>.<key>`` of a registered form.

        Raises ``ValueError`` for an invalid or second registration.
        """
        module, _dot, name = form.rpartition(".")
        if not module or not name:
            raise ValueError(f"Sheet {key}: the form is <module>.<key>, not {form!r}")
        roles = frozenset({str(role)}) if isinstance(role, str) else frozenset(str(name) for name in role)

        def add(write: WriteSheet) -> WriteSheet:
            if key in self._sheets:
                raise ValueError(f"Sheet {key} is registered twice")
            self._sheets[key] = Sheet(
                key=key,
                label=label,
                roles=roles,
                form=(module, name),
                group=group,
                read=read,
                write=write,
                processes=frozenset(processes),
            )
            return write

        return add

    def for_roles(self, roles: Collection[str]) -> list[Sheet]:
        """The sheets that people with these roles have, in the order of registration."""
        return [sheet for sheet in self._sheets.values() if not sheet.roles.isdisjoint(roles)]

    def get(self, key: str, actor: Actor) -> Sheet:
        """A sheet by its key. Raises ``NotFound``, also if the actor lacks its roles."""
        sheet = self._sheets.get(key)
        if sheet is None or sheet.roles.isdisjoint(actor.roles):
            raise NotFound("sheet", key)
        return sheet
