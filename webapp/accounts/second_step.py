"""The second step of signing in: the code of the second factor, or a recovery code in its place."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission, TooMany
from engine.identity import second_factor as rules
from engine.identity.accounts import SignInRefused
from forms.base import TaskForm
from forms.second_factor import AppCode, RecoveryCode, SmsCode
from models.language import gettext as _
from models.language import ngettext
from models.second_factor import FactorKind
from webapp.accounts import device
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, code_words, note_code_sent, page, sent, too_many
from webapp.shell import current
from webapp.shell.filters import number
from webapp.shell.query_string import address_with

STEP = "/sign-in/second"
PLACE = "/account/second-factor"
RECOVERY = "recovery"
FORMS: dict[FactorKind, type[TaskForm]] = {FactorKind.TOTP: AppCode, FactorKind.SMS: SmsCode}


def way_to_step(way_on: str) -> Response | None:
    """To the second step, when this browser's session still waits for it; then on to ``way_on``."""
    token = current.token()
    if token is None or current.person() is not None:
        return None
    with current.transaction() as session:
        waiting = current.application().second_step.waiting(session, token, now=current.now())
    return redirect(address_with(STEP, next=way_on), 303) if waiting else None


def enter(token: str, factor: FactorKind | None, way_on: str) -> Response:
    """Into the session that was just opened; to the second step first, if it waits for a ``factor``.

    The browser is one of the account's from a whole session on: a password alone makes it none.
    """
    current.remember(token)
    if factor is None:
        device.keep()
        return redirect(way_on, 303)
    if factor is FactorKind.SMS:
        note_code_sent()
    return redirect(address_with(STEP, next=way_on), 303)


@bp.route(STEP, methods=["GET", "POST"])
@current.public
def second_step() -> Page:
    """Prove the second factor; until then the session may do nothing."""
    way_on = current.safe_next(request.args.get("next"))
    token = current.token() or ""
    with current.transaction() as session:
        waiting = current.application().second_step.waiting(session, token, now=current.now())
        mobile = (waiting[0].mobile or "") if waiting else ""
    if waiting is None:
        return redirect(address_with("/sign-in", next=way_on), 303)
    kind = waiting[1]
    by_recovery = request.args.get("with") == RECOVERY
    words: dict[str, Any] = {
        "kind": "recovery" if by_recovery else kind.value,
        "other": address_with(STEP, next=way_on, **({} if by_recovery else {"with": RECOVERY})),
        **code_words(mobile if kind is FactorKind.SMS else ""),
    }
    if request.method == "POST" and request.form.get("_action") == "resend" and kind is FactorKind.SMS:
        return _resend(token, way_on, words)
    form = sent(RecoveryCode if by_recovery else FORMS[kind])
    if accepted(form):
        try:
            with current.transaction() as session:
                person, whole = current.application().second_step.finish(
                    session,
                    token,
                    form.submission["code"],
                    address=current.address(),
                    now=current.now(),
                    device=device.token(),
                    agent=current.agent(),
                )
                state = rules.state(session, person.id)
        except SignInRefused:  # it ended meanwhile, or was finished in another window
            return redirect(address_with("/sign-in", next=way_on), 303)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return too_many("second_step", form, error, **words)
        else:
            entered = enter(whole, None, way_on)
            if by_recovery:  # told now: the new session's cookie holds nothing of the former one
                flash(_recovered(state.left if state else 0), "info")
            return entered
    return page("second_step", form, **words)


def _recovered(left: int) -> Markup:
    """What to know after a recovery code: how many are left, and where a lost telephone is replaced."""
    used = _("با کد بازیابی وارد شدید. این کد دیگر کار نمی‌کند.")
    codes = ngettext("%(count)s کد بازیابی دیگر دارید.", "%(count)s کد بازیابی دیگر دارید.", left, count=number(left))
    words = _("اگر گوشی خود را ندارید، ورود دومرحله‌ای را دوباره تنظیم کنید")
    return Markup('{} {} <a href="{}{}">{}</a>').format(used, codes, request.script_root, PLACE, words)


def _resend(token: str, way_on: str, words: dict[str, Any]) -> Page:
    form = SmsCode.unbound()
    try:
        with current.transaction() as session:
            current.application().second_step.send_code(session, token, address=current.address(), now=current.now())
    except SignInRefused:
        return redirect(address_with("/sign-in", next=way_on), 303)
    except InvalidSubmission as error:
        form.add_errors(error.errors)
        return page("second_step", form, **words)
    except TooMany as error:
        return too_many("second_step", form, error, **words)
    note_code_sent()
    flash(_("کد جدید ارسال شد."), "success")
    return redirect(address_with(STEP, next=way_on), 303)
