"""The server itself, over sockets: whom it believes, how long a connection may hold a place, how it stops."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import select

import kartabl
import webapp
from engine.identity.accounts import SIGN_IN, SIGN_IN_ADDRESS
from engine.identity.rate_limits import subscriber
from engine.settings import Settings
from models.account import Attempt
from tests.play import PASSWORD
from webapp.serving import connections
from webapp.serving import server as serving
from webapp.shell.forwarded import address_of, client_of

HELD_FOR = 1.0  # seconds, for each of the times that are longer in an office


class Running:
    """Pages behind the server of ``kartabl run``, on a free port of this machine."""

    def __init__(self, app: Flask, *, threads: int = 4) -> None:
        listening = serving.listen("127.0.0.1", 0)
        self.port: int = listening.getsockname()[1]
        self.server = serving.create_server(app, listening, threads=threads)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes) -> bytes:
        """Everything that comes back until the server ends the connection."""
        with self.connect(sent) as connection:
            return whole(connection)

    def get(self, path: str = "/livez", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()


def whole(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(app: Flask, **options: Any) -> Running:
        started.append(Running(app, **options))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def pages(application: kartabl.Application) -> Flask:
    return webapp.create_app(application)


@pytest.fixture
def behind_proxy(settings: Settings) -> Iterator[Flask]:
    application = kartabl.build(settings.model_copy(update={"trusted_proxies": 1}))
    app = webapp.create_app(application)
    app.add_url_rule("/who", "who", webapp.shell.current.public(lambda: f"{request.remote_addr} {request.scheme}"))
    yield app
    application.database.dispose()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7:51234 ", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("192.0.2.7.8", None),
        ("192.0.2.7:port", None),
        ("[2001:db8::7", None),
        ("[2001:db8::7]x", None),
        ("127.0.0.1\x00", None),
    ],
)
def test_addresses_as_proxies_write_them(text: str, address: str | None) -> None:
    assert str(address_of(text)) == str(address)


@pytest.mark.parametrize(
    ("listed", "hops", "client"),
    [
        ("192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
        ("192.0.2.7", 2, "192.0.2.7"),
        ("nonsense, 10.0.0.2", 2, "10.0.0.2"),
        ("192.0.2.7, nonsense", 1, None),
        (",,,", 3, None),
        ("", 1, None),
    ],
)
def test_only_entries_of_our_own_proxies_count(listed: str, hops: int, client: str | None) -> None:
    assert str(client_of(listed, hops)) == str(client)


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_attempts_of_one_subscriber_are_counted_together(address: str, counted_as: str) -> None:
    assert subscriber(address) == counted_as


def test_the_address_and_scheme_of_a_trusted_proxy_reach_the_pages(run: Any, behind_proxy: Flask) -> None:
    site = run(behind_proxy)
    assert site.get("/who", X_Forwarded_For="6.6.6.6, 192.0.2.7", X_Forwarded_Proto="https")[1] == "192.0.2.7 https"
    assert site.get("/who", X_Forwarded_For="rubbish", X_Forwarded_Proto="gopher")[1] == "127.0.0.1 http"


def test_nobody_else_is_believed(run: Any, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    given = {"trusted_proxies": 1, "proxy_networks": ("192.0.2.0/24",)}
    application = kartabl.build(settings.model_copy(update=given))
    app = webapp.create_app(application)
    app.add_url_rule("/who", "who", webapp.shell.current.public(lambda: f"{request.remote_addr} {request.scheme}"))
    site = run(app)
    for _twice in range(2):
        assert site.get("/who", X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https")[1] == "127.0.0.1 http"
    assert caplog.text.count("is not believed") == 1
    application.database.dispose()


def test_one_stranger_closes_sign_in_for_nobody_else(run: Any, behind_proxy: Flask, people: Any) -> None:
    people.add("admin", "admin")
    site = run(behind_proxy)

    def sign_in(username: str, password: str, address: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        with contextlib.closing(connection):
            body = f'{{"username": "{username}", "password": "{password}"}}'
            headers = {"Content-Type": "application/json", "X-Forwarded-For": f"6.6.6.6, {address}"}
            connection.request("POST", "/api/v1/token", body, headers)
            return connection.getresponse().status

    for host in range(SIGN_IN.most + 2):
        sign_in("admin", "wrong", f"2001:db8:1:2::{host:x}")
    assert sign_in("admin", PASSWORD, "2001:db8:1:2:ffff::1") == 429  # the same subscriber
    assert sign_in("admin", PASSWORD, "2001:db8:1:3::1") == 200
    assert sign_in("admin", PASSWORD, "192.0.2.9") == 200
    with behind_proxy.extensions["kartabl"].engine.transaction() as session:
        keys = set(session.scalars(select(Attempt.key).where(Attempt.kind == SIGN_IN_ADDRESS.kind)))
    assert keys == {"2001:db8:1:2::/64"}


ATTACKS = {
    "a head": b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "a body": b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n",
    "nothing": b"",
    "a kept connection": b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("sent", ATTACKS.values(), ids=ATTACKS)
def test_slow_connections_keep_nobody_out_and_a_byte_renews_nothing(
    run: Any, pages: Flask, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEAD_WITHIN", "IDLE", "BODY_GRACE"):
        monkeypatch.setattr(connections, name, HELD_FOR)
    site = run(pages)
    slow = [site.connect(sent) for _one in range(150)]
    assert site.get() == (200, "ok\n")
    began = time.monotonic()
    while slow and time.monotonic() < began + 10:
        slow = [one for one in slow if still_open(one, dribble=sent != b"" and sent != ATTACKS["a kept connection"])]
        time.sleep(0.2)
    assert not slow
    assert time.monotonic() - began > HELD_FOR / 2  # they were not simply refused


def test_who_does_not_read_the_answer_gives_the_thread_back(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REPLY_WINDOW", HELD_FOR)
    app = Flask("large")
    app.config["SECRET_KEY"] = "k"
    app.add_url_rule("/livez", "live", lambda: "ok\n")
    app.add_url_rule("/large", "large", lambda: app.response_class(bytes(1_000_000) for _piece in range(60)))
    site = run(app, threads=1)
    with site.connect(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n") as unread, site.connect(SECOND) as waiting:
        assert whole(waiting).endswith(b"ok\n")
        assert len(whole(unread)) < 60_000_000


def still_open(connection: socket.socket, *, dribble: bool) -> bool:
    try:
        if dribble:
            connection.sendall(b"x")
        connection.settimeout(0.001)
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return True
    except OSError:
        pass
    connection.close()
    return False


def test_when_all_places_are_taken_the_slowest_gives_way(
    run: Any, pages: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 20)
    site = run(pages)
    slow = [site.connect(ATTACKS["a head"]) for _one in range(40)]
    for _time in range(5):
        assert site.get() == (200, "ok\n")
    for one in slow:
        one.close()


HOST = b"Host: a\r\n"
UNCLEAR = {
    "chunks": b"POST /livez HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "length and chunks": b"POST /livez HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks of HTTP/1.0": b"POST /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, misspelt": b"POST /livez HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "two lengths": b"POST /livez HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a signed length": b"POST /livez HTTP/1.1\r\n" + HOST + b"Content-Length: +4\r\n\r\nabcd",
    "a folded header": b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n",
    "a bare line feed": b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: b\nX-C: d\r\n\r\n",
    "a space before the colon": b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length : 4\r\n\r\nabcd",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host with a path": b"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/1.2": b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n",
    "a long head": b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n",
}
SECOND = b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize("sent", UNCLEAR.values(), ids=UNCLEAR)
def test_what_two_servers_could_read_in_two_ways_is_refused_with_all_that_follows(
    run: Any, pages: Flask, sent: bytes
) -> None:
    answer = run(pages).ask(sent + SECOND)
    assert answer[9:12] in (b"400", b"411", b"431", b"501"), answer
    assert answer.count(b"HTTP/1.") == 1


def test_a_body_too_large_is_answered_with_our_page_before_it_is_taken(run: Any, pages: Flask) -> None:
    site = run(pages)
    head = b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n"
    for sent in (head + b"Expect: 100-continue\r\n\r\n", head + b"\r\n" + SECOND, head + b"\r\n" + b"x" * 100_000):
        answer = site.ask(sent)
        assert answer.startswith(b"HTTP/1.1 413"), answer
        assert "بزرگ".encode() in answer
        assert b"Content-Security-Policy" in answer
        assert answer.count(b"HTTP/1.1 ") == 1  # nothing of the body was taken for a request


def test_whoever_signed_in_may_send_files(run: Any, pages: Flask, people: Any) -> None:
    people.add("contractor", "contractor")
    site = run(pages)
    token = pages.test_client().post("/api/v1/token", json={"username": "contractor", "password": PASSWORD})
    browser = pages.test_client()
    with browser.session_transaction() as cookie:
        cookie["token"] = "anything that we signed"
    known = browser.get_cookie("kartabl")
    assert known is not None
    length = b"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n"
    for path, header, status in (
        ("/sign-in", f"Cookie: kartabl={known.value}", b"100"),
        ("/sign-in", f"Cookie: kartabl={known.value}x", b"413"),
        ("/api/v1/tasks/1/complete", f"Authorization: Bearer {token.json['access_token']}", b"100"),
        ("/sign-in", f"Authorization: Bearer {token.json['access_token']}", b"413"),
    ):
        with site.connect(f"POST {path} HTTP/1.1\r\nHost: a\r\n{header}\r\n".encode() + length) as connection:
            assert connection.recv(12)[9:12] == status


def test_bodies_under_way_have_a_limit_together(run: Any, pages: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BODIES", 1_500_000)
    site = run(pages)
    head = b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Content-Length: 900000\r\nExpect: 100-continue\r\n\r\n"
    with site.connect(head) as first, site.connect(b"") as second:
        assert first.recv(12)[9:12] == b"100"
        second.sendall(head)
        assert second.recv(12)[9:12] == b"503"
    for _try in range(50):
        with site.connect(head) as third:
            if third.recv(12)[9:12] == b"100":
                return
        time.sleep(0.1)
    raise AssertionError("the place of the first was never given back")


def test_a_stop_finishes_what_is_under_way_and_takes_nothing_more(run: Any) -> None:
    app = Flask("slow")
    app.config["SECRET_KEY"] = "k"
    inside, go_on = threading.Event(), threading.Event()

    @app.route("/slow", methods=["GET", "POST"])
    def slow() -> str:
        inside.set()
        go_on.wait(10)
        return request.get_data(as_text=True) or "done"

    site = run(app)
    working = site.connect(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
    sending = site.connect(b"POST /slow HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nab")
    assert inside.wait(10)
    site.server.stop()
    for _try in range(100):
        try:
            site.connect().close()
        except ConnectionRefusedError:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("connections are still taken")
    time.sleep(serving.QUIET)
    sending.sendall(b"cd")
    go_on.set()
    for connection, text in ((working, b"done"), (sending, b"abcd")):
        with connection:
            answer = whole(connection)
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(text)
        assert b"Connection: close" in answer


def test_a_socket_that_systemd_holds_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serving.handed_down() is None
    with serving.listen("127.0.0.1", 0) as held:
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))  # another process's
        assert serving.handed_down() is None
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setattr(serving, "FIRST_HANDED_DOWN", os.dup(held.fileno()))
        with serving.handed_down() as taken:
            assert taken.getsockname() == held.getsockname()


def test_systemd_hears_when_requests_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        serving.tell_ready()
        assert systemd.recv(100) == b"READY=1"


def test_one_address_of_a_name_is_listened_on_and_a_taken_port_is_an_error() -> None:
    with serving.listen("localhost", 0) as first, pytest.raises(OSError, match="in use"):
        serving.listen(first.getsockname()[0], first.getsockname()[1])
