"""Asking for the password again before a dangerous act; what was typed in the act's form goes along.

``tests/web/test_dangerous_acts.py`` lists every act of ours, and says of each whether it is dangerous.
"""

from __future__ import annotations

from typing import Any, TypeVar

from flask import current_app, flash, g, render_template, request
from sqlalchemy.orm import Session

from engine.actor import SignedIn
from engine.errors import InvalidSubmission, TooMany
from engine.identity import second_factor
from forms.base import TaskForm
from forms.second_factor import Confirm, ConfirmWithFactor
from models.account import Person
from models.language import gettext as _
from models.second_factor import FactorKind
from webapp.shell import current
from webapp.shell.filters import wait_words

V = TypeVar("V", bound=Any)
Page = tuple[str, int, dict[str, str]]

ACTION, SEND = "_confirm", "sms"
PASSWORD, CODE = "confirm_password", "confirm_code"


def dangerous(view: V) -> V:
    """Decorator: before the view changes anything, the session must have been confirmed some minutes ago at most."""
    view.dangerous = True
    return view


def is_dangerous(endpoint: str | None) -> bool:
    """Whether an act was declared dangerous."""
    return bool(getattr(current_app.view_functions.get(endpoint or ""), "dangerous", False))


def ask(signed_in: SignedIn, *, kept_out: str) -> Page | None:
    """The page that asks, before a dangerous act of a session that is not confirmed; ``None``: the act may go on.

    ``kept_out``: the name of the field that guards forms, which the page has anew.
    """
    if current.application().confirmation.counts(signed_in.confirmed_at, now=current.now()):
        return None
    with current.transaction() as session:
        factor = second_factor.state(session, _id(signed_in))
    form_class = ConfirmWithFactor if factor else Confirm
    if PASSWORD not in request.form and CODE not in request.form:
        return _page(form_class.unbound(), factor, 403, kept_out)
    form = form_class.from_request(request.form)
    status, headers = 422, {}
    if form.validate():
        try:
            if request.form.get(ACTION) == SEND:
                _send(signed_in)
                return _page(form, factor, 403, kept_out)
            _confirm(signed_in, form)
        except InvalidSubmission as error:
            form.add_errors({_field(name): messages for name, messages in error.errors.items()})
        except TooMany as error:
            form.add_errors({"": [_("تعداد درخواست‌ها زیاد است."), wait_words(error.retry_after)]})
            status, headers = 429, {"Retry-After": str(error.retry_after)}
        else:
            g.pop("person", None)
            return None
    return _page(form, factor, status, kept_out, headers)


def _confirm(signed_in: SignedIn, form: TaskForm) -> None:
    with current.transaction() as session:
        current.application().confirmation.confirm(
            session,
            current.token() or "",
            _person(session, signed_in),
            password=form.submission.get(PASSWORD) or "",
            code=form.submission.get(CODE) or "",
            address=current.address(),
            now=current.now(),
        )


def _send(signed_in: SignedIn) -> None:
    with current.transaction() as session:
        current.application().second_factors.send_code(
            session, _person(session, signed_in), address=current.address(), now=current.now()
        )
    flash(_("کد به شمارهٔ همراه شما پیامک شد."), "success")


def _page(
    form: TaskForm,
    factor: second_factor.State | None,
    status: int,
    kept_out: str,
    headers: dict[str, str] | None = None,
) -> Page:
    left_out = {kept_out, ACTION, PASSWORD, CODE}
    text = render_template(
        "accounts/confirm.html",
        form=form,
        by_sms=factor is not None and factor.kind is FactorKind.SMS,
        send=(ACTION, SEND),
        sent=[(name, value) for name, value in request.form.items(multi=True) if name not in left_out],
        files=[file.filename for file in request.files.values() if file.filename],
        failed_page=status == 422,
    )
    return text, status, headers or {}


def _field(name: str) -> str:
    return {"password": PASSWORD, "code": CODE}.get(name, "")


def _person(session: Session, signed_in: SignedIn) -> Person:
    return session.get_one(Person, _id(signed_in))


def _id(signed_in: SignedIn) -> int:
    assert signed_in.actor.person_id is not None  # noqa: S101 - who is signed in is a person
    return signed_in.actor.person_id
