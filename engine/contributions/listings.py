"""Lists and weeks of processes for the people of a role: registered with columns and filters, drawn by the web."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.calendar.working_time import WorkingCalendar
from engine.contributions.operations import Services
from engine.errors import NotFound
from models.choice import Choice

MAX_EXPORTED = 20_000  # rows of one exported file

COLUMN_KINDS = frozenset({"text", "number", "rials", "date", "moment", "link"})
FILTER_KINDS = frozenset({"search", "choice", "date_from", "date_to"})
EXPORT_KINDS = frozenset({"csv", "xlsx", "pdf"})


@dataclass(frozen=True)
class Column:
    """``kind``: text, number, rials, date (a ``date``), moment (aware) or link (a pair of text and address)."""

    key: str
    label: Any  # a lazy text
    kind: str = "text"


@dataclass(frozen=True)
class Row:
    """``values`` has the key of each column (``None``: nothing to show); ``url`` goes on the first column.

    An address begins with ``/`` and counts from the product's root. ``mark``: danger, warning or nothing.
    """

    values: Mapping[str, Any]
    url: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class ListingContext:
    """Input of a list, a week or an own sheet: the person and the time (aware, UTC) it is read for."""

    session: Session
    actor: Actor
    now: datetime
    services: Services

    @cached_property
    def calendar(self) -> WorkingCalendar:
        """The current office calendar, read once. Each call of ``services.calendar`` would read its revision again."""
        read: WorkingCalendar = self.services.calendar.read(self.session).calendar
        return read


Options = Sequence[Choice] | Callable[[ListingContext], Sequence[Choice]]


@dataclass(frozen=True)
class Filter:
    """``kind``: search, choice, date_from or date_to; a list has at most one of each but of choices.

    ``options`` of a choice may be a function, for what stands in tables.
    """

    key: str
    label: Any  # a lazy text
    kind: str
    options: Options = ()

    def offered(self, context: ListingContext) -> list[Choice]:
        """The options for this person."""
        return list(self.options(context) if callable(self.options) else self.options)


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """Parameters of a list. ``choices``: filter key → chosen option; dates are days, both inclusive."""

    q: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    date_from: date | None = None
    date_to: date | None = None
    cursor: str | None = None
    limit: int | None = 30  # rows of this page; None: everything (a file)
    sums: bool = True  # with totals; the first rows on the worklist page have none

    @property
    def most(self) -> int:
        """Maximum number of rows. Select one more, to see if there are further rows."""
        return MAX_EXPORTED if self.limit is None else self.limit


@dataclass(frozen=True)
class ListPage:
    """Rows of a list. ``next``: cursor of the next page (``engine.paging``); ``totals``: by column key, of all rows."""

    rows: list[Row]
    next: str | None = None
    totals: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class WeekEntry:
    """An entry of a week: time (aware), text and link. ``mark``: danger, warning or nothing."""

    at: datetime
    text: str
    url: str = ""
    mark: str = ""


ReadList = Callable[[ListingContext, ListQuery], ListPage]
ReadWeek = Callable[[ListingContext, date, date], list[WeekEntry]]
L = TypeVar("L", bound=ReadList)
W = TypeVar("W", bound=ReadWeek)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A registered list. ``home``: number of its first rows on the worklist page.

    ``processes``: keys of those that it belongs to; while none of them is in use it is not shown. None: always shown.
    """

    key: str
    label: Any
    roles: frozenset[str]
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    home: int
    exports: tuple[str, ...]
    badge: Callable[[ListingContext], int] | None
    group: Any
    read: ReadList
    processes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Week:
    """A registered week. ``read`` takes its first and last day (Saturday, Friday)."""

    key: str
    label: Any
    roles: frozenset[str]
    group: Any
    read: ReadWeek
    processes: frozenset[str] = frozenset()


class Listings:
    """The registry of lists and weeks, by key."""

    def __init__(self) -> None:
        self._listings: dict[str, Listing] = {}
        self._weeks: dict[str, Week] = {}

    def register(
        self,
        *,
        key: str,
        label: Any,
        role: str | Collection[str],
        columns: Sequence[Column],
        filters: Sequence[Filter] = (),
        home: int = 0,
        exports: Sequence[str] = ("csv", "xlsx"),
        badge: Callable[[ListingContext], int] | None = None,
        group: Any = "",
        processes: Collection[str] = (),
    ) -> Callable[[L], L]:
        """Decorator: the function reads the list ``key``, which people of ``role`` (or of one of them) have.

        ``badge`` counts the new rows, shown beside its name with every page: it must be cheap.
        ``group``: its heading in the navigation. ``processes``: keys of the processes it belongs to;
        it is left out where none of them is offered or has cases.

        Raises ``ValueError`` for an invalid or second registration; reading raises it for a row that lacks a column.
        """
        _check(key, columns, filters, exports)

        def add(read: L) -> L:
            if key in self._listings:
                raise ValueError(f"List {key} is registered twice")
            self._listings[key] = Listing(
                key=key,
                label=label,
                roles=_roles(role),
                columns=tuple(columns),
                filters=tuple(filters),
                home=home,
                exports=tuple(exports),
                badge=badge,
                group=group,
                read=_complete(key, columns, read),
                processes=frozenset(processes),
            )
            return read

        return add

    def register_week(
        self, *, key: str, label: Any, role: str | Collection[str], group: Any = "", processes: Collection[str] = ()
    ) -> Callable[[W], W]:
        """Decorator: the function reads the entries of a week, given its first and last day.

        Raises ``ValueError`` for a second registration.
        """

        def add(read: W) -> W:
            if key in self._weeks:
                raise ValueError(f"Week {key} is registered twice")
            self._weeks[key] = Week(
                key=key, label=label, roles=_roles(role), group=group, read=read, processes=frozenset(processes)
            )
            return read

        return add

    def for_roles(self, roles: Collection[str]) -> list[Listing]:
        """The lists that people with these roles have, in the order of registration."""
        return [listing for listing in self._listings.values() if not listing.roles.isdisjoint(roles)]

    def weeks_for_roles(self, roles: Collection[str]) -> list[Week]:
        """The weeks that people with these roles have, in the order of registration."""
        return [week for week in self._weeks.values() if not week.roles.isdisjoint(roles)]

    def get(self, key: str, actor: Actor) -> Listing:
        """A list by its key. Raises ``NotFound``, also if the actor lacks its roles."""
        listing = self._listings.get(key)
        if listing is None or listing.roles.isdisjoint(actor.roles):
            raise NotFound("list", key)
        return listing

    def week(self, key: str, actor: Actor) -> Week:
        """A week by its key. Raises ``NotFound``, also if the actor lacks its roles."""
        week = self._weeks.get(key)
        if week is None or week.roles.isdisjoint(actor.roles):
            raise NotFound("week", key)
        return week


def _roles(role: str | Collection[str]) -> frozenset[str]:
    return frozenset({str(role)}) if isinstance(role, str) else frozenset(str(name) for name in role)


def _complete(key: str, columns: Sequence[Column], read: ReadList) -> ReadList:
    """``read``, refusing rows without a value for a column: page, file and API would show an empty column silently."""
    names = {column.key for column in columns}

    def checked(context: ListingContext, query: ListQuery) -> ListPage:
        page = read(context, query)
        missing = sorted(set().union(*(names - row.values.keys() for row in page.rows)))
        if missing:
            raise ValueError(f"List {key}: a row has no value for {', '.join(missing)}")
        return page

    return checked


def _check(key: str, columns: Sequence[Column], filters: Sequence[Filter], exports: Sequence[str]) -> None:
    """Check a registration when the program starts. Raises ``ValueError``."""
    single = [each.kind for each in filters if each.kind != "choice"]
    wrong = [
        *(f"column {column.key}: {column.kind}" for column in columns if column.kind not in COLUMN_KINDS),
        *(f"filter {each.key}: {each.kind}" for each in filters if each.kind not in FILTER_KINDS),
        *(f"export {name}" for name in exports if name not in EXPORT_KINDS),
        *(f"two filters {kind}" for kind in sorted(set(single)) if single.count(kind) > 1),
    ]
    if wrong or not columns:
        raise ValueError(f"List {key}: {'; '.join(wrong) or 'no columns'}")
