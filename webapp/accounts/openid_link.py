"""The page of one's own account at the provider: whether it is linked, linking it, and ending that."""

from __future__ import annotations

from flask import flash, redirect, render_template, request

from engine.errors import InvalidSubmission, TooMany
from engine.identity.openid import linking
from forms.accounts import ConfirmPassword
from forms.base import TaskForm
from models.account import Person
from models.language import gettext as _
from webapp.accounts.blueprint import bp
from webapp.accounts.openid import forget_vouched, provider, vouched
from webapp.accounts.pages import Page, accepted, sent, too_many
from webapp.office.leaving import let_go
from webapp.shell import current

PAGE = "/account/openid"


@bp.route(PAGE, methods=["GET", "POST"])
def own_openid() -> Page:
    """Link the account whose owner has just come back from the provider; the password is asked for once more."""
    provider()
    actor = current.actor()
    identity = vouched(actor.person_id)
    form = sent(ConfirmPassword)
    if identity is not None and accepted(form):
        try:
            with current.transaction() as session:
                person = session.get_one(Person, actor.person_id)
                current.application().accounts.demand_password(
                    session, person, form.submission["password"], now=current.now()
                )
                linking.link_own(session, identity, by=actor, now=current.now())
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return too_many("openid_own", form, error, identity=identity, linked=None)
        else:
            forget_vouched()
            flash(_("حساب شما به حساب سازمانی وصل شد. از این پس با آن هم وارد می‌شوید."), "success")
            return redirect(f"{request.script_root}{PAGE}", 303)
    return _show(form, identity)


@bp.post(f"{PAGE}/unlink")
def unlink_own_openid() -> Page:
    """End the link of one's own account."""
    provider()
    try:
        with current.transaction() as session:
            linking.unlink_own(session, current.settings().openid_issuer, by=current.actor(), now=current.now())
    except InvalidSubmission as error:
        form = ConfirmPassword.unbound()
        form.add_errors(error.errors)
        return _show(form, None)
    who = current.actor().person_id
    if who is not None:
        let_go(who)
    flash(_("پیوند با حساب سازمانی قطع شد."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)


def _show(form: TaskForm, identity: object) -> Page:
    with current.transaction() as session:
        linked = linking.identity_of(session, current.actor().person_id or 0, current.settings().openid_issuer)
        text = render_template(
            "accounts/openid_own.html",
            form=form,
            identity=None if linked else identity,
            linked=linked,
            failed_page=bool(form.errors),
        )
    return text, 422 if form.errors else 200
