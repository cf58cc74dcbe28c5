"""Signing in and out."""

from __future__ import annotations

from typing import Any, Protocol

from flask import flash, redirect, request
from flask import session as cookie

from engine.errors import TooMany
from engine.identity.accounts import FirstPasswordEnded, SignInRefused
from engine.identity.passwords import Owner, weakness
from forms.accounts import SignIn
from forms.base import TaskForm
from models.account import Person
from models.language import gettext as _
from webapp.accounts import device, openid
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page, accepted, page, sent, too_many
from webapp.accounts.second_step import enter, way_to_step
from webapp.shell import current
from webapp.shell.labels import role_label

# What a browser forgets at sign-out. Not "cookies": those of the organisation's other sites under the same domain would
# go too, and the device's, by which strangers' attempts are told from the owner's; the session ends in the database.
LEFT_BEHIND = '"cache", "storage"'


class DemoPeople(Protocol):
    """The people whom the sign-in page offers in demo mode: role, username, password and name of each."""

    def __call__(self) -> list[dict[str, str]]: ...


@bp.route("/sign-in", methods=["GET", "POST"])
@current.public
def sign_in() -> Page:
    """Sign in; a new session begins, and the browser goes on to the page it came from."""
    way_on = current.safe_next(request.form.get("next") or request.args.get("next"))
    if request.method == "GET" and current.person() is not None:
        return redirect(way_on, 303)
    if request.method == "GET" and (to_step := way_to_step(way_on)) is not None:
        return to_step
    form: TaskForm = sent(SignIn)
    if accepted(form):
        try:
            before = current.token()
            with current.transaction() as session:
                if before:
                    current.application().accounts.end_session(session, before, address=current.address())
                values = form.submission
                person, token = current.application().accounts.sign_in(
                    session,
                    values["username"],
                    values["password"],
                    address=current.address(),
                    now=current.now(),
                    device=device.token(),
                    agent=current.agent(),
                )
                _advise(person, values["password"])
                factor = current.application().second_step.begin(
                    session, token, address=current.address(), now=current.now()
                )
        except FirstPasswordEnded:
            words = _("زمان رمز عبوری که سازمان برای شما ساخته بود تمام شده است.")
            way_out = _("رمز عبور را بازیابی کنید یا از مدیر سامانه رمز عبور جدید بخواهید.")
            form.add_errors({"": [words, way_out]})
        except SignInRefused:
            form.add_errors({"": [_("نام کاربری یا رمز عبور درست نیست.")]})
        except TooMany as error:
            return too_many("sign_in", form, error, way_out=_way_out(), demo_people=_demo_people())
        else:
            return enter(token, factor, way_on)
    return page("sign_in", form, demo_people=_demo_people())


@bp.post("/sign-out")
@current.public
def sign_out() -> Page:
    """End this browser's session."""
    token = current.token()
    if token:
        with current.transaction() as session:
            current.application().accounts.end_session(session, token, address=current.address())
    by_provider = bool(cookie.get(openid.SIGNED_IN)) and current.application().openid is not None
    current.forget()
    answer = redirect(f"{request.script_root}/sign-in{'?left=openid' if by_provider else ''}", 303)
    answer.headers["Clear-Site-Data"] = LEFT_BEHIND
    return answer


def _demo_people() -> list[Any]:
    """Whom the demo offers at its sign-in page."""
    if not current.settings().demo:
        return []
    people = current.application().demo_people()
    return [{**one, "role_label": role_label(one["role"]), "place": place} for place, one in enumerate(people)]


def _way_out() -> str:
    return _("اگر عجله دارید، رمز عبور را با پیامک بازیابی کنید یا از شبکه‌ای دیگر وارد شوید.")


def _advise(person: Person, password: str) -> None:
    """Ask for a better password than one of before the policy; the demo's own are exempt."""
    if not current.settings().demo and not person.must_change_password and weakness(password, Owner.of(person)):
        flash(_("رمز عبور شما کوتاه است یا به‌آسانی حدس زده می‌شود. لطفاً آن را عوض کنید."), "warning")
