"""Slow and idle connections, large bodies: nobody takes the places, the memory or the disk of others (F3, F7)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from tests.prove.attack_site import NAME, Target
from tests.prove.attacks import attack

SOCKETS = 500
FEWER = 150  # in the short form; waitress as it comes has 100 places
HOST = f"Host: {NAME}\r\n".encode()
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "heads": b"GET /sign-in HTTP/1.1\r\n" + HOST + b"X-Slow: ",
    "bodies": b"POST /sign-in HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 90000\r\n\r\n",
    "idle": b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n",
}
PROXY_HEAD = 10  # seconds: client_header_timeout of the documented nginx
PAGE_WITHIN = 5.0  # seconds, on a machine that has two cores for all of it


@attack(
    "hundreds of slow connections keep a browser from no page, and each is ended although it sends a byte now and then"
)
def slow_connections(target: Target) -> Iterator[str]:
    count = FEWER if target.short else SOCKETS
    for kind, sent in SLOW.items():
        slow = [target.connect(sent) for _one in range(count)]
        began, worst = time.monotonic(), 0.0
        until = began + (3 if target.short else 45)
        while time.monotonic() < until:
            worst = max(worst, target.page_takes(direct=True))
            slow = [one for one in slow if _still_open(one, b"" if kind == "idle" else b"x")]
            time.sleep(1)
        target.numbers[f"slowest page beside {count} slow {kind} (s)"] = worst
        if worst > PAGE_WITHIN:
            yield f"beside {count} slow {kind} a page took {worst:.1f} s"
        if slow and not target.short:
            yield f"{len(slow)} slow {kind} were open after 45 s"
        for one in slow:
            one.close()


@attack("hundreds of slow connections to the proxy keep a browser from no page")
def slow_connections_to_the_proxy(target: Target) -> Iterator[str]:
    # limit_conn of the example: 100 for an address
    count = FEWER if target.short else SOCKETS
    slow = [target.connect(SLOW["heads"], direct=False, address=f"127.0.1.{one % 5 + 1}") for one in range(count)]
    worst = max(target.page_takes() for _page in range(5))
    target.numbers[f"slowest page through nginx beside {count} (s)"] = worst
    if worst > PAGE_WITHIN:
        yield f"beside {count} slow heads at nginx a page took {worst:.1f} s"
    for one in slow:
        one.close()


@attack("a head that comes byte by byte over TLS is ended by nginx after 10 seconds, whatever name it was for")
def slow_heads_at_the_proxy(target: Target) -> Iterator[str]:
    slow = [target.connect(b"G", direct=False, address=f"127.0.1.{one + 1}") for one in range(10)]
    began = time.monotonic()
    while slow and time.monotonic() < began + 20:
        time.sleep(1)
        slow = [one for one in slow if _still_open(one, b"E")]
    target.numbers["a slow head at nginx was open for (s)"] = time.monotonic() - began
    if time.monotonic() > began + PROXY_HEAD + 3:
        yield f"{len(slow)} slow heads were open for more than {time.monotonic() - began:.0f} s at nginx"
    for one in slow:
        one.close()


@attack("a body too large is refused by its head: directly, and through nginx with a page")
def large_bodies(target: Target) -> Iterator[str]:
    before = target.memory()
    for direct, length, limit in ((True, 2_000_000, "a stranger's"), (True, 10**12, "any"), (False, 10**9, "nginx's")):
        head = b"POST /sign-in HTTP/1.1\r\n" + HOST + f"Content-Length: {length}\r\n".encode()
        answer = target.ask(head + b"Expect: 100-continue\r\n\r\n", direct=direct)
        if not answer.startswith(b"HTTP/1.1 413") or "بزرگ".encode() not in answer:
            yield f"{length} bytes, beyond {limit} limit: {answer[:100]!r}"
    grown = target.memory() - before
    target.numbers["memory for bodies refused (MB)"] = round(grown / 1e6)
    if grown > 50_000_000:
        yield f"{grown} bytes of memory for bodies that were refused"


@attack("a form with 60 MB of files passes through nginx, and one beyond the limit is a page that says so")
def uploads(target: Target) -> Iterator[str]:
    with target.person("contractor") as person:
        for size, status in ((60_000_000, 404), (125_000_000, 413), (135_000_000, 413)):
            files = {"file": ("plan.pdf", b"%PDF-1.4\n" + bytes(size), "application/pdf")}
            answer = person.post("/tasks/999999", data={"csrf_token": person.csrf}, files=files)
            if answer.status_code != status:  # 404: it was taken, and there is no such task
                yield f"{size} bytes of files: {answer.status_code} instead of {status}"


def _still_open(connection: socket.socket, dribble: bytes) -> bool:
    with contextlib.suppress(OSError):
        if dribble:
            connection.sendall(dribble)
        connection.settimeout(0.001)
        try:
            while connection.recv(65_536):
                pass
        except TimeoutError:
            return True
    connection.close()
    return False
