"""Lists of the caller's roles: which there are, and the rows of one, with the filters of its page."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from engine.actor import Actor
from engine.contributions.listings import Column, Listing, Row
from webapp.api.blueprint import bp
from webapp.api.calls import Json, answer, api_call, cursor, limit
from webapp.api.shapes import moment
from webapp.lists.reading import active_only, form_of, listing_context, query_of
from webapp.shell import current


@bp.get("/v1/lists")
@api_call
def lists(session: Session, actor: Actor) -> Response:
    """The lists that the caller has, with their columns; what their filters take is a JSON Schema."""
    context = listing_context(session, actor)
    return answer(
        [
            {
                "key": listing.key,
                "label": str(listing.label),
                "columns": [{"key": one.key, "label": str(one.label), "kind": one.kind} for one in listing.columns],
                "filters": form_of(listing, context, MultiDict()).value_schema(),
            }
            for listing in active_only(session, current.application().listings.for_roles(actor.roles))
        ]
    )


@bp.get("/v1/lists/<key>")
@api_call
def show_list(session: Session, actor: Actor, key: str) -> Response:
    """The rows of a list; the arguments of the address are its filters."""
    listing = current.application().listings.get(key, actor)
    context = listing_context(session, actor)
    form = form_of(listing, context, request.args)
    result = listing.read(context, query_of(listing, form, cursor=cursor(), limit=limit()))
    return answer(
        {
            "items": [_row_json(listing, row) for row in result.rows],
            "next": result.next,
            "totals": _values_json(listing.columns, result.totals) if result.totals else None,
        }
    )


def _row_json(listing: Listing, row: Row) -> Json:
    return {"values": _values_json(listing.columns, row.values), "url": row.url or None, "mark": row.mark or None}


def _values_json(columns: tuple[Column, ...], values: Any) -> Json:
    return {column.key: _value_json(column, values[column.key]) for column in columns if column.key in values}


def _value_json(column: Column, value: Any) -> Json:
    """A value in JSON: ISO dates, moments in UTC, whole Rials; a link as its text and address."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if column.kind == "link":
        return {"text": str(value[0]), "url": value[1]}
    return str(value)
