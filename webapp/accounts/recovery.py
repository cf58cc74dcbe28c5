"""A new password by a code to the account's mobile (ACC-3)."""

from __future__ import annotations

from flask import flash, redirect, request
from flask import session as cookie

from engine.errors import InvalidSubmission, TooMany
from forms.accounts import Forgot, Reset
from models.language import gettext as _
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, code_words, note_code_sent, page, sent, too_many
from webapp.shell import current

RECOVERY = "recovery"  # the user name whose password is being recovered


@bp.route("/forgot", methods=["GET", "POST"])
@current.public
def forgot() -> Page:
    """Ask for a code to set a new password; nothing tells whether there is such an account."""
    form = sent(Forgot)
    if accepted(form):
        try:
            _send_recovery(form.submission["username"])
        except TooMany as error:
            return too_many("forgot", form, error)
        return redirect(f"{request.script_root}/reset", 303)
    return page("forgot", form)


@bp.route("/reset", methods=["GET", "POST"])
@current.public
def reset() -> Page:
    """Set a new password by the code; whoever did is signed in, and every other session has ended."""
    username = cookie.get(RECOVERY)
    if not isinstance(username, str):
        return redirect(f"{request.script_root}/forgot", 303)
    if request.method == "POST" and request.form.get("_action") == "resend":
        try:
            _send_recovery(username)
        except TooMany as error:
            return too_many("reset", Reset.unbound(), error, **code_words(""))
        flash(_("اگر حسابی با این نام باشد، کد جدید ارسال شد."), "success")
        return redirect(f"{request.script_root}/reset", 303)
    form = sent(Reset)
    if accepted(form):
        values = form.submission
        try:
            with current.transaction() as session:
                person = current.application().accounts.recover(
                    session, username, values["code"], values["password"], now=current.now(), address=current.address()
                )
                token = current.application().accounts.open_session(session, person, now=current.now(), kind="browser")
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            current.remember(token)
            flash(_("رمز عبور جدید ثبت شد و از دستگاه‌های دیگر خارج شدید."), "success")
            return redirect(f"{request.script_root}/", 303)
    return page("reset", form, **code_words(""))


def _send_recovery(username: str) -> None:
    with current.transaction() as session:
        name = current.application().accounts.send_recovery(
            session, username, address=current.address(), now=current.now()
        )
    cookie[RECOVERY] = name
    note_code_sent()
