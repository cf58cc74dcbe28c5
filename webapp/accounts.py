"""Signing in and out, registering, codes, passwords (ACC-1 to ACC-3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from flask import Blueprint, flash, redirect, render_template, request
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission, TooMany
from engine.identity.accounts import Registration, SignInRefused
from engine.identity.verification_codes import CODE_AGAIN
from forms.accounts import ChangePassword, Code, Forgot, Register, Reset, SignIn
from forms.base import TaskForm
from models.account import Person
from models.language import gettext as _
from webapp.shell import current
from webapp.shell.filters import digits
from webapp.shell.labels import role_label

bp = Blueprint("accounts", __name__)


class DemoPeople(Protocol):
    """The people whom the sign-in page offers in demo mode: role, username, password and name of each."""

    def __call__(self) -> list[dict[str, str]]: ...


REGISTRATION = "registration"  # what the signed cookie holds of a registration: mobile and mark
RECOVERY = "recovery"  # the user name whose password is being recovered
SENT_AT = "code_sent_at"

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


@bp.route("/sign-in", methods=["GET", "POST"])
@current.public
def sign_in() -> Page:
    """Sign in; a new session begins, and the browser goes on to the page it came from."""
    way_on = current.safe_next(request.form.get("next") or request.args.get("next"))
    if request.method == "GET" and current.person() is not None:
        return redirect(way_on, 303)
    form: TaskForm = _sent(SignIn)
    if _accepted(form):
        try:
            before = current.token()
            with current.transaction() as session:
                if before:
                    current.application().accounts.end_session(session, before)
                values = form.submission
                _person, token = current.application().accounts.sign_in(
                    session, values["username"], values["password"], address=_address(), now=current.now()
                )
        except SignInRefused:
            form.add_errors({"": [_("نام کاربری یا رمز عبور درست نیست.")]})
        except TooMany as error:
            return _too_many("sign_in", form, error, demo_people=_demo_people())
        else:
            current.remember(token)
            return redirect(way_on, 303)
    return _page("sign_in", form, demo_people=_demo_people())


@bp.post("/sign-out")
@current.public
def sign_out() -> Page:
    """End this browser's session."""
    token = current.token()
    if token:
        with current.transaction() as session:
            current.application().accounts.end_session(session, token)
    current.forget()
    return redirect(f"{request.script_root}/sign-in", 303)


@bp.route("/register", methods=["GET", "POST"])
@current.public
def register() -> Page:
    """Register as a citizen; the account works once the code was typed."""
    form = _sent(Register)
    if _accepted(form):
        values = form.submission
        registration = Registration(**{name: values[name] for name in Registration.__dataclass_fields__})
        try:
            with current.transaction() as session:
                mark = current.application().accounts.register(
                    session, registration, address=_address(), now=current.now()
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return _too_many("register", form, error)
        else:
            cookie[REGISTRATION] = {"mobile": registration.mobile, "mark": mark}
            _note_sent()
            return redirect(f"{request.script_root}/register/code", 303)
    return _page("register", form)


@bp.route("/register/code", methods=["GET", "POST"])
@current.public
def verify_code() -> Page:
    """The code that opens a registration; whoever typed it is signed in."""
    pending = cookie.get(REGISTRATION)
    if not isinstance(pending, dict):
        return redirect(f"{request.script_root}/register", 303)
    if request.method == "POST" and request.form.get("_action") == "resend":
        return _resend_registration(pending)
    form = _sent(Code)
    if _accepted(form):
        try:
            with current.transaction() as session:
                person = current.application().accounts.confirm_registration(
                    session, pending["mobile"], form.submission["code"], mark=pending["mark"], now=current.now()
                )
                token = current.application().accounts.open_session(session, person, now=current.now(), kind="browser")
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            current.remember(token)
            flash(_("خوش آمدید. حساب شما ساخته شد."), "success")
            return redirect(f"{request.script_root}/", 303)
    return _page("verify_code", form, **_code_words(pending["mobile"]))


def _resend_registration(pending: dict[str, str]) -> Page:
    try:
        with current.transaction() as session:
            current.application().accounts.send_registration_code(
                session, pending["mobile"], mark=pending["mark"], address=_address(), now=current.now()
            )
    except TooMany as error:
        return _too_many("verify_code", Code.unbound(), error, **_code_words(pending["mobile"]))
    _note_sent()
    flash(_("کد جدید ارسال شد."), "success")
    return redirect(f"{request.script_root}/register/code", 303)


@bp.route("/forgot", methods=["GET", "POST"])
@current.public
def forgot() -> Page:
    """Ask for a code to set a new password; nothing tells whether there is such an account."""
    form = _sent(Forgot)
    if _accepted(form):
        try:
            _send_recovery(form.submission["username"])
        except TooMany as error:
            return _too_many("forgot", form, error)
        return redirect(f"{request.script_root}/reset", 303)
    return _page("forgot", form)


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
            return _too_many("reset", Reset.unbound(), error, **_code_words(""))
        flash(_("اگر حسابی با این نام باشد، کد جدید ارسال شد."), "success")
        return redirect(f"{request.script_root}/reset", 303)
    form = _sent(Reset)
    if _accepted(form):
        values = form.submission
        try:
            with current.transaction() as session:
                person = current.application().accounts.recover(
                    session, username, values["code"], values["password"], now=current.now()
                )
                token = current.application().accounts.open_session(session, person, now=current.now(), kind="browser")
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            current.remember(token)
            flash(_("رمز عبور جدید ثبت شد و از دستگاه‌های دیگر خارج شدید."), "success")
            return redirect(f"{request.script_root}/", 303)
    return _page("reset", form, **_code_words(""))


def _send_recovery(username: str) -> None:
    with current.transaction() as session:
        name = current.application().accounts.send_recovery(session, username, address=_address(), now=current.now())
    cookie[RECOVERY] = name
    _note_sent()


@bp.route("/password", methods=["GET", "POST"])
def change_password() -> Page:
    """Change one's own password; at the first sign-in with one that the organisation gave, nothing else opens."""
    actor, person = current.actor(), current.person()
    must_change = person is not None and person.must_change_password
    form = _sent(ChangePassword)
    if _accepted(form):
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
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        except TooMany as error:
            return _too_many("change_password", form, error, must_change=must_change)
        else:
            flash(_("رمز عبور تغییر کرد و از دستگاه‌های دیگر خارج شدید."), "success")
            return redirect(f"{request.script_root}/", 303)
    return _page("change_password", form, must_change=must_change)


# Shared parts


def _sent(form_class: type[TaskForm]) -> TaskForm:
    return form_class.from_request(request.form) if request.method == "POST" else form_class.unbound()


def _accepted(form: TaskForm) -> bool:
    return request.method == "POST" and form.validate()


def _page(template: str, form: TaskForm, **words: Any) -> Page:
    status = 422 if form.errors else 200
    return render_template(f"accounts/{template}.html", form=form, failed_page=status != 200, **words), status


def _too_many(template: str, form: TaskForm, error: TooMany, **words: Any) -> Page:
    """The same page with what was typed, saying how long to wait."""
    minutes = -(-error.retry_after // 60)
    wait = _("%(count)s ثانیهٔ دیگر دوباره تلاش کنید.", count=digits(error.retry_after))
    if error.retry_after > 90:
        wait = _("%(count)s دقیقهٔ دیگر دوباره تلاش کنید.", count=digits(minutes))
    form.add_errors({"": [_("تعداد درخواست‌ها زیاد است."), wait]})
    page = render_template(f"accounts/{template}.html", form=form, failed_page=True, **words)
    return page, 429, {"Retry-After": str(error.retry_after)}


def _code_words(mobile: str) -> dict[str, Any]:
    """The masked mobile number that got the code, and the seconds until a new code can be sent."""
    sent_at = cookie.get(SENT_AT, 0)
    passed = current.now().timestamp() - float(sent_at)
    left = max(0, round((CODE_AGAIN - timedelta(seconds=passed)).total_seconds()))
    return {"mobile": f"{mobile[:4]}•••{mobile[-4:]}" if mobile else "", "seconds_left": left}


def _note_sent() -> None:
    cookie[SENT_AT] = int(current.now().timestamp())


def _address() -> str:
    return request.remote_addr or ""


def _demo_people() -> list[Any]:
    """Whom the demo offers at its sign-in page."""
    if not current.settings().demo:
        return []
    people = current.application().demo_people()
    return [{**one, "role_label": role_label(one["role"]), "place": place} for place, one in enumerate(people)]
