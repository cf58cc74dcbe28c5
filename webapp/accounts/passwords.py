"""Changing one's own password."""

from __future__ import annotations

from flask import flash, redirect, request

from engine.errors import InvalidSubmission, TooMany
from forms.accounts import ChangePassword
from models.account import Person
from models.language import gettext as _
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, page, sent, too_many
from webapp.shell import current


@bp.route("/password", methods=["GET", "POST"])
def change_password() -> Page:
    """Change one's own password; at the first sign-in with one that the organisation gave, nothing else opens."""
    actor, person = current.actor(), current.person()
    must_change = person is not None and person.must_change_password
    form = sent(ChangePassword)
    if accepted(form):
        values = form.submission
        try:
            with current.transaction() as session:
                current.application().accounts.change_password(
                    session,
                    session.get_one(Person, actor.person_id),
                    old=values["old_password"],
                    new=values["password"],
                    keep=current.token(),
                    now=current.now(),
                    address=current.address(),
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return too_many("change_password", form, error, must_change=must_change)
        else:
            flash(_("رمز عبور تغییر کرد و از دستگاه‌های دیگر خارج شدید."), "success")
            return redirect(f"{request.script_root}/", 303)
    return page("change_password", form, must_change=must_change)
