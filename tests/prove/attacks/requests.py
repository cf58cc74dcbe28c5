"""Requests that are large, deep, or name what no row can have: none costs others their pages (F3, F8, F10)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import httpx

from tests.prove.attack_site import Target, Visitor
from tests.prove.attacks import attack

PAGE_WITHIN = 5.0  # seconds, on a machine that has two cores for all of it
MEMORY = 100_000_000  # bytes, for each process
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NO_ROW = (2**63, 10**40, "1%00", "%00", "%ED%A0%80", "%FF")
ADDRESSES = (
    "/tasks/{}",
    "/tasks/{}/files",
    "/messages/{}",
    "/cases/{}",
    "/start/{}",
    "/documents/{}",
    "/verify/{}",
    "/payments/return/{}",
    "/test-gateway/{}",
    "/tasks/{}/reassign",
    "/incidents/{}/retry",
    "/people/{}",
    "/api/v1/tasks/{}",
    "/api/v1/cases/{}",
    "/api/v1/documents/{}",
    "/api/v1/lists/{}",
    "/worklist?cursor={}",
    "/people?person={}",
)


def _nested(length: int) -> bytes:
    return b'{"username":[' + b"[]," * (length // 3) + b"[]]}"


@attack("no body of a stranger, and none of somebody who is signed in, keeps others from a page or fills the memory")
def heavy_bodies(target: Target) -> Iterator[str]:
    size = 5_000_000 if target.short else 30_000_000
    names = {f"unknown_{number}": 1 for number in range(200_000)}
    before = target.memory()
    with target.visitor(direct=True) as stranger, target.visitor() as through, target.program("citizen") as program:
        case = program.post("/api/v1/cases", json={"process": "ticket"})
        task = case.json()["tasks"][0]["id"]
        with target.person("contractor") as person:
            bodies: list[tuple[str, Visitor, str, bytes, dict[str, str]]] = [
                ("a stranger's JSON, directly", stranger, "/api/v1/token", _nested(size), JSON),
                ("a stranger's JSON, through nginx", through, "/api/v1/token", _nested(size), JSON),
                ("a stranger's JSON below 1 MB", through, "/api/v1/token", _nested(900_000), JSON),
                ("a stranger's form", through, "/sign-in", b"a=" + b"x" * size, FORM),
                ("a stranger's fields", through, "/sign-in", b"a=b&" * 200_000, FORM),
                ("200,000 unknown names", program, f"/api/v1/tasks/{task}/complete", _values(names), JSON),
                ("a deep body", program, f"/api/v1/tasks/{task}/complete", b"[" * 900_000, JSON),
                ("a long text", program, f"/api/v1/tasks/{task}/complete", _values({"title": "x" * size}), JSON),
                ("a form of one field", person, "/tasks/1", _signed(person, b"x" * size), FORM),
                ("a form of 200,000 fields", person, "/tasks/1", _signed(person, b"b&c=" * 200_000), FORM),
            ]
            for what, visitor, path, body, headers in bodies:
                took, slowest, status = _beside(
                    target, lambda v=visitor, p=path, b=body, h=headers: v.post(p, content=b, headers=h)
                )
                target.numbers["slowest page beside a heavy body (s)"] = max(
                    slowest, float(target.numbers.get("slowest page beside a heavy body (s)", 0))
                )
                if not 400 <= status < 500 or took > PAGE_WITHIN or slowest > PAGE_WITHIN:
                    yield f"{what}: {status} after {took:.1f} s, a page meanwhile {slowest:.1f} s"
    grown = target.memory() - before
    target.numbers["memory for heavy bodies (MB)"] = round(grown / 1e6)
    if grown > MEMORY * (1 + len(target.children())):
        yield f"{grown} bytes of memory for heavy bodies"


@attack("an address or argument that names what no row can have is an unknown one, for a stranger and for an admin")
def impossible_names(target: Target) -> Iterator[str]:
    tried = 0
    with target.visitor() as stranger, target.person("admin") as admin, target.program("supervisor") as program:
        for who, visitor in (("stranger", stranger), ("admin", admin), ("program", program)):
            for address in ADDRESSES:
                for name in NO_ROW[:3] if target.short else NO_ROW:
                    for method in ("GET", "POST"):
                        answer = visitor.request(method, address.format(name), data={"csrf_token": visitor.csrf})
                        tried += 1
                        if answer.status_code >= 500:
                            yield f"{who}: {method} {address.format(name)}: {answer.status_code}"
    target.numbers["impossible names"] = tried


def _values(values: dict[str, object]) -> bytes:
    return json.dumps({"values": values}).encode()


def _signed(person: Visitor, fields: bytes) -> bytes:
    return f"csrf_token={person.csrf}&a=".encode() + fields


def _beside(target: Target, act: Callable[[], httpx.Response]) -> tuple[float, float, int]:
    """Seconds that it took, the slowest page meanwhile, and its status."""
    answers: list[int] = []

    def run() -> None:
        try:
            answers.append(act().status_code)
        except httpx.HTTPError:  # the connection ended before all of it was sent
            answers.append(499)

    thread, began, slowest = threading.Thread(target=run), time.monotonic(), 0.0
    thread.start()
    while thread.is_alive():
        slowest = max(slowest, target.page_takes())
    thread.join()
    return time.monotonic() - began - slowest, slowest, answers[0]
