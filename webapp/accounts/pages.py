"""What the pages of accounts share: a form as it was sent, its page again, how long to wait, the code's words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import render_template, request
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.errors import TooMany
from engine.identity.verification_codes import CODE_AGAIN
from forms.base import TaskForm
from models.language import gettext as _
from webapp.shell import current
from webapp.shell.filters import wait_words

SENT_AT = "code_sent_at"

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


def sent(form_class: type[TaskForm]) -> TaskForm:
    return form_class.from_request(request.form) if request.method == "POST" else form_class.unbound()


def accepted(form: TaskForm) -> bool:
    return request.method == "POST" and form.validate()


def page(template: str, form: TaskForm, **words: Any) -> Page:
    status = 422 if form.errors else 200
    return render_template(f"accounts/{template}.html", form=form, failed_page=status != 200, **words), status


def too_many(template: str, form: TaskForm, error: TooMany, *, way_out: str = "", **words: Any) -> Page:
    """The same page with what was typed, saying how long to wait, and the ``way_out`` for who cannot."""
    reasons = [_("تعداد درخواست‌ها زیاد است."), wait_words(error.retry_after)]
    form.add_errors({"": [*reasons, way_out] if way_out else reasons})
    text = render_template(f"accounts/{template}.html", form=form, failed_page=True, **words)
    return text, 429, {"Retry-After": str(error.retry_after)}


def code_words(mobile: str) -> dict[str, Any]:
    """The masked mobile number that got the code, and the seconds until a new code can be sent."""
    sent_at = cookie.get(SENT_AT, 0)
    passed = current.now().timestamp() - float(sent_at)
    left = max(0, round((CODE_AGAIN - timedelta(seconds=passed)).total_seconds()))
    return {"mobile": f"{mobile[:4]}•••{mobile[-4:]}" if mobile else "", "seconds_left": left}


def note_code_sent() -> None:
    cookie[SENT_AT] = int(current.now().timestamp())
