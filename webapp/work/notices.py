"""Messages (پیام‌ها): the person's own, those to their roles, and sending new ones (ACC-4)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission
from engine.identity.permissions import allowed, demand
from engine.queries import messages
from forms.base import TaskForm
from forms.fields import LongTextField, SelectField, TextField
from forms.validators import Required
from models.choice import Choice
from models.language import gettext as _
from models.language import lazy
from webapp.shell import current, query_string

bp = Blueprint("notices", __name__)


class NoticeForm(TaskForm):
    """A message to everyone of a role or to one person."""

    submit_label = lazy("ارسال پیام")

    role = SelectField(lazy("همهٔ دارندگان نقش"))
    username = TextField(
        lazy("یا یک نفر، با نام کاربری"),
        most=60,
        render_kw={"dir": "ltr", "autocomplete": "off"},
        description=lazy("اگر نام کاربری وارد کنید، پیام فقط برای همان یک نفر ارسال می‌شود."),
    )
    title = TextField(lazy("عنوان"), [Required()], most=messages.MAX_TITLE_LENGTH)
    body = LongTextField(lazy("متن پیام"), [Required()], most=messages.MAX_BODY_LENGTH)


@bp.get("/messages")
def show() -> str:
    arguments = query_string.read("kind", "cursor")
    public = {"public": True, "private": False}.get(arguments.get("kind", ""))
    with current.transaction() as session:
        page = messages.page(session, current.actor(), public=public, cursor=arguments.get("cursor"))
        return render_template(
            "work/messages.html",
            page=page,
            arguments=arguments,
            may_send=allowed(current.actor(), "send_messages"),
        )


@bp.get("/messages/<int:message_id>")
def read(message_id: int) -> str:
    """One message; whoever opens it has read it."""
    with current.transaction() as session:
        received = messages.read(session, current.actor(), message_id, now=current.now())
        case = messages.case_of(session, current.actor(), received)
    return render_template("work/message.html", received=received, case=case)


@bp.route("/messages/send", methods=["GET", "POST"])
def send() -> str | Response | tuple[str, int]:
    demand(current.actor(), "send_messages")
    choices = {"role": [Choice(role.key, str(role.name)) for role in current.organisation().active_roles]}
    if request.method == "GET":
        return render_template("work/send_message.html", form=NoticeForm.unbound(choices=choices))
    form = NoticeForm.from_request(request.form, choices=choices)
    if form.validate():
        try:
            with current.transaction() as session:
                messages.send(session, by=current.actor(), now=current.now(), **_values(form))
        except InvalidSubmission as refusal:
            form.add_errors(refusal.errors)
        else:
            flash(_("پیام ارسال شد."), "success")
            return redirect(f"{request.script_root}/messages", 303)
    return render_template("work/send_message.html", form=form), 422


def _values(form: NoticeForm) -> dict[str, str]:
    return {name: str(value or "") for name, value in form.submission.items()}
