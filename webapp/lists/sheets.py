"""Own sheets: a form about oneself outside any case. It opens with the saved values and saves them when it is valid."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

import forms
from engine.contributions.briefings import Briefing
from engine.contributions.sheets import Sheet
from engine.errors import Refusal
from webapp.lists.reading import listing_context
from webapp.shell import current

bp = Blueprint("sheets", __name__)

Page = tuple[str, int]


@bp.get("/sheets/<key>")
def show(key: str) -> Page:
    sheet = current.application().sheets.get(key, current.actor())
    with current.transaction() as session:
        known = sheet.read(listing_context(session, current.actor()))
        return _page(sheet, known, _form_class(sheet).unbound(preset=known.values, choices=known.choices))


@bp.post("/sheets/<key>")
def submit(key: str) -> Page | Response:
    """Keep what was filled in; what is refused stays on the page, with the reasons at its fields."""
    sheet = current.application().sheets.get(key, current.actor())

    def answer(session: Session) -> Page | str:
        known, form = _sent(sheet, session)
        if form.apply_row_commands():
            redrawn = _form_class(sheet).unbound(preset=form.draft_values, choices=known.choices)
            return _page(sheet, known, redrawn)
        if not form.validate():
            return _page(sheet, known, form, status=422)
        return sheet.write(listing_context(session, current.actor()), form.submission)

    try:
        result = current.engine().in_transaction(answer)
    except Refusal as refusal:
        return _refused(sheet, refusal)
    if not isinstance(result, str):
        return result
    flash(result, "success")
    return redirect(f"{request.script_root}/sheets/{key}", 303)


def _refused(sheet: Sheet, refusal: Refusal) -> Page:
    with current.transaction() as session:
        known, form = _sent(sheet, session)
        form.validate()
        form.add_errors(refusal.errors)
        return _page(sheet, known, form, status=422)


def _sent(sheet: Sheet, session: Session) -> tuple[Briefing, forms.TaskForm]:
    known = sheet.read(listing_context(session, current.actor()))
    form = _form_class(sheet).from_request(request.form, preset=known.values, choices=known.choices)
    return known, form


def _form_class(sheet: Sheet) -> type[forms.TaskForm]:
    form_class = forms.form_for(*sheet.form)
    if form_class is None:
        raise LookupError(f"No form {'.'.join(sheet.form)} for the sheet {sheet.key}")
    return form_class


def _page(sheet: Sheet, known: Briefing, form: forms.TaskForm, *, status: int = 200) -> Page:
    return render_template("lists/sheet.html", sheet=sheet, form=form, blocks_shown=known.blocks), status
