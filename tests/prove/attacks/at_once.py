"""The same request twice at once, as by a double click: one is done, the other is told so (F9, F15)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import func, select

from models.ticket import Ticket
from tests.prove.attack_site import Target, Visitor
from tests.prove.attacks import attack
from tests.scenarios.tickets import ASKS


@attack("a draft and a request that are sent twice at once are kept once, and neither answer is an error of ours")
def double_click(target: Target) -> Iterator[str]:
    rounds = 5 if target.short else 40
    with target.program("citizen") as first, target.program("citizen", address="127.0.5.1") as second:
        before, pairs = _tickets(target), 0
        for _round in range(rounds):
            task = first.post("/api/v1/cases", json={"process": "ticket"}).json()["tasks"][0]["id"]
            drafts = _both(first, second, "PUT", f"/api/v1/tasks/{task}/draft", {"values": {"title": "عنوان"}})
            if drafts != [204, 204]:
                yield f"the first draft twice: {drafts}"
            sent = _both(first, second, "POST", f"/api/v1/tasks/{task}/complete", {"values": ASKS})
            if sent not in ([200, 409], [200, 404]):
                yield f"a request twice: {sent}"
            pairs += 2
        if _tickets(target) - before != rounds:
            yield f"{_tickets(target) - before} requests of {rounds}"
    target.numbers["pairs at once"] = pairs


def _both(first: Visitor, second: Visitor, method: str, path: str, body: dict[str, object]) -> list[int]:
    barrier = Barrier(2)

    def send(visitor: Visitor) -> int:
        barrier.wait(30)
        return visitor.request(method, path, json=body).status_code

    with ThreadPoolExecutor(2) as threads:
        return sorted(threads.map(send, (first, second)))


def _tickets(target: Target) -> int:
    with target.application.engine.transaction() as session:
        return session.scalar(select(func.count()).select_from(Ticket)) or 0
