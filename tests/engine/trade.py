"""Two small processes that write to each other: a seller tells a buyer that an order is paid."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.contributions.operations import OperationContext, Operations
from models.event import EventSubscription
from models.job import Incident, Job
from tests.engine.small import Small, chain, end, event, process, start, user_task

operations = Operations()


@operations.register("trade.fails")
def fails(context: OperationContext, *, amount: int) -> int:
    """Divides by what the message brought."""
    return 100 // amount


def waiting(inner: str = "", *, key: str = "buyer") -> bytes:
    """A case of an order: fills in its number, then waits for its payment."""
    return process(
        start()
        + user_task("fill")
        + event("intermediateCatchEvent", "await_payment", "message paid", correlation_key="order")
        + (inner or user_task("ship", due="'2026-12-01T00:00:00+00:00'", scope="amount"))
        + end()
        + chain("begin", "fill", "await_payment", "ship", "done"),
        key=key,
        messages="paid",
    )


SELLER = process(
    start()
    + user_task("bill")
    + event("intermediateThrowEvent", "tell", "message paid", correlation_key="order", payload="amount, order")
    + user_task("rest")
    + end()
    + chain("begin", "bill", "tell", "rest", "done"),
    key="seller",
    messages="paid",
)
BUYER = waiting()


def buy(office: Small, order: Any = "A1", key: str = "buyer") -> int:
    """A case that waits for the payment of an order."""
    case_id = office.start(key).case.id
    office.complete(case_id, "fill", order=order)
    return case_id


def sell(office: Small, order: Any = "A1", **values: Any) -> int:
    case_id = office.start("seller").case.id
    office.complete(case_id, "bill", order=order, amount=7, **values)
    return case_id


def open_keys(office: Small, case_id: int) -> list[str]:
    return sorted(office.open(case_id))


def waiting_jobs(office: Small) -> list[Job]:
    return office.look(lambda session: session.scalars(select(Job).order_by(Job.id)).all())


def subscriptions(office: Small) -> list[tuple[int, str, str | None]]:
    return office.look(
        lambda session: [
            (row.case_id, row.name, row.key)
            for row in session.scalars(select(EventSubscription).order_by(EventSubscription.id))
        ]
    )


def open_incidents(office: Small) -> list[Incident]:
    return office.look(lambda session: session.scalars(select(Incident).where(Incident.resolved_at.is_(None))).all())
