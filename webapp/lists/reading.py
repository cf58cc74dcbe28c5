"""Lists as pages, files and the API ask for them: the filters read, the list read, the first rows for the worklist."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from engine.actor import Actor
from engine.contributions.listings import Asked, Found, Listing, ListingContext
from engine.errors import InvalidSubmission
from forms.list_filters import FiltersForm, filters_form
from webapp.shell import current

PAGE = 30  # rows of a page


@dataclass(frozen=True)
class HomePart:
    """The first rows of a list, on the person's worklist page; without the sums, which are of all rows."""

    listing: Listing
    found: Found


def listing_context(session: Session, actor: Actor) -> ListingContext:
    """What lists, weeks and own sheets may look at in this request."""
    return ListingContext(session=session, actor=actor, now=current.now(), services=current.engine().services)


def form_of(listing: Listing, context: ListingContext, sent: MultiDict[str, str]) -> FiltersForm:
    """The list's filters, bound to what the address says."""
    choices = {one.key: one.offered(context) for one in listing.filters if one.kind == "choice"}
    return filters_form(listing.key, listing.filters).from_request(sent, choices=choices)


def asked_of(listing: Listing, form: FiltersForm, *, cursor: str | None, limit: int | None) -> Asked:
    """What a list is asked for by its filters. Raises ``InvalidSubmission`` when one of them cannot be read."""
    if not form.validate():
        raise InvalidSubmission(form.error_map)
    by_kind: dict[str, Any] = {one.kind: form[one.key].data for one in listing.filters if one.kind != "choice"}
    chosen = {one.key: form[one.key].data for one in listing.filters if one.kind == "choice"}
    return Asked(
        q=by_kind.get("search") or "",
        date_from=by_kind.get("date_from"),
        date_to=by_kind.get("date_to"),
        choices={key: str(value) for key, value in chosen.items() if value is not None},
        cursor=cursor,
        limit=limit,
    )


def home_parts(session: Session, actor: Actor) -> list[HomePart]:
    """The first rows of the lists that want to be seen at once."""
    context = listing_context(session, actor)
    return [
        HomePart(listing, replace(listing.read(context, Asked(limit=listing.home, sums=False)), totals=None))
        for listing in current.application().listings.for_roles(actor.roles)
        if listing.home
    ]
