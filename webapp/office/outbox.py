"""The on-screen outbox: the SMS that a demonstration does not really send, and their state for supervisors."""

from __future__ import annotations

from flask import Blueprint, render_template

from engine.identity.permissions import demand
from engine.queries import outbox
from webapp.shell import current, labels, query_string

bp = Blueprint("outbox", __name__)


@bp.get("/outbox")
@current.public_in_demo
def show() -> str:
    """In demo mode everybody reads all messages, codes too; else supervisors see their state."""
    demo = current.settings().demo
    if not demo:
        demand(current.actor(), "see_outbox")
    arguments = query_string.read("q", "cursor")
    with current.transaction() as session:
        page = outbox.sms_page(session, q=arguments.get("q", ""), cursor=arguments.get("cursor"))
        return render_template(
            "office/outbox.html", page=page, arguments=arguments, states=labels.DELIVERY, show_secret=demo
        )
