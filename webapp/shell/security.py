"""Guards of every page: signing in, forged requests, what a browser may load, how much may be sent."""

from __future__ import annotations

import hmac
import secrets
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, current_app, redirect, request
from flask import session as cookie
from markupsafe import Markup
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from engine.actor import SignedIn
from engine.settings import Settings
from models.language import gettext as _
from webapp.shell import body_limits, confirmation, current
from webapp.shell.forwarded import Forwarded

V = TypeVar("V", bound=Any)

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TOKEN_ONLY = "api"  # noqa: S105 - the blueprint that knows bearer tokens and no cookies
FILES = frozenset({"static", "script_texts.script_texts"})  # the same for everybody: nobody is looked up for them
FIELD = "csrf_token"
# What a page of an office never asks a browser for. Printing and full screen stay.
NO_DEVICES = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
    )
)
ALWAYS = frozenset({"accounts.sign_out", "preferences.choose_language"})
BEFORE_NEW_PASSWORD = ALWAYS | {"accounts.change_password"}
BEFORE_ENROLMENT = ALWAYS | {"accounts.second_factor", "accounts.enrol_app", "accounts.enrol_sms"}


class ForgedRequest(BadRequest):
    """The form has no CSRF token of this session."""


def csrf_exempt(view: V) -> V:
    """Decorator: others may send this request. Only for what changes nothing by itself."""
    view.csrf_exempt = True
    return view


def csrf_field() -> Markup:
    """The hidden field that every form needs."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, csrf_token())


def csrf_token() -> str:
    if FIELD not in cookie:
        cookie[FIELD] = secrets.token_urlsafe(32)
    return str(cookie[FIELD])


def protect(app: Flask, settings: Settings) -> None:
    """Set the limits and guards of an application."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-kartabl" if settings.secure_cookies else "kartabl",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SEND_FILE_MAX_AGE_DEFAULT=86_400,
    )
    app.wsgi_app = Forwarded(  # type: ignore[method-assign]
        app.wsgi_app, hops=settings.trusted_proxies, nearest=settings.proxy_networks
    )
    app.before_request(_guard)
    app.after_request(_add_headers)
    app.jinja_env.globals["csrf_field"] = csrf_field


def _guard() -> AnyResponse | confirmation.Page | None:
    """Before each page: require a body of some size, sign-in, an own password and an own form, unless it is exempt."""
    if request.environ.get(body_limits.LEFT):
        raise RequestEntityTooLarge
    if request.blueprint == TOKEN_ONLY or request.endpoint in FILES:
        return None
    current.choose_language()
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return None
    person = current.person()
    request.signed_in = person is not None  # type: ignore[attr-defined]
    is_public = current.is_public(view)
    if person is None and not is_public:
        return redirect(f"{request.script_root}/sign-in?{urlencode({'next': current.here()})}", 303)
    if request.method not in SAFE and not getattr(view, "csrf_exempt", False):
        _refuse_forged()
    if person is None or is_public:
        return None
    if first := _must_do_first(person):
        return redirect(f"{request.script_root}{first}", 303)
    if request.method not in SAFE and confirmation.is_dangerous(request.endpoint):
        return confirmation.ask(person, kept_out=FIELD)
    return None


def _must_do_first(person: SignedIn) -> str:
    """The address of what the person has to do before anything else; "" if there is nothing, or they are at it."""
    if person.must_change_password:
        return "" if request.endpoint in BEFORE_NEW_PASSWORD else "/password"
    if person.must_enrol:
        return "" if request.endpoint in BEFORE_ENROLMENT else "/account/second-factor"
    return ""


def _refuse_forged() -> None:
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    sent = request.form.get(FIELD, "")
    if site == "cross-site" or not hmac.compare_digest(sent.encode(), csrf_token().encode()):
        raise ForgedRequest(_("این صفحه منقضی شده است. آن را دوباره باز و فرم را ارسال کنید."))


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", NO_DEVICES)
    if current.settings().secure_cookies:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static" or response.status_code >= 400:
        headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    """Nothing but our own files. A form may lead to our public address, where the test gateway sends people back."""
    parts = urlsplit(current.settings().public_url)
    return "; ".join(
        [
            "default-src 'self'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            f"form-action 'self' {parts.scheme}://{parts.netloc}",
            "frame-ancestors 'none'",
        ]
    )
