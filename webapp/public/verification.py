"""Pages for everyone: is this certificate genuine and valid (CNF-3, CNF-5), and the keys that prove it offline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from engine.contributions.briefings import Block
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


class Verdict(Protocol):
    """The answer to a reader of a certificate. ``state``: valid, revoked or unknown.

    ``guessed``: number and code were typed and do not belong together; ``proved``: the reader holds the paper.
    """

    @property
    def state(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def blocks(self) -> list[Block]: ...
    @property
    def guessed(self) -> bool: ...
    @property
    def proved(self) -> bool: ...


class SignedCertificate(Protocol):
    """What a QR code says: the certificate's number, and the whole signed text."""

    @property
    def number(self) -> str: ...
    @property
    def text(self) -> str: ...


class Certificates(Protocol):
    """What this page needs of the domain that issues certificates."""

    def find_signed(self, text: str, /) -> SignedCertificate | None:
        """The signed text inside of ``text``: what a QR reader gave, or an address that holds it."""

    def read_certificate_number(self, text: str, /) -> str | None:
        """The certificate's number as it is printed, out of what somebody typed."""

    def check_signed(self, session: Session, text: str, /, *, number: str = "") -> Verdict:
        """Check a signed text, and whether it is of the certificate ``number`` where one is given."""

    def check_typed(self, session: Session, number: str, code: str, /) -> Verdict:
        """Check a number by the code that is printed beside it."""

    def published_keys(self, session: Session, /) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set."""


Page = str | AnyResponse | tuple[str, int] | tuple[str, int, dict[str, str]]


@bp.get("/verify")
@current.public
def verify() -> Page:
    """The form; what was typed into it leads to the certificate's own address."""
    number, code = _argument("number"), _argument("code")
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
    signed, code = _argument("s"), _argument("code")
    typed = _argument("number") or storable(number)[:LONGEST]

    def look(session: Session) -> Verdict:
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


def _limited(look: Callable[[Session], Verdict]) -> Verdict:
    """Look, and count what turns out a guess. Whoever holds a genuine paper is never held up by the guesses of others.

    Raises ``TooMany`` for a guess too many, which then learns nothing.
    """
    key, now = rate_limits.subscriber(request.remote_addr or ""), current.now()
    with current.transaction() as session:
        verdict = look(session)
        if not verdict.proved:
            advisory_lock.acquire(session, f"certificate {key}")
            rate_limits.demand(session, WRONG_TRIES, key, now=now)
        if verdict.guessed:
            rate_limits.count(session, WRONG_TRIES.kind, key, now=now)
    return verdict


def _certificates() -> Certificates:
    return current.application().certificates


def _argument(name: str) -> str:
    return storable(request.args.get(name, ""))[:LONGEST].strip()


def _to(certificate_number: str, **arguments: str) -> AnyResponse:
    return redirect(f"{request.script_root}/verify/{certificate_number}?{urlencode(arguments)}", 303)


def _page(verdict: Verdict | None = None, **typed: str) -> Page:
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
