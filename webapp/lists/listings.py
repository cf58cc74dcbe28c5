"""Lists that processes offer to a role: a page with filters, and the same list as a file."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from engine.audit import events
from engine.contributions.listings import MAX_EXPORTED, Listing, ListPage
from forms.list_filters import FiltersForm
from models import jalali
from models.language import gettext as _
from webapp.errors import Answer, Trouble, page
from webapp.lists import files
from webapp.lists.reading import PAGE, form_of, listing_context, query_of
from webapp.shell import current, downloads, query_string
from webapp.shell.downloads import Leaving
from webapp.shell.filters import digits

bp = Blueprint("listings", __name__)

MAX_PRINTED = 2_000  # rows of a PDF: some sixty pages
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LABELS = {"csv": "CSV", "xlsx": "Excel", "pdf": "PDF"}


@bp.get("/lists/<key>")
def show(key: str) -> str | tuple[str, int]:
    listing = current.application().listings.get(key, current.actor())
    arguments = query_string.read(*(one.key for one in listing.filters), "cursor")
    with current.transaction() as session:
        context = listing_context(session, current.actor())
        form = form_of(listing, context, request.args)
        if form.validate():
            query = query_of(listing, form, cursor=arguments.get("cursor"), limit=PAGE)
            result, status = listing.read(context, query), 200
        else:
            result, status = ListPage([]), 422
        text = render_template(
            "lists/show.html",
            listing=listing,
            found=result,
            form=form,
            arguments=arguments,
            files=[(LABELS[kind], _file_url(key, kind, arguments)) for kind in listing.exports],
        )
    return text, status


@bp.get("/lists/<key>.<any(csv,xlsx,pdf):kind>")
def export(key: str, kind: str) -> Response | Answer:
    """The whole list, as its filters have it, in a file."""
    listing = current.application().listings.get(key, current.actor())
    if kind not in listing.exports:
        return page(Trouble(404, _("صفحه پیدا نشد"), _("این فهرست به این شکل داده نمی‌شود.")))
    with current.transaction() as session:
        context = listing_context(session, current.actor())
        form = form_of(listing, context, request.args)
        result = listing.read(context, query_of(listing, form, cursor=None, limit=None))
    most = MAX_PRINTED if kind == "pdf" else MAX_EXPORTED
    if result.next or len(result.rows) > most:
        words = _("این فهرست بیش از %(most)s ردیف دارد و یک‌جا داده نمی‌شود.", most=digits(most))
        return page(Trouble(422, _("فهرست بیش از اندازه بلند است"), words, _("بازهٔ کوتاه‌تر یا فیلتری انتخاب کنید.")))
    with current.transaction() as session:
        return _file(session, listing, result, form, kind)


def _file(session: Session, listing: Listing, result: ListPage, form: FiltersForm, kind: str) -> Response:
    if kind == "pdf":
        content = current.application().print_list(files.printable(listing, result, filters_in_words=_in_words(form)))
    else:
        content = {"csv": files.csv_file, "xlsx": files.xlsx_file}[kind](listing, result)
    media_type = {"csv": "text/csv", "xlsx": SPREADSHEET, "pdf": "application/pdf"}[kind]
    name = f"{listing.key}-{jalali.moment_text(current.now(), current.zone())[:10].replace('/', '-')}.{kind}"
    leaving = Leaving(events.LIST_EXPORTED, ("list", listing.key), {"rows": len(result.rows)})
    return downloads.send(session, content, name, media_type, by=current.actor(), leaving=leaving, inline=kind == "pdf")


def _in_words(form: FiltersForm) -> list[tuple[str, str]]:
    """The filters that are set, with what they are set to."""
    lines: list[tuple[str, str]] = []
    for field in form:
        if field.data in (None, ""):
            continue
        labels = [str(option.label) for option in getattr(field, "options", []) if option.value == field.data]
        value = jalali.format_date(field.data) if isinstance(field.data, date) else digits(field.data)
        lines.append((str(field.label.text), labels[0] if labels else value))
    return lines


def _file_url(key: str, kind: str, arguments: dict[str, str]) -> str:
    """The address of a file that holds the list as its filters have it now."""
    query = urlencode({name: value for name, value in arguments.items() if name != "cursor"})
    return f"{request.script_root}/lists/{key}.{kind}" + (f"?{query}" if query else "")
