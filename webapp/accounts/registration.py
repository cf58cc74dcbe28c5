"""Registering as a citizen, and the code that opens the account (ACC-1)."""

from __future__ import annotations

from flask import flash, redirect, request
from flask import session as cookie

from engine.errors import InvalidSubmission, TooMany
from engine.identity import registration as registrations
from engine.identity.registration import Registration
from engine.identity.verification_codes import Codes
from forms.accounts import Code, Register
from models.language import gettext as _
from webapp.accounts import device
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, code_words, note_code_sent, page, sent, too_many
from webapp.shell import current

REGISTRATION = "registration"  # what the signed cookie holds of a registration: mobile and mark


@bp.route("/register", methods=["GET", "POST"])
@current.public
def register() -> Page:
    """Register as a citizen; the account works once the code was typed."""
    form = sent(Register)
    if accepted(form):
        values = form.submission
        registration = Registration(**{name: values[name] for name in Registration.__dataclass_fields__})
        try:
            with current.transaction() as session:
                mark = registrations.begin(
                    session, _codes(), registration, address=current.address(), now=current.now()
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return too_many("register", form, error, way_out=_way_out())
        else:
            cookie[REGISTRATION] = {"mobile": registration.mobile, "mark": mark}
            note_code_sent()
            return redirect(f"{request.script_root}/register/code", 303)
    return page("register", form)


@bp.route("/register/code", methods=["GET", "POST"])
@current.public
def verify_code() -> Page:
    """The code that opens a registration; whoever typed it is signed in."""
    pending = cookie.get(REGISTRATION)
    if not isinstance(pending, dict):
        return redirect(f"{request.script_root}/register", 303)
    if request.method == "POST" and request.form.get("_action") == "resend":
        return _resend_registration(pending)
    form = sent(Code)
    if accepted(form):
        try:
            with current.transaction() as session:
                person = registrations.confirm(
                    session,
                    _codes(),
                    pending["mark"],
                    form.submission["code"],
                    now=current.now(),
                    address=current.address(),
                )
                token = device.open_session(session, person)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            current.remember(token)
            device.keep()
            flash(_("خوش آمدید. حساب شما ساخته شد."), "success")
            return redirect(f"{request.script_root}/", 303)
    return page("verify_code", form, **code_words(pending["mobile"]))


def _resend_registration(pending: dict[str, str]) -> Page:
    try:
        with current.transaction() as session:
            registrations.send_again(session, _codes(), pending["mark"], address=current.address(), now=current.now())
    except TooMany as error:
        return too_many("verify_code", Code.unbound(), error, way_out=_way_out(), **code_words(pending["mobile"]))
    note_code_sent()
    flash(_("کد جدید ارسال شد."), "success")
    return redirect(f"{request.script_root}/register/code", 303)


def _codes() -> Codes:
    return current.application().accounts.codes


def _way_out() -> str:
    return _("کدی ارسال نشد. از شبکه‌ای دیگر زودتر می‌توانید کد بگیرید.")
