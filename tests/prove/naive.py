"""The naive twin of the application: what one writes first, and what a harness has to catch (G16).

It differs in two places only. A step's state is committed as soon as it is written, and tasks, history, timers and
the answer to a repeated call follow in a second transaction. And an SMS leaves from inside the step.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event

from engine.contributions.operations import OperationContext, Operations
from models.outbox import DeliveryState, Sms
from tests.prove.proof import MOBILE


def save_state_first(database: Engine) -> None:
    """Commit right after the statement that writes a case's state; whatever follows begins a new transaction."""

    @event.listens_for(database, "after_cursor_execute")
    def after_cursor_execute(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().upper().startswith("UPDATE CASES"):
            driver: Any = connection.connection.driver_connection
            if connection.dialect.name == "sqlite":
                driver.execute("COMMIT")
            else:
                driver.commit()


def send_inside(operations: Operations) -> Operations:
    """The same operations, but ``proof.tell`` sends before anybody knows whether the step is kept."""

    def tell(context: OperationContext) -> None:
        message = Sms(
            case_id=context.case.id,
            receiver=MOBILE,
            text=f"proof {context.case.id}",
            state=DeliveryState.SENT,
            created_at=context.now,
            sent_at=context.now,
        )
        context.session.add(message)
        context.session.flush()
        context.services.sms.send(receiver=MOBILE, text=message.text, message_id=str(message.id))

    naive = Operations()
    for operation in operations:
        function = tell if operation.name == "proof.tell" else operation.function
        naive.register(operation.name, outside=operation.outside, attempts=operation.attempts)(function)
    return naive
