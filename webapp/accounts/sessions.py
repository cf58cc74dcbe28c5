"""The page of one's own sessions and tokens: which there are, and ending them."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.identity import sessions
from models.account import Person
from models.language import gettext as _
from webapp.accounts.blueprint import bp
from webapp.accounts.user_agents import in_words
from webapp.shell import current

PAGE = "/account/sessions"


@bp.get(PAGE)
def own_sessions() -> str:
    """The browsers and programs in which the reader is signed in."""
    with current.transaction() as session:
        person = session.get_one(Person, current.actor().person_id)
        rows = current.application().accounts.own_sessions(session, person.id, token=current.token(), now=current.now())
    return render_template("accounts/sessions.html", sessions=rows, in_words=in_words)


@bp.post(f"{PAGE}/<int:session_id>/end")
def end_own_session(session_id: int) -> Response:
    """End one session or token; whoever uses it has to sign in again."""
    with current.transaction() as session:
        person = session.get_one(Person, current.actor().person_id)
        sessions.end_one(session, person, session_id, address=current.address())
    flash(_("از آن دستگاه خارج شدید."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)


@bp.post(f"{PAGE}/end-others")
def end_other_sessions() -> Response:
    """End all sessions and tokens but this one."""
    with current.transaction() as session:
        person = session.get_one(Person, current.actor().person_id)
        current.application().accounts.end_other_sessions(
            session, person, token=current.token() or "", address=current.address()
        )
    flash(_("از همهٔ دستگاه‌های دیگر خارج شدید."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)
