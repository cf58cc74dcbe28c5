"""What every answer tells the browser: each route, page, error, redirect, file and answer of the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, PathConverter, Rule, UnicodeConverter
from werkzeug.test import TestResponse

import kartabl
import webapp
from engine.settings import Settings
from tests.secret import SECRET_KEY

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MAY_BE_KEPT = ("public.keys", "script_texts.script_texts", "static")  # the same for everybody


def faults(answer: TestResponse, *, https: bool = False, kept: bool = False) -> list[str]:
    """What is wrong with the headers of one answer."""
    headers = answer.headers
    found = [f"{name}: {headers.get(name)}" for name, value in ALWAYS.items() if headers.get(name) != value]
    policy = headers.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy and "default-src 'none'" not in policy:
        found.append(f"CSP: {policy!r}")
    if "unsafe" in policy or "*" in policy:
        found.append(f"CSP: {policy!r}")
    if "camera=()" not in headers.get("Permissions-Policy", ""):
        found.append("Permissions-Policy")
    if not kept and "no-store" not in headers.get("Cache-Control", ""):
        found.append(f"Cache-Control: {headers.get('Cache-Control')}")
    if https != ("max-age=31536000" in headers.get("Strict-Transport-Security", "")):
        found.append(f"HSTS: {headers.get('Strict-Transport-Security')}")
    for cookie in headers.getlist("Set-Cookie"):
        wanted = ["HttpOnly", "SameSite=Lax", "Path=/", *(["Secure"] if https else [])]
        if not all(word in cookie for word in wanted) or https != cookie.startswith("__Host-") or "Domain" in cookie:
            found.append(f"Set-Cookie: {cookie}")
    return found + [f"{name}: {headers[name]}" for name in ("Server", "X-Powered-By") if name in headers]


def address(rule: Rule) -> str:
    """An address of the route; what it is about is not there."""
    values: dict[str, Any] = {}
    for name in rule.arguments - (rule.defaults or {}).keys():
        converter = rule._converters[name]
        if isinstance(converter, AnyConverter):
            values[name] = min(converter.items)
        else:
            values[name] = "1405-000001" if isinstance(converter, UnicodeConverter | PathConverter) else 1
    built = rule.build(values, append_unknown=False)
    assert built is not None, rule
    return built[1]


def test_every_route_answers_with_the_headers(app: Flask, signed_in: Any) -> None:
    strangers, admin = app.test_client(), signed_in("chief", "admin", "supervisor")
    wrong = []
    for rule in app.url_map.iter_rules():
        for browser in (strangers, admin):
            for method in sorted((rule.methods or set()) & {"GET", "POST"} | {"PUT"}):
                answer = browser.open(address(rule), method=method)
                kept = rule.endpoint in MAY_BE_KEPT and answer.status_code == 200
                wrong += [f"{method} {rule} → {answer.status_code}: {fault}" for fault in faults(answer, kept=kept)]
                answer.close()
    assert wrong == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/nothing.js", 404),
        ("DELETE", "/sign-in", 405),
        ("TRACE", "/sign-in", 405),
        ("POST", "/sign-in", 400),
        ("GET", "/worklist", 303),
        ("GET", "/api/v1/tasks", 401),
        ("GET", "/api/v1/nothing", 404),
        ("OPTIONS", "/sign-in", 200),
        ("GET", "/livez", 200),
    ],
)
def test_errors_and_redirects_have_them_too(app: Flask, method: str, path: str, status: int) -> None:
    answer = app.test_client().open(path, method=method)
    assert answer.status_code == status
    assert faults(answer) == []


def test_behind_https_cookies_are_bound_to_the_host_and_browsers_stay_with_https(settings: Settings) -> None:
    secure = Settings(
        secret_key=SECRET_KEY,
        database_url=settings.database_url,
        files_path=settings.files_path,
        mode="demo",
        public_url="https://kartabl.example.ir",
    )
    application = kartabl.build(secure)
    try:
        browser = webapp.create_app(application).test_client()
        for path in ("/sign-in", "/nowhere", "/worklist", "/api/v1/tasks"):
            answer = browser.get(path, base_url="https://kartabl.example.ir")
            assert faults(answer, https=True) == []
        page = browser.get("/sign-in", base_url="https://kartabl.example.ir")
        assert browser.get_cookie("__Host-kartabl", domain="kartabl.example.ir"), page.headers
    finally:
        application.database.dispose()
