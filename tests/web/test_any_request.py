"""Whatever stands in an address, a form, a body, a header or a cookie: no route answers with an error of ours.

The routes come from the application's own map, the names of arguments and fields from what the views look for.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import Client, TestResponse

from engine.paging import write_cursor
from tests.conftest import SATURDAY, prepare
from tests.databases import DATABASES, SQLITE, postgres_or_skip
from tests.web.test_authorisation import ROWS, SENT
from tests.web.world import CSRF, World, build_world
from webapp.shell.request import Request
from workflows import roles

PIECES = (  # of an address, percent-encoded
    str(2**63),
    "9" * 900,
    "0",
    "1%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "a" * 5000,
    "%25s%25(x)s",
    "%D9%A1",
)
TEXTS = (  # of arguments and fields
    "0",
    "-1",
    str(2**63),
    "9" * 4_000,
    "\0",
    "1\0",
    "%s %(x)s {0} <b>\"'",
    "x" * 20_000,
    "۹" * 400,
    "0001-01-01",
    "9999-12-31",
    "1e999",
)
ROWS_AFTER = ([2**70], ["a\ud800", 1], [None, None], ["0001-01-01T00:00:00+14:00", 1])  # no list has these
VALUES: tuple[Any, ...] = (2**63, 10**4000, "\0", "\ud800", 1e308, None, [[[]]], {"\0": "\ud800"}, "x" * 60_000)
BODIES = (
    b"\xff\xfe",
    b"[" * 9_000,
    b'{"a":' * 1_500,
    b"{",
    b'"\\ud800"',
    b"\0",
    b'{"values":{"a":1e999}}',
    b"9" * 9_000,
)
HEADERS = (
    "Cookie",
    "Authorization",
    "Accept-Language",
    "Idempotency-Key",
    "User-Agent",
    "Referer",
    "Range",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "Content-Type",
    "If-None-Match",
    "Accept",
    "Sec-Fetch-Site",
    "Origin",
)
IN_HEADERS = (
    "a\0b",
    "\xff\xfe",
    "Bearer \0",
    "kartabl=\0; token=\xff",
    "x" * 9_000,
    "bytes=0-1,5-",
    ",;=" * 2_000,
)
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:99999",
    "evil.example:x",
    "",
    ".",
    "a..b",
    "[::1",
    "ü.example",
    "a b",
    "a" * 300,
)
PROVIDER = "/sign-in/openid"  # of this world is away: 503
LEAVES = ("/sign-out", "/language/")  # they end or change what the next request needs


class Asked(ImmutableMultiDict[str, str]):
    """Arguments or fields that write down which names are looked for."""

    names: set[str] = set()  # noqa: RUF012 - one for all on purpose

    def get(self, key: str, *more: Any, **named: Any) -> Any:  # type: ignore[override]
        self.names.add(key)
        return super().get(key, *more, **named)

    def getlist(self, key: str, *more: Any) -> Any:  # type: ignore[override]
        self.names.add(key)
        return super().getlist(key, *more)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self.names.add(key)
        return super().__getitem__(key)


class Curious(Request):
    parameter_storage_class = Asked


@pytest.fixture(scope="module", params=DATABASES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = SQLITE if request.param == "sqlite" else postgres_or_skip()
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY, server=server)
    person = built.play.people.add("everything", *(role for role in roles.organisation().roles))
    with built.play.session() as session:
        for kind in ("browser", "api"):
            token = built.application.accounts.open_session(session, person, now=SATURDAY, kind=kind)
            built.tokens["everything", kind] = token
    built.app.request_class = Curious
    yield built
    built.application.database.dispose()


def ask(world: World, method: str, path: str, *, subject: str = "everything", **sent: Any) -> TestResponse:
    with world.undone():
        if path.startswith("/api/"):
            return world.call(subject, method, path, **sent)
        return world.ask(subject, method, path, **sent)


def rows(*, but: tuple[str, ...] = LEAVES) -> Iterator[tuple[str, str, str]]:
    """Every route and method: its row in the table, its method, its address with names in braces."""
    for row in ROWS:
        method, _space, address = row.partition(" ")
        if not address.startswith(but):
            yield row, method, address


def fails(path: str, answer: TestResponse) -> bool:
    """Whether an answer is an error of ours."""
    return answer.status_code >= 500 and (path, answer.status_code) != (PROVIDER, 503)


def test_any_piece_of_any_address(world: World) -> None:
    wrong = []
    for _row, method, address in rows():
        for name in re.findall(r"{(\w+)}", address):
            for piece in PIECES:
                path = address.format(**{**world.objects, name: "\1"}).replace("\1", piece)
                for subject in ("everything", "nobody") if "%00" in piece else ("everything",):
                    answer = ask(world, method, path, subject=subject)
                    if fails(path, answer):
                        wrong.append(f"{answer.status_code} {method} {path[:120]} for {subject}")
                    answer.close()
    assert not wrong, "\n".join(wrong)


def names_of(world: World) -> dict[str, set[str]]:
    """By row of the table: the arguments and fields that its view looks for."""
    found: dict[str, set[str]] = defaultdict(set)
    for row, method, address in rows():
        path = address.format(**world.objects)
        Asked.names.clear()
        sent = SENT.get(row, {})
        more: dict[str, Any] = (
            {"json": sent} if path.startswith("/api/") else {"data": {k: str(v) for k, v in sent.items()}}
        )
        ask(world, method, path, **({} if method == "GET" else more)).close()
        found[row] = Asked.names - {"csrf_token"}
    return found


def test_any_value_of_any_argument_and_field(world: World) -> None:
    wrong = []
    for row, names in names_of(world).items():
        method, _space, address = row.partition(" ")
        path = address.format(**world.objects)
        if not names or (method != "GET" and path.startswith("/api/")):
            continue
        for number, text in enumerate(TEXTS):
            values = dict.fromkeys(names, text)
            if "cursor" in values:
                sort = ("notices", "cases", "due", "changes")[number % 4]
                values["cursor"] = write_cursor(sort, ROWS_AFTER[number // 4])
            sent: dict[str, Any] = {"query_string": _encoded(values)}
            if method != "GET":
                sent = {"data": values}
            answer = ask(world, method, path, **sent)
            if fails(path, answer):
                wrong.append(f"{answer.status_code} {method} {path} {sorted(names)}={text[:60]!r}")
            answer.close()
    assert not wrong, "\n".join(wrong)


def _encoded(values: dict[str, str]) -> str:
    """A query string that has room for every name."""
    return "&".join(
        f"{quote(name)}={quote(text[: 12_000 // len(values)], errors='surrogatepass')}" for name, text in values.items()
    )


def test_any_body_of_any_call(world: World) -> None:
    wrong = []
    for row, method, address in rows():
        path = address.format(**world.objects)
        if method == "GET" or not path.startswith("/api/"):
            continue
        names = set(SENT.get(row, {})) | set(SENT.get(row, {}).get("values", {})) | {"username", "password", "process"}
        for value in VALUES:
            flat = dict.fromkeys(names, value)
            for body in (
                value,
                [value],
                flat,
                {"values": value},
                {"values": flat},
                {"values": {"meters": [flat, value]}},
            ):
                text = json.dumps(body)
                answer = ask(world, method, path, data=text, content_type="application/json")
                if fails(path, answer):
                    wrong.append(f"{answer.status_code} {method} {path} {text[:100]}")
        for raw in BODIES:
            answer = ask(world, method, path, data=raw, content_type="application/json")
            if fails(path, answer):
                wrong.append(f"{answer.status_code} {method} {path} {raw[:40]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/token"])
def test_any_header(world: World, path: str) -> None:
    for name in HEADERS:
        for value in IN_HEADERS:
            for method in ("GET", "POST"):
                answer = Client(world.app).open(path, method=method, headers={name: value}, data=b"a=\xff&b=%00")
                assert answer.status_code < 500, (method, name, value[:20], answer.status_code)
                answer.close()


def test_a_foreign_host_stands_in_no_answer(world: World) -> None:
    """Redirects are relative, and nothing that we write down has what the browser calls us."""
    for _row, method, address in rows():
        path = address.format(**world.objects)
        for spelling in (path, f"{path}/", path.replace("/", "//")):
            with world.undone():
                answer = _open(world, spelling, method, "evil.example")
            assert not fails(path, answer), (method, spelling, answer.status_code)
            assert answer.status_code not in (301, 307, 308), (method, spelling, answer.location)
            assert not (answer.location or "").startswith(("http:", "https:", "//")), answer.location
            assert "evil.example" not in answer.text, (method, spelling)
            answer.close()


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_host_that_is_none_is_no_error_of_ours(world: World, host: str) -> None:
    for path in ("/worklist", "/no/such//page", "/api/v1/tasks", "/cases/"):
        assert _open(world, path, "GET", host).status_code < 500


def _open(world: World, path: str, method: str, host: str) -> TestResponse:
    browser = world.app.test_client()
    with browser.session_transaction() as cookie:
        cookie["csrf_token"], cookie["token"] = CSRF, world.tokens["everything", "browser"]
    data = {} if method == "GET" else {"csrf_token": CSRF}
    environ = {"HTTP_COOKIE": f"kartabl={browser.get_cookie('kartabl').value}", "HTTP_HOST": host}  # type: ignore[union-attr]
    return Client(world.app).open(path=path, method=method, data=data or None, environ_overrides=environ)
