"""``POST /token``: a bearer token for a user name and a password. ``DELETE /token`` ends it."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import InvalidSubmission
from engine.identity.accounts import API_TOKEN_LIVES
from models.language import SOURCE
from models.language import gettext as _
from webapp.api.blueprint import bp
from webapp.api.calls import accounts, answer, api_call, body, read_in, text_of
from webapp.problems import Problem
from webapp.shell import current


@bp.post("/v1/token")
def token() -> Response:
    """Sign in. The token works for 12 hours, or until the account is locked or its password changes."""
    read_in(SOURCE)
    sent = body()
    given = {name: text_of(sent, name) for name in ("username", "password")}
    missing = [name for name, text in given.items() if not text]
    if missing:
        raise InvalidSubmission({name: [_("%(field)s را وارد کنید.", field=name)] for name in missing})
    with current.transaction() as session:
        person, secret = accounts().sign_in(
            session,
            given["username"],
            given["password"],
            address=current.address(),
            now=current.now(),
            kind="api",
            agent=current.agent(),
        )
        if person.must_change_password:
            raise Problem("must_change_password")
    seconds = int(API_TOKEN_LIVES.total_seconds())
    return answer({"access_token": secret, "token_type": "bearer", "expires_in": seconds})


@bp.delete("/v1/token")
@api_call
def end_token(session: Session, actor: Actor) -> Response:
    """Revoke the token of this call."""
    token = request.headers["Authorization"].partition(" ")[2].strip()
    accounts().end_session(session, token, address=current.address())
    return Response(status=204)
