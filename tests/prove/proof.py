"""Operations of the proof's own diagram (``proof.bpmn``): an SMS, a question to the outside world, an invoice.

Importing the module registers them, so only the processes under proof do (``tests/prove/site.py``).
"""

from __future__ import annotations

from engine.contributions.operations import OperationContext, OutsideContext
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from workflows.registry import operations

FEE = 690_000  # Rials
MOBILE = "09120000000"


@operations.register("proof.tell")
def tell(context: OperationContext) -> None:
    """Put an SMS about the case into the outbox."""
    context.sms(MOBILE, f"proof {context.case.id}")


@operations.register("proof.ask", outside=True, attempts=20)
def ask(context: OutsideContext) -> int:
    """Ask the outside world, which knows a repeated question by its key."""
    context.services.sms.world.note("calls", context.case_id, context.idempotency_key)
    return context.case_id


@operations.register("proof.bill")
def bill(context: OperationContext) -> int:
    """Make the invoice of the case; returns its id."""
    line = InvoiceLine(item="inspection", stage="final_inspection", quantity=1, unit_amount=FEE, amount=FEE)
    made = Invoice(
        number=f"{context.case.id}/1",
        case_id=context.case.id,
        reason="registration",
        payer_id=context.case.started_by_id,
        status=InvoiceStatus.OPEN,
        total=FEE,
        created_at=context.now,
        lines=[line],
    )
    context.session.add(made)
    context.session.flush()
    return made.id
