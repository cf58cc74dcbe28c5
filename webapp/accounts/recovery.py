"""A new password by a code to the account's mobile (ACC-3)."""

from __future__ import annotations

from dataclasses import asdict

from flask import flash, redirect, request
from flask import session as cookie

from engine.errors import InvalidSubmission, TooMany
from engine.identity import recovery as recoveries
from engine.identity.recovery import Recovery
from forms.accounts import Forgot, Reset
from models.language import gettext as _
from webapp.accounts import device
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, code_words, note_code_sent, page, sent, too_many
from webapp.shell import current

RECOVERY = "recovery"  # what the signed cookie holds of a recovery: user name and mark


@bp.route("/forgot", methods=["GET", "POST"])
@current.public
def forgot() -> Page:
    """Ask for a code to set a new password; nothing tells whether there is such an account."""
    form = sent(Forgot)
    if accepted(form):
        try:
            with current.transaction() as session:
                recovery = recoveries.begin(
                    session,
                    current.application().accounts,
                    form.submission["username"],
                    address=current.address(),
                    device=device.token(),
                    now=current.now(),
                )
        except TooMany as error:
            return too_many("forgot", form, error, way_out=_way_out())
        cookie[RECOVERY] = asdict(recovery)
        note_code_sent()
        return redirect(f"{request.script_root}/reset", 303)
    return page("forgot", form)


@bp.route("/reset", methods=["GET", "POST"])
@current.public
def reset() -> Page:
    """Set a new password by the code; whoever did is signed in, and every other session has ended."""
    recovery = _recovery()
    if recovery is None:
        return redirect(f"{request.script_root}/forgot", 303)
    if request.method == "POST" and request.form.get("_action") == "resend":
        return _resend(recovery)
    form = sent(Reset)
    if accepted(form):
        values = form.submission
        try:
            with current.transaction() as session:
                person = recoveries.finish(
                    session,
                    current.application().accounts,
                    recovery,
                    values["code"],
                    values["password"],
                    now=current.now(),
                    address=current.address(),
                )
                token = device.open_session(session, person)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            current.remember(token)
            device.keep()
            flash(_("رمز عبور جدید ثبت شد و از دستگاه‌های دیگر خارج شدید."), "success")
            return redirect(f"{request.script_root}/", 303)
    return page("reset", form, **code_words(""))


def _resend(recovery: Recovery) -> Page:
    try:
        with current.transaction() as session:
            recoveries.send_again(
                session,
                current.application().accounts,
                recovery,
                address=current.address(),
                device=device.token(),
                now=current.now(),
            )
    except TooMany as error:
        return too_many("reset", Reset.unbound(), error, way_out=_way_out(), **code_words(""))
    note_code_sent()
    flash(_("اگر حسابی با این نام باشد، کد جدید ارسال شد."), "success")
    return redirect(f"{request.script_root}/reset", 303)


def _recovery() -> Recovery | None:
    """The recovery that this browser has begun."""
    match cookie.get(RECOVERY):
        case {"username": str(username), "mark": str(mark)}:
            return Recovery(username, mark)
    return None


def _way_out() -> str:
    return _("کدی ارسال نشد. از مرورگری که قبلاً با آن وارد شده‌اید یا از شبکه‌ای دیگر زودتر می‌توانید کد بگیرید.")
