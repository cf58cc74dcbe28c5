"""Subscriptions: one row for each token that waits for a message or signal, indexed by kind, name and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from engine.bpmn.diagram import Element
from engine.contributions.operations import OperationContext
from engine.deployment.definitions import Deployed
from engine.errors import OperationFailed
from engine.expressions.language import ExpressionError, parse
from engine.spiff.stepping import Position, WaitingEvent, data_at
from models.event import LONGEST_KEY, EventKind, EventSubscription

KEYS = "keys"  # in a waiting token's own data: {element id: its key, None as long as it has none}


@dataclass(frozen=True)
class Changes:
    """Changes of a step to the case's subscriptions; empty for a case without such events."""

    case_id: int
    gone: list[str]  # tokens
    new: list[dict[str, Any]]  # rows
    keys: dict[str, str]  # token → its new key

    def write(self, session: Session) -> None:
        """Write the changes in the step's transaction."""
        if not (self.gone or self.keys or self.new):
            return  # nearly always
        of_case = EventSubscription.case_id == self.case_id
        if self.gone:
            ended = delete(EventSubscription).where(of_case, EventSubscription.token.in_(self.gone))
            session.execute(ended.execution_options(synchronize_session=False))
        for token, key in self.keys.items():
            keyed = update(EventSubscription).where(of_case, EventSubscription.token == token).values(key=key)
            session.execute(keyed.execution_options(synchronize_session=False))
        if self.new:
            session.execute(insert(EventSubscription), self.new)


def changes(
    context: OperationContext, deployed: Deployed, environment: Any, *, before: Position, after: Position
) -> Changes:
    """Compare the positions before and after a step. Call it before the state is written: it sets keys there.

    Raises ``OperationFailed`` for a correlation key that cannot be evaluated or is no text or number.
    """
    gone = [token for token, wait in before.waits.items() if token not in after.waits and _known(deployed, wait)]
    subscribed = Changes(context.case.id, gone, [], {})
    for token, wait in after.waits.items():
        element = _known(deployed, wait)
        if element is None:
            continue
        had_key = _settled(wait)
        key = had_key if had_key is not None else _settle(wait, element, context, environment)
        if token not in before.waits:
            subscribed.new.append(_row(context.case.id, deployed.key_of(wait.process), wait, key, context.now))
        elif key is not None and had_key is None:
            subscribed.keys[token] = key
    return subscribed


def _known(deployed: Deployed, wait: WaitingEvent) -> Element | None:
    """The waiting element if another case can reach it, else ``None``."""
    if wait.kind not in ("message", "signal"):
        return None
    element = deployed.diagrams[deployed.key_of(wait.process)].elements[wait.element]
    return element if wait.kind == "signal" or element.properties.get("correlation_key") else None


def _settled(wait: WaitingEvent) -> str | None:
    """The stored key of the wait, ``None`` if it has none yet; "" for a signal."""
    if wait.kind == "signal":
        return ""
    key: str | None = wait.task.internal_data.get(KEYS, {}).get(wait.element)
    return key


def _settle(wait: WaitingEvent, element: Element, context: OperationContext, environment: Any) -> str | None:
    """Evaluate the key with the current data and store it; ``None`` as long as one of its names has no value."""
    task, source = wait.task, element.properties["correlation_key"]
    data = data_at(wait)
    try:
        if not parse(source).names <= data.keys():
            return None
        key = key_text(environment.evaluate(source, data))
    except (ExpressionError, ValueError) as error:
        failure = OperationFailed(element.id, "correlation_key", str(error))
        failure.case_id = context.case.id
        raise failure from error
    if key is not None:
        task.internal_data.setdefault(KEYS, {})[wait.element] = key
    return key


def key_text(value: Any) -> str | None:
    """Normalise a correlation key to text; ``None`` for no key. Raises ``ValueError`` for any other value."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"A correlation key is a text or a whole number, not {value!r:.60}")
    text = str(value)
    if len(text) > LONGEST_KEY:
        raise ValueError(f"A correlation key has at most {LONGEST_KEY} characters")
    return text


def _row(case_id: int, process_key: str, wait: WaitingEvent, key: str | None, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "kind": EventKind(wait.kind),
        "name": wait.message or "",
        "key": key,
        "token": wait.token,
        "process_key": process_key,
        "element_id": wait.element,
        "since": now,
    }


def newest_id(session: Session) -> int:
    """Id of the newest subscription, 0 without any. A signal thrown now reaches subscriptions up to this id."""
    return session.scalar(select(func.max(EventSubscription.id))) or 0


def oldest(session: Session, name: str, key: str) -> EventSubscription | None:
    """The receiver of a message: the oldest subscription with this name and key; ``None`` without any."""
    return session.scalars(
        select(EventSubscription)
        .where(
            EventSubscription.kind == EventKind.MESSAGE, EventSubscription.name == name, EventSubscription.key == key
        )
        .order_by(EventSubscription.id)
        .limit(1)
    ).first()


def of_signal(
    session: Session, name: str, *, after: int, upto: int, but: int, limit: int
) -> Sequence[EventSubscription]:
    """The next ``limit`` receivers of a signal, one (oldest) subscription for each case, without the case ``but``.

    ``after``, ``upto``: range of subscription ids, exclusive and inclusive.
    """
    older = aliased(EventSubscription)
    earlier = exists().where(
        older.case_id == EventSubscription.case_id,
        older.kind == EventKind.SIGNAL,
        older.name == name,
        older.id < EventSubscription.id,
    )
    return session.scalars(
        select(EventSubscription)
        .where(
            EventSubscription.kind == EventKind.SIGNAL,
            EventSubscription.name == name,
            EventSubscription.key == "",
            EventSubscription.id > after,
            EventSubscription.id <= upto,
            EventSubscription.case_id != but,
            ~earlier,
        )
        .order_by(EventSubscription.id)
        .limit(limit)
    ).all()


def tokens_of_signal(session: Session, case_id: int, name: str, *, upto: int) -> list[str]:
    """Tokens of one case that a signal reaches, oldest subscription first."""
    tokens = select(EventSubscription.token).where(
        EventSubscription.case_id == case_id,
        EventSubscription.kind == EventKind.SIGNAL,
        EventSubscription.name == name,
        EventSubscription.id <= upto,
    )
    return list(session.scalars(tokens.order_by(EventSubscription.id)))


def forget(session: Session, case_id: int) -> None:
    """Delete all subscriptions of a case that has ended."""
    session.execute(
        delete(EventSubscription)
        .where(EventSubscription.case_id == case_id)
        .execution_options(synchronize_session=False)
    )
