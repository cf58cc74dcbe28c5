"""Bodies that cost much: deep and wide JSON, names that no form has, forms with very many fields (F3, F8)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

from tests.prove.attack_site import Target, Visitor
from tests.prove.attacks import attack

AT_ONCE = 5.0  # seconds, on a busy machine and with sending the body, that a refusal may take
HEALTHY = 3.0  # seconds that /livez may take meanwhile
LARGE = 30_000_000  # bytes
FEW = 60_000  # bytes of an answer that refuses: a page, and no list of all that was sent


def _json(size: int) -> dict[str, bytes]:
    """Bodies of about ``size`` bytes."""
    return {
        "empty lists": b'{"username":[' + b"[]," * (size // 3) + b"[]]}",
        "lists in lists": b'{"username":' + b"[" * size,
        "objects in objects": b'{"a":' * (size // 5),
        "a long text": b'{"username":"' + b"x" * size + b'"}',
        "a long number": b'{"username":' + b"9" * size + b"}",
        "many names": json.dumps(dict.fromkeys(map(str, range(size // 10)), 1)).encode(),
    }


class Pulse:
    """Asks /livez all the time; ``slowest`` is the longest answer in seconds."""

    def __init__(self, target: Target) -> None:
        self._target, self._over, self.slowest = target, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.1):
            began = time.monotonic()
            with self._target.visitor(address="127.0.0.68", direct=True) as visitor:
                visitor.get("/livez")
            self.slowest = max(self.slowest, time.monotonic() - began)


def _sent(visitor: Visitor, method: str, path: str, **more: Any) -> tuple[int, float, int]:
    """Status (0: the connection was ended), seconds, and bytes of the answer."""
    began = time.monotonic()
    try:
        answer = visitor.request(method, path, **more)
    except httpx.HTTPError:
        return 0, time.monotonic() - began, 0
    return answer.status_code, time.monotonic() - began, len(answer.content)


def _judged(what: str, outcome: tuple[int, float, int]) -> Iterator[str]:
    status, seconds, size = outcome
    if status >= 500 or status == 200:
        yield f"{what}: {status}"
    if seconds > AT_ONCE:
        yield f"{what}: {seconds:.1f} s"
    if size > FEW:
        yield f"{what}: an answer of {size} bytes"


@attack("JSON of a stranger stops nobody, whether or not its length is announced")
def json_of_strangers(target: Target) -> Iterator[str]:
    bodies = _json(LARGE // 10 if target.short else LARGE)
    bodies |= {f"{what}, short": body for what, body in _json(9_000).items()}
    with Pulse(target) as pulse:
        for what, body in bodies.items():
            for chunked in (False, True):
                with target.visitor(direct=True) as visitor:
                    content = iter([body]) if chunked else body
                    head = {"Content-Type": "application/json"}
                    outcome = _sent(visitor, "POST", "/api/v1/token", content=content, headers=head)
                yield from _judged(f"{what}{' in chunks' * chunked}", outcome)
    target.numbers["slowest /livez beside 30 MB of JSON (s)"] = pulse.slowest
    if pulse.slowest > HEALTHY:
        yield f"/livez took {pulse.slowest:.1f} s meanwhile"


@attack("JSON of somebody who is signed in stops nobody, however many names it has")
def json_of_people(target: Target) -> Iterator[str]:
    prepared = _json(900_000)
    with target.program("citizen") as program, Pulse(target) as pulse:
        started = program.post("/api/v1/cases", json={"process": "ticket", "values": {}})
        task = started.json()["tasks"][0]["id"]
        values = {"values": dict.fromkeys(map(str, range(9_000)), 1)}
        rows = {"values": {"files": [{"a": 1}] * 4_000, **{str(one): [] for one in range(1_000)}}}
        bodies = {**prepared, "9,000 names": json.dumps(values).encode(), "rows": json.dumps(rows).encode()}
        for what, body in bodies.items():
            for method, path in (("POST", f"/api/v1/tasks/{task}/complete"), ("PUT", f"/api/v1/tasks/{task}/draft")):
                outcome = _sent(program, method, path, content=body, headers={"Content-Type": "application/json"})
                yield from _judged(f"{what} to {path}", outcome)
    if pulse.slowest > HEALTHY:
        yield f"/livez took {pulse.slowest:.1f} s meanwhile"


@attack("A form with very many fields stops nobody, whatever its encoding")
def wide_forms(target: Target) -> Iterator[str]:
    count = 20_000 if target.short else 200_000
    plain = "&".join(f"f{number}=1" for number in range(count)).encode()
    parts = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % one for one in range(count))
    kinds = {
        "application/x-www-form-urlencoded": plain,
        "multipart/form-data; boundary=b": parts + b"--b--\r\n",
        "text/plain": plain,
        "application/octet-stream": plain,
    }
    for who in ("stranger", "citizen"):
        with target.visitor(direct=True) if who == "stranger" else target.person(who, direct=True) as visitor:
            with Pulse(target) as pulse:
                for kind, body in kinds.items():
                    for path in ("/sign-in", "/start/ticket"):
                        outcome = _sent(visitor, "POST", path, content=body, headers={"Content-Type": kind})
                        yield from _judged(f"{kind} of a {who} to {path}", outcome)
            if pulse.slowest > HEALTHY:
                yield f"/livez took {pulse.slowest:.1f} s meanwhile"


@attack("An address or headers that are too long are refused at once")
def long_heads(target: Target) -> Iterator[str]:
    addresses = [
        f"/cases/{'x' * 6_000}",
        "/cases?" + "&".join(f"a{one}=1" for one in range(1_000)),
        f"/verify?q={'9' * 20_000}",
    ]
    headers = [{"Accept-Language": "fa," * 15_000}, {"Cookie": "a=b; " * 9_000}, {"Cookie": "=" * 40_000}]
    with target.visitor(direct=True) as visitor:
        for address in addresses:
            yield from _judged(address[:30], _sent(visitor, "GET", address))
        for more in headers:
            status, seconds, _size = _sent(visitor, "GET", "/sign-in", headers=more)
            if status >= 500 or seconds > AT_ONCE:
                yield f"{next(iter(more))}: {status} after {seconds:.1f} s"
