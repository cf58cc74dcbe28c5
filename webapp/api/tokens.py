"""``POST /token``: a bearer token for user name, password and second factor. ``DELETE /token`` ends it."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import InvalidSubmission
from engine.identity import second_factor
from engine.identity.accounts import API_TOKEN_LIVES
from engine.identity.second_factor import ProofRefused
from engine.identity.second_step import SecondFactorRequired
from models.account import SessionKind
from models.language import SOURCE
from models.language import gettext as _
from models.second_factor import FactorKind
from webapp.api.blueprint import bp
from webapp.api.calls import accounts, answer, api_call, body, read_in, text_of
from webapp.problems import Problem
from webapp.shell import current


@bp.post("/v1/token")
def token() -> Response:
    """Sign in, with a second factor by its code or a recovery code in ``otp``.

    The token works for 12 hours, or until the account is locked or its password or second factor changes.
    """
    read_in(SOURCE)
    sent = body()
    given = {name: text_of(sent, name) for name in ("username", "password", "otp")}
    missing = [name for name in ("username", "password") if not given[name]]
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
        if second_factor.of(session, person.id) is not None:
            secret = _second_step(session, secret, given["otp"])
        elif second_factor.is_compulsory(session, person.id):
            raise Problem("must_enrol_second_factor")
    seconds = int(API_TOKEN_LIVES.total_seconds())
    return answer({"access_token": secret, "token_type": "bearer", "expires_in": seconds})


def _second_step(session: Session, half: str, otp: str) -> str:
    """Prove the second factor. Returns the token of a whole session. Raises ``SecondFactorRequired``, ``Refusal``."""
    step, address = current.application().second_step, current.address()
    if otp:
        try:
            _person, secret = step.finish(
                session, half, otp, address=address, now=current.now(), kind=SessionKind.API, agent=current.agent()
            )
        except ProofRefused as error:
            raise ProofRefused({"otp": error.errors["code"]}) from None
        return secret
    kind = step.begin(session, half, address=address, now=current.now(), kind=SessionKind.API)
    accounts().end_session(session, half)
    raise SecondFactorRequired(kind or FactorKind.TOTP)


@bp.delete("/v1/token")
@api_call
def end_token(session: Session, actor: Actor) -> Response:
    """Revoke the token of this call."""
    token = request.headers["Authorization"].partition(" ")[2].strip()
    accounts().end_session(session, token, address=current.address())
    return Response(status=204)
