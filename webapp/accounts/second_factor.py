"""One's own second factor: enrolling an app or SMS codes, recovery codes, turning it off."""

from __future__ import annotations

from typing import Any

import segno
from flask import flash, redirect, render_template, request
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission, TooMany
from engine.identity import second_factor as rules
from engine.identity.second_factor import app_address
from forms.base import TaskForm
from forms.second_factor import AppCode, SmsCode
from models.account import Person
from models.language import gettext as _
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, code_words, note_code_sent, page, sent, too_many
from webapp.accounts.second_step import PLACE
from webapp.shell import current
from webapp.shell.confirmation import dangerous

OFFER = "factor_offer"  # in the signed cookie: the sealed secret of the QR code that this browser shows


@bp.get(PLACE)
def second_factor() -> str:
    """What is enrolled, and what can be."""
    with current.transaction() as session:
        person = _person(session)
        state = rules.state(session, person.id)
        compulsory = rules.is_compulsory(session, person.id)
        return render_template(
            "accounts/second_factor.html",
            state=state,
            compulsory=compulsory,
            has_mobile=bool(person.mobile),
            sms_arrives=current.application().sms_arrives,
        )


@bp.route(f"{PLACE}/app", methods=["GET", "POST"])
@dangerous
def enrol_app() -> Page:
    """Enrol an authenticator app: scan the QR code, type the code that it shows. Recovery codes are shown once."""
    offer, secret, address = _offer()
    form: TaskForm = sent(AppCode)
    if accepted(form):
        try:
            with current.transaction() as session:
                codes = current.application().second_factors.enrol_app(
                    session,
                    _person(session),
                    offer,
                    form.submission["code"],
                    address=current.address(),
                    now=current.now(),
                )
                _end_other_sessions(session)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            cookie.pop(OFFER, None)
            return _show(codes, enrolled=True)
    qr = segno.make(address, error="m").svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    groups = [secret[at : at + 4] for at in range(0, len(secret), 4)]
    return page("enrol_app", form, qr=qr, secret=" ".join(groups))


@bp.route(f"{PLACE}/sms", methods=["GET", "POST"])
@dangerous
def enrol_sms() -> Page:
    """Enrol codes by SMS: have one sent, type it. Recovery codes are shown once."""
    with current.transaction() as session:
        person = _person(session)
        mobile = person.mobile or ""
        was_sent = current.application().second_factors.code_was_sent(session, person, now=current.now())
    if not (mobile and current.application().sms_arrives):
        return redirect(f"{request.script_root}{PLACE}", 303)
    words: dict[str, Any] = {**code_words(mobile), "was_sent": was_sent}
    if request.method == "POST" and request.form.get("_action") == "resend":
        return _send(words)
    form: TaskForm = sent(SmsCode)
    if request.method == "POST" and not was_sent:
        form.add_errors({"": [_("هنوز کدی ارسال نشده است. ابتدا دکمهٔ «ارسال کد» را بزنید.")]})
    elif accepted(form):
        try:
            with current.transaction() as session:
                codes = current.application().second_factors.enrol_sms(
                    session, _person(session), form.submission["code"], address=current.address(), now=current.now()
                )
                _end_other_sessions(session)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            return _show(codes, enrolled=True)
    return page("enrol_sms", form, **words)


def _send(words: dict[str, Any]) -> Page:
    form = SmsCode.unbound()
    try:
        with current.transaction() as session:
            current.application().second_factors.send_code(
                session, _person(session), address=current.address(), now=current.now()
            )
    except TooMany as error:
        return too_many("enrol_sms", form, error, **words)
    note_code_sent()
    flash(_("کد به شمارهٔ همراه شما پیامک شد."), "success")
    return redirect(f"{request.script_root}{PLACE}/sms", 303)


@bp.post(f"{PLACE}/recovery-codes")
@dangerous
def new_recovery_codes() -> Page:
    """New recovery codes in the place of the former ones. Only the page that answers shows them."""
    with current.transaction() as session:
        codes = current.application().second_factors.new_recovery_codes(
            session, _person(session), address=current.address()
        )
    return _show(codes, enrolled=False)


@bp.post(f"{PLACE}/off")
@dangerous
def turn_off_second_factor() -> Response:
    """Sign in by the password alone from now on."""
    with current.transaction() as session:
        current.application().second_factors.turn_off(
            session, _person(session), address=current.address(), now=current.now()
        )
    flash(_("ورود دومرحله‌ای غیرفعال شد. از این پس فقط با رمز عبور وارد می‌شوید."), "success")
    return redirect(f"{request.script_root}{PLACE}", 303)


def _show(codes: list[str], *, enrolled: bool) -> str:
    return render_template("accounts/recovery_codes.html", codes=codes, enrolled=enrolled)


def _offer() -> tuple[str, str, str]:
    """The offer that this browser shows, else a new one; its secret, and the address in its QR code."""
    factors, actor = current.application().second_factors, current.actor()
    person_id = actor.person_id or 0
    offer = str(cookie.get(OFFER, ""))
    secret = factors.offered_secret(person_id, offer)
    if secret is None:
        offer = cookie[OFFER] = factors.offer(person_id)
        secret = factors.offered_secret(person_id, offer) or ""
    return offer, secret, app_address(secret, actor.username)


def _person(session: Session) -> Person:
    return session.get_one(Person, current.actor().person_id)


def _end_other_sessions(session: Session) -> None:
    """They were opened without the second factor that there is now."""
    current.application().accounts.end_sessions(session, _person(session).id, keep=current.token())
