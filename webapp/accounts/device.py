"""This browser: its sessions, and the cookie by which its accounts know it again (``identity.devices``)."""

from __future__ import annotations

from flask import Response, after_this_request, g, request
from sqlalchemy.orm import Session

from engine.identity import devices
from models.account import Person
from webapp.shell import current

NAME = "kartabl-device"


def token() -> str:
    """The token of this browser; a new one if it has none."""
    if "device" not in g:
        g.device = request.cookies.get(_name(), "")[:100] or devices.new_token()
    return str(g.device)


def open_session(session: Session, person: Person, *, proved: bool = False, by_provider: bool = False) -> str:
    """Open a session of the person in this browser; its token. ``Accounts.open_session`` says the rest."""
    return current.application().accounts.open_session(
        session,
        person,
        now=current.now(),
        kind="browser",
        proved=proved,
        by_provider=by_provider,
        device=token(),
        address=current.address(),
        agent=current.agent(),
    )


def keep() -> None:
    """Keep the token in the browser. For whoever has proved who they are."""
    held = token()

    @after_this_request
    def write(response: Response) -> Response:
        response.set_cookie(
            _name(),
            held,
            max_age=devices.REMEMBERED,
            path="/",
            secure=current.settings().secure_cookies,
            httponly=True,
            samesite="Lax",
        )
        return response


def _name() -> str:
    return f"__Host-{NAME}" if current.settings().secure_cookies else NAME
