"""Pages for everyone: is this certificate genuine and valid (CNF-3, CNF-5), and the keys that prove it offline."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from engine.errors import TooMany
from engine.identity import rate_limits
from engine.identity.rate_limits import Limit
from engine.persistence import advisory_lock
from models.digits import storable
from models.language import gettext as _
from webapp.shell import current
from webapp.shell.filters import digits

bp = Blueprint("public", __name__)

WRONG_TRIES = Limit("certificate", most=20, window=timedelta(minutes=30))  # of one address
LONGEST = 1_000  # signs of what is looked at

Page = str | AnyResponse | tuple[str, int] | tuple[str, int, dict[str, str]]


@bp.get("/verify")
@current.public
def verify() -> Page:
    """The form; what was typed into it leads to the certificate's own address."""
    number, code = _asked("number"), _asked("code")
    signed = _certificates().find_signed(number) or _certificates().find_signed(code)
    if signed is not None:
        return _to(signed.number, s=signed.text)
    if number or code:
        return _to(_certificates().read_certificate_number(number) or "0", number=number, code=code)
    return _page()


@bp.get("/verify/<number>")
@current.public
def certificate(number: str) -> Page:
    """What we say of one certificate: by the signed text of its QR code (``s``), or by number and ``code``."""
    signed, code = _asked("s"), _asked("code")
    typed = _asked("number") or storable(number)[:LONGEST]

    def look(session: Session) -> Any:
        if signed:
            return _certificates().check_signed(session, signed, number=typed)
        return _certificates().check_typed(session, typed, code)

    try:
        verdict = _limited(look)
    except TooMany as error:
        return _too_many(error, typed, code)
    return _page(verdict, typed=typed, code=code)


@bp.get("/verify/keys.json")
@current.public
def keys() -> Response:
    """The public keys, retired ones too, as a JSON Web Key Set."""
    with current.transaction() as session:
        answer = jsonify(_certificates().published_keys(session))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def _limited(look: Callable[[Session], Any]) -> Any:
    """Look, and count what turns out a guess. Whoever holds a genuine paper is never held up by the guesses of others.

    Raises ``TooMany`` for a guess too many, which then learns nothing.
    """
    key, now = _address(), current.now()
    with current.transaction() as session:
        verdict = look(session)
        if not verdict.proved:
            advisory_lock.acquire(session, f"certificate {key}")
            rate_limits.demand(session, WRONG_TRIES, key, now=now)
        if verdict.guessed:
            rate_limits.count(session, WRONG_TRIES.kind, key, now=now)
    return verdict


def _address() -> str:
    """Whose guesses are counted together: an IPv4 address, or the 64 bits of IPv6 that one subscriber has."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or ""
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _certificates() -> Any:  # a module of workflows, which pages may not import
    return current.application().certificates


def _asked(name: str) -> str:
    return storable(request.args.get(name, ""))[:LONGEST].strip()


def _to(certificate_number: str, **arguments: str) -> AnyResponse:
    return redirect(f"{request.script_root}/verify/{certificate_number}?{urlencode(arguments)}", 303)


def _page(verdict: Any = None, **typed: str) -> Page:
    missing = verdict is not None and verdict.state == "unknown"
    page = render_template("public/verify.html", verdict=verdict, problem="", **{"typed": "", "code": "", **typed})
    return page, 404 if missing else 200


def _too_many(error: TooMany, typed: str, code: str) -> Page:
    problem = _(
        "تعداد تلاش‌ها زیاد است. %(count)s دقیقهٔ دیگر دوباره تلاش کنید یا هم‌اکنون کد QR تاییدیه را اسکن کنید.",
        count=digits(max(1, round(error.retry_after / 60))),
    )
    page = render_template("public/verify.html", verdict=None, problem=problem, typed=typed, code=code)
    return page, 429, {"Retry-After": str(error.retry_after)}
