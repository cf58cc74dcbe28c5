"""Signing in by the organisation's OpenID provider: the way there, the way back, and who has no account here yet."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from flask import abort, flash, redirect, render_template, request
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission, TooMany
from engine.identity import rate_limits
from engine.identity.openid import linking, role_mapping
from engine.identity.openid.identity import Begun, Failure, Identity, ProviderFailed
from engine.identity.openid.linking import AccountLocked, Unlinked
from engine.identity.openid.returns import RETURNS, AlreadyUsed, use_once
from models.account import Person
from models.language import gettext as _
from models.second_factor import FactorKind
from webapp.accounts import device
from webapp.accounts.blueprint import bp
from webapp.accounts.pages import Page
from webapp.accounts.second_step import enter
from webapp.office.leaving import let_go
from webapp.shell import current

log = logging.getLogger(__name__)

RETURN = "/sign-in/openid/return"
BEGUN = "openid_begun"  # in the signed cookie: sign-ins that this browser has begun, by their state
VOUCHED = "openid_vouched"  # whom the provider vouched for, until this person has decided what comes of it
SIGNED_IN = "openid"  # this browser's session was opened by the provider
LIVES = 600  # seconds for the way there and back, and then for a decision
AT_ONCE = 3  # sign-ins of one browser, in as many tabs


class Provider(Protocol):
    """The organisation's OpenID provider, as the pages need it; each call can raise ``ProviderFailed``."""

    def begin(self, *, return_to: str) -> Begun: ...
    def identity(self, answer: Mapping[str, str], *, nonce: str, verifier: str, return_to: str) -> Identity: ...
    def sign_out_address(self, *, return_to: str) -> str | None: ...


def provider() -> Provider:
    """The provider; where there is none, its pages do not exist."""
    found = current.application().openid
    if found is None:
        abort(404)
    return found


def provider_name() -> str:
    """What people call the provider's accounts."""
    return current.settings().openid_name or _("حساب سازمانی")


@bp.app_context_processor
def _button() -> dict[str, Any]:
    """For every page: the provider's name, or "" where there is none."""
    return {"openid_name": provider_name() if current.application().openid is not None else ""}


@bp.get("/sign-in/openid")
@current.public
def begin_openid() -> Page:
    """Lead the browser to the provider. With ``link`` a person who is signed in links this account when they return."""
    there, person = provider(), current.person()
    links = "link" in request.args and person is not None
    way_on = current.safe_next(request.args.get("next"))
    if person is not None and not links:
        return redirect(way_on, 303)
    try:
        begun = there.begin(return_to=_return_address())
    except ProviderFailed as problem:
        return _failed(problem)
    waiting = {state: one for state, one in _begun().items() if _is_young(one)}
    for state in list(waiting)[: max(0, len(waiting) - AT_ONCE + 1)]:
        del waiting[state]
    waiting[begun.state] = {
        "nonce": begun.nonce,
        "verifier": begun.verifier,
        "next": way_on[:300],
        "link": person.actor.person_id if links and person else None,
        "at": _second(),
    }
    cookie[BEGUN] = waiting
    return redirect(begun.address, 303)


@bp.get(RETURN)
@current.public
def return_from_openid() -> Page:
    """The browser is back from the provider: find out who it is, and sign them in, or ask what should come of it."""
    there, state = provider(), request.args.get("state", "")[:200]
    begun = _take(state)
    if begun is None:
        refused = request.args.get("error") == "access_denied"  # some providers leave the state out then
        return _page("refused", 403) if refused else _page("expired", 400)
    try:
        with current.transaction() as session:
            rate_limits.demand(session, RETURNS, current.address(), now=current.now())
            rate_limits.count(session, RETURNS.kind, current.address(), now=current.now())
            use_once(session, hashlib.sha256(state.encode()).hexdigest(), now=current.now())
    except AlreadyUsed:
        return _page("used", 400)
    except TooMany as error:
        text, status = _page("busy", 429)
        return text, status, {"Retry-After": str(error.retry_after)}
    try:
        identity = there.identity(
            request.args.to_dict(), nonce=begun["nonce"], verifier=begun["verifier"], return_to=_return_address()
        )
    except ProviderFailed as problem:
        return _failed(problem)
    if begun["link"] is not None:
        return _ask_to_link(identity, begun["link"])
    return _sign_in(identity, begun["next"])


@bp.route("/sign-in/openid/new", methods=["GET", "POST"])
@current.public
def new_openid_account() -> Page:
    """Somebody whom the provider knows and we do not: they link an account that they have, or get a new one."""
    provider()
    identity = vouched()
    if identity is None or current.person() is not None:
        return redirect(f"{request.script_root}/sign-in", 303)
    problems: list[str] = []
    if request.method == "POST":
        try:
            with current.transaction() as session:
                person = linking.create_account(session, identity, address=current.address(), now=current.now())
                token, factor = _open_session(session, person, identity)
        except InvalidSubmission as error:
            problems = [message for messages in error.errors.values() for message in messages]
        else:
            entered = _enter(token, factor, f"{request.script_root}/")
            flash(_("خوش آمدید. حساب شما ساخته شد."), "success")
            return entered
    with current.transaction() as session:
        allowed = linking.new_accounts_allowed(session)
    text = render_template(
        "accounts/openid_new.html", identity=identity, allowed=allowed, problems=problems, failed_page=bool(problems)
    )
    return text, 422 if problems else 200


@bp.get("/sign-out/openid")
@current.public
def leave_openid() -> Response:
    """Lead the browser to the provider's own sign-out, if it has one."""
    way_back = current.settings().public_url.rstrip("/") + "/sign-in"
    return redirect(provider().sign_out_address(return_to=way_back) or f"{request.script_root}/sign-in", 303)


# Whom the provider vouched for


def vouched(person_id: int | None = None) -> Identity | None:
    """Who came back from the provider to this browser a short while ago, to be linked to this account."""
    kept = cookie.get(VOUCHED)
    if not isinstance(kept, dict) or not _is_young(kept) or kept["person"] != person_id:
        return None
    return Identity(**{**kept["identity"], "role_values": frozenset(kept["identity"]["role_values"])})


def forget_vouched() -> None:
    """What was to be decided is decided."""
    cookie.pop(VOUCHED, None)


def _keep_vouched(identity: Identity, person_id: int | None) -> None:
    """Keep who came back in the signed cookie; of the claim's values only those that give a role."""
    with current.transaction() as session:
        values = role_mapping.known_values(session, identity.role_values)
    kept = {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "first_name": identity.first_name,
        "last_name": identity.last_name,
        "username": identity.username[:60],
        "role_values": sorted(values),
        "second_factor": identity.second_factor,
    }
    cookie[VOUCHED] = {"identity": kept, "person": person_id, "at": _second()}


def _ask_to_link(identity: Identity, person_id: int) -> Page:
    person = current.person()
    if person is None or person.actor.person_id != person_id:
        return _page("expired", 400)
    _keep_vouched(identity, person_id)
    return redirect(f"{request.script_root}/account/openid", 303)


def _sign_in(identity: Identity, way_on: str) -> Page:
    before = current.token()
    try:
        with current.transaction() as session:
            if before:
                current.application().accounts.end_session(session, before)
            person = linking.sign_in(session, identity, address=current.address(), now=current.now())
            (token, factor), person_id = _open_session(session, person, identity), person.id
    except AccountLocked:
        _note_refused(identity, "locked")
        return _page("locked", 403)
    except Unlinked:
        _note_refused(identity, "unlinked")
        _keep_vouched(identity, None)
        return redirect(f"{request.script_root}/sign-in/openid/new", 303)
    let_go(person_id)
    return _enter(token, factor, way_on)


def _note_refused(identity: Identity, reason: str) -> None:
    with current.transaction() as session:
        linking.note_refused(session, identity, reason, address=current.address())


def _open_session(session: Session, person: Person, identity: Identity) -> tuple[str, FactorKind | None]:
    """A session; half of one if the person has a second factor of ours and the provider asked for none.

    Returns its token and the factor that it waits for.
    """
    token = device.open_session(session, person, proved=identity.second_factor, by_provider=True)
    step = current.application().second_step
    return token, step.begin(session, token, address=current.address(), now=current.now())


def _enter(token: str, factor: FactorKind | None, way_on: str) -> Response:
    answer = enter(token, factor, way_on)
    cookie[SIGNED_IN] = True
    return answer


# What the browser holds of a sign-in under way


def _begun() -> dict[str, Any]:
    kept = cookie.get(BEGUN)
    return kept if isinstance(kept, dict) else {}


def _take(state: str) -> dict[str, Any] | None:
    """The sign-in with this state, which this browser then has no more; ``None`` if it has none, or it is too old."""
    waiting = dict(_begun())
    one: dict[str, Any] | None = waiting.pop(state, None)
    cookie[BEGUN] = waiting
    return one if one is not None and _is_young(one) else None


def _is_young(kept: Mapping[str, Any]) -> bool:
    return 0 <= _second() - int(kept["at"]) <= LIVES


def _second() -> int:
    return int(current.now().timestamp())


def _return_address() -> str:
    return current.settings().public_url.rstrip("/") + RETURN


# What went wrong


STATUSES = {Failure.AWAY: 503, Failure.SLOW: 504, Failure.WRONG: 502, Failure.REFUSED: 403}


def _failed(problem: ProviderFailed) -> tuple[str, int]:
    log.warning("OpenID provider: %s", problem)
    return _page(problem.failure.value, STATUSES[problem.failure])


def _page(what: str, status: int) -> tuple[str, int]:
    title, sentence, advice = _words(what)
    text = render_template("accounts/openid_failed.html", title=title, sentence=sentence, advice=advice)
    return text, status


def _words(what: str) -> tuple[str, str, str]:
    """Title, what happened, and what to do."""
    again = _("دوباره وارد شوید. اگر تکرار شد، به مدیر سامانه اطلاع دهید.")
    later = _("کمی بعد دوباره تلاش کنید، یا با رمز عبور وارد شوید.")
    return {
        "away": (
            _("سامانهٔ ورود سازمان در دسترس نیست"),
            _("سامانه‌ای که حساب‌های سازمانی را می‌شناسد پاسخ نداد و شما وارد نشدید."),
            later,
        ),
        "slow": (
            _("سامانهٔ ورود سازمان دیر پاسخ داد"),
            _("پاسخ سامانه‌ای که حساب‌های سازمانی را می‌شناسد به‌موقع نرسید و شما وارد نشدید."),
            later,
        ),
        "wrong": (
            _("پاسخ سامانهٔ ورود سازمان پذیرفته نشد"),
            _("پاسخی که رسید هویت شما را ثابت نمی‌کند و شما وارد نشدید."),
            again,
        ),
        "refused": (
            _("ورود انجام نشد"),
            _("شما یا سامانهٔ ورود سازمان این ورود را نپذیرفتید. چیزی تغییر نکرد."),
            _("اگر می‌خواهید، دوباره وارد شوید."),
        ),
        "expired": (
            _("مهلت این ورود گذشته است"),
            _("این ورود در این مرورگر شروع نشده، یا بیش از ده دقیقه از شروع آن گذشته است."),
            again,
        ),
        "used": (
            _("این پاسخ قبلاً به کار رفته است"),
            _("هر پاسخ سامانهٔ ورود سازمان فقط یک بار پذیرفته می‌شود."),
            again,
        ),
        "busy": (
            _("تعداد درخواست‌ها زیاد است"),
            _("از شبکهٔ شما بارها تلاش شده است و شما وارد نشدید."),
            _("چند دقیقهٔ دیگر دوباره تلاش کنید."),
        ),
        "locked": (
            _("حساب شما غیرفعال است"),
            _("حسابی که به این حساب سازمانی وصل است غیرفعال شده است و شما وارد نشدید."),
            _("به مدیر سامانه اطلاع دهید."),
        ),
    }[what]
