"""Thrown messages and signals, written as jobs in the step's transaction; the worker delivers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.contributions.operations import OperationContext
from engine.deployment.definitions import Deployed
from engine.errors import OperationFailed
from engine.runtime import subscriptions
from engine.spiff.stepping import ThrownEvent
from models.job import JobKind


def rows(context: OperationContext, deployed: Deployed, events: Iterable[ThrownEvent]) -> list[dict[str, Any]]:
    """Rows of ``jobs``, one for each thrown message or signal. A signal reaches the subscriptions of this moment.

    Raises ``OperationFailed`` for a correlation key that is no text or number.
    """
    return [_row(context, deployed, event) for event in events]


def _row(context: OperationContext, deployed: Deployed, event: ThrownEvent) -> dict[str, Any]:
    arguments: dict[str, Any] = {"name": event.name, "payload": event.payload, "sender": context.case.id}
    if event.kind == "message":
        arguments["key"] = _key(context, event)
    else:
        arguments |= {"after": 0, "upto": subscriptions.newest_id(context.session)}
    return {
        "case_id": context.case.id,
        "kind": JobKind.MESSAGE if event.kind == "message" else JobKind.SIGNAL,
        "element_id": event.element,
        "process_key": deployed.key_of(event.process),
        "token": event.token,
        "due_at": context.now,
        "run_at": context.now,
        "attempts": 0,
        "operation": "",
        "arguments": arguments,
        "idempotency_key": "",
    }


def _key(context: OperationContext, event: ThrownEvent) -> str | None:
    try:
        return subscriptions.key_text(event.key)
    except ValueError as error:
        failure = OperationFailed(event.element, "correlation_key", str(error))
        failure.case_id = context.case.id
        raise failure from error
