"""The admin's page of one person's account at the organisation's provider: linking it by its subject, and unlinking."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission
from engine.identity import people, permissions
from engine.identity.openid import linking
from forms.openid import SubjectForm
from models.language import gettext as _
from webapp.office.leaving import let_go
from webapp.shell import current
from webapp.shell.confirmation import dangerous

bp = Blueprint("person_openid", __name__)

PAGE = "/people/<int:person_id>/openid"
Page = tuple[str, int] | str | Response


@bp.route(PAGE, methods=["GET", "POST"])
@dangerous
def link(person_id: int) -> Page:
    """The linked account, or a form for the subject of one."""
    issuer = _issuer()
    form = SubjectForm.from_request(request.form) if request.method == "POST" else SubjectForm.unbound()
    if request.method == "POST" and form.validate():
        try:
            with current.transaction() as session:
                subject = form.submission["subject"]
                linking.link_by_admin(session, person_id, issuer, subject, by=current.actor(), now=current.now())
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            return _back(person_id, _("حساب وصل شد. صاحب آن از این پس با حساب سازمانی هم وارد می‌شود."))
    with current.transaction() as session:
        text = render_template(
            "office/person_openid.html",
            account=people.person(session, current.actor(), person_id),
            linked=linking.identity_of(session, person_id, issuer),
            form=form,
            failed_page=bool(form.errors),
        )
    return text, 422 if form.errors else 200


@bp.post(f"{PAGE}/unlink")
@dangerous
def unlink(person_id: int) -> Page:
    """End the link, the roles that came from the provider, and every session of the account."""
    issuer = _issuer()
    with current.transaction() as session:
        person = linking.unlink_by_admin(session, person_id, issuer, by=current.actor(), now=current.now())
        current.application().accounts.end_sessions(session, person.id)
    let_go(person_id)
    return _back(person_id, _("پیوند قطع شد و صاحب حساب از همهٔ دستگاه‌ها خارج شد."))


def _issuer() -> str:
    permissions.demand(current.actor(), "manage_people")
    if current.application().openid is None:
        abort(404)
    return current.settings().openid_issuer


def _back(person_id: int, words: str) -> Response:
    flash(words, "success")
    return redirect(f"{request.script_root}/people/{person_id}/openid", 303)
