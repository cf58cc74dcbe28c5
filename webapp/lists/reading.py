"""Lists as pages, files and the API ask for them: the filters read, the list read, the first rows for the worklist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from flask import g
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from engine.actor import Actor
from engine.contributions.listings import Listing, ListingContext, ListPage, ListQuery
from engine.errors import InvalidSubmission
from forms.list_filters import FiltersForm, filters_form
from webapp.shell import current

PAGE = 30  # rows of a page


@dataclass(frozen=True)
class HomePart:
    """The first rows of a list, on the person's worklist page; without the sums, which are of all rows."""

    listing: Listing
    found: ListPage


def listing_context(session: Session, actor: Actor) -> ListingContext:
    """What lists, weeks and own sheets may look at in this request."""
    return ListingContext(session=session, actor=actor, now=current.now(), services=current.engine().services)


def form_of(listing: Listing, context: ListingContext, sent: MultiDict[str, str]) -> FiltersForm:
    """The list's filters, bound to what the address says."""
    choices = {one.key: one.offered(context) for one in listing.filters if one.kind == "choice"}
    return filters_form(listing.key, listing.filters).from_request(sent, choices=choices)


def query_of(listing: Listing, form: FiltersForm, *, cursor: str | None, limit: int | None) -> ListQuery:
    """The query that the list's filters make. Raises ``InvalidSubmission`` when one of them cannot be read."""
    if not form.validate():
        raise InvalidSubmission(form.error_map)
    by_kind: dict[str, Any] = {one.kind: form[one.key].data for one in listing.filters if one.kind != "choice"}
    chosen = {one.key: form[one.key].data for one in listing.filters if one.kind == "choice"}
    return ListQuery(
        q=by_kind.get("search") or "",
        date_from=by_kind.get("date_from"),
        date_to=by_kind.get("date_to"),
        choices={key: str(value) for key, value in chosen.items() if value is not None},
        cursor=cursor,
        limit=limit,
    )


class Belonging(Protocol):
    """A list, a week or an own sheet: something that belongs to processes."""

    @property
    def processes(self) -> frozenset[str]: ...


B = TypeVar("B", bound=Belonging)


def active_only(session: Session, registered: Iterable[B]) -> list[B]:
    """Those that belong to a process which is offered or has cases, and those that belong to none."""
    found = list(registered)
    unknown = frozenset().union(*(one.processes for one in found)) - _in_use().keys()
    if unknown:
        in_use = current.engine().offers.in_use(session, unknown)
        _in_use().update({key: key in in_use for key in unknown})
    return [one for one in found if not one.processes or any(_in_use()[key] for key in one.processes)]


def _in_use() -> dict[str, bool]:
    """What this request has asked already: process key → whether it is offered or has cases."""
    if "in_use" not in g:
        g.in_use = {}
    found: dict[str, bool] = g.in_use
    return found


def home_parts(session: Session, actor: Actor) -> list[HomePart]:
    """The first rows of the lists that want to be seen at once."""
    context = listing_context(session, actor)
    return [
        HomePart(listing, replace(listing.read(context, ListQuery(limit=listing.home, sums=False)), totals=None))
        for listing in active_only(session, current.application().listings.for_roles(actor.roles))
        if listing.home
    ]
