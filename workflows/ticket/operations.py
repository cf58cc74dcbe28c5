"""Operations and briefings of ``bpmn_diagrams/ticket.bpmn``: request, answer, transfer, deadline, escalation (TKT)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.contributions.briefings import Block, Briefing, BriefingContext
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from models.account import Person
from models.case import Task, TaskStatus
from models.language import gettext as _
from models.language import lazy
from models.ticket import Ticket, TicketMessage
from workflows.formatting import code
from workflows.registry import briefings, handovers, operations
from workflows.ticket import notices
from workflows.ticket.briefings import blocks
from workflows.ticket.labels import (
    ANSWERED,
    CLOSED,
    PRESIDENT,
    RANKS,
    REQUESTERS,
    WAITING,
    sent_ticket,
    ticket_of,
    unit_choices,
    unit_name,
    unit_text,
)

TICKET_SENT = "ticket_sent"  # kinds of history lines
TICKET_PASSED_ON = "ticket_passed_on"
TICKET_OVERDUE = "ticket_overdue"
TICKET_ESCALATED = "ticket_escalated"


@operations.register("ticket.open_ticket")
def open_ticket(context: OperationContext, *, submission: Mapping[str, Any]) -> dict[str, Any]:
    """Record the request and send it to its unit (TKT-2). Returns the unit and the rank for the diagram."""
    requester = context.session.get_one(Person, _requester_id(context))
    ticket = Ticket(
        case_id=context.case.id,
        requester_id=requester.id,
        unit=submission["unit"],
        priority=submission["priority"],
        title=submission["title"],
        state=WAITING,
        submitted_at=context.now,
    )
    context.session.add(ticket)
    context.session.flush()
    _say(context, ticket, "request", submission)
    context.set_subject(ticket.title, [requester.name])
    context.record(
        TICKET_SENT, {"text": lazy("به واحد %(unit)s ارسال شد", unit=unit_text(context.session, ticket.unit))}
    )
    number = code(context.case.number)
    context.flash(_("درخواست شما با شمارهٔ رهگیری %(number)s ثبت شد و در انتظار پاسخ است.", number=number))
    return _as_data(ticket)


def _requester_id(context: OperationContext) -> int:
    holders = (context.bound(role) for role in REQUESTERS)
    person_id = next((holder for holder in holders if holder is not None), None)
    if person_id is None:
        raise ValueError("A ticket is sent by a person, not by the system")
    return person_id


def _as_data(ticket: Ticket) -> dict[str, Any]:
    return {"unit": ticket.unit, "rank": RANKS[ticket.priority]}


def _say(
    context: OperationContext,
    ticket: Ticket,
    kind: str,
    submission: Mapping[str, Any],
    *,
    unit: str = "",
    to_unit: str = "",
) -> None:
    """Append a message to the ticket."""
    context.session.add(
        TicketMessage(
            ticket_id=ticket.id,
            kind=kind,
            person_id=context.actor.person_id,
            unit=unit,
            at=context.now,
            text=submission.get("body") or submission.get("note") or "",
            documents=list(submission.get("files") or []),
            to_unit=to_unit,
        )
    )


# The unit (TKT-3)


@operations.register("ticket.record_answer")
def record_answer(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Record the unit's answer and send it to the requester. An unsent escalation ends."""
    ticket = ticket_of(context.session, context.case)
    _say(context, ticket, "answer", submission, unit=ticket.unit)
    ticket.state, ticket.answered_at, ticket.overdue_at = ANSWERED, context.now, None
    notices.answered(context, ticket)
    context.flash(_("پاسخ ثبت شد و به متقاضی اطلاع داده شد."))


@operations.register("ticket.pass_on_ticket")
def pass_on_ticket(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Transfer the ticket to another unit, with a note; its deadline stays.

    Raises Refusal: at ``unit`` if the unit has the ticket already.
    """
    ticket = ticket_of(context.session, context.case)
    unit = submission["unit"]
    if unit == ticket.unit:
        raise Refusal({"unit": [_("درخواست هم‌اکنون نزد همین واحد است. واحد دیگری انتخاب کنید.")]})
    _say(context, ticket, "transfer", submission, unit=ticket.unit, to_unit=unit)
    text = lazy(
        "از واحد %(unit)s به واحد %(to)s ارجاع شد",
        unit=unit_text(context.session, ticket.unit),
        to=unit_text(context.session, unit),
    )
    context.record(TICKET_PASSED_ON, {"text": text})
    ticket.unit = unit
    context.pass_on("answer_ticket", unit)
    notices.transferred(context, ticket)
    context.flash(_("درخواست به واحد %(unit)s ارجاع شد.", unit=unit_name(context.session, unit)))


# The requester (TKT-4)


@operations.register("ticket.record_reply")
def record_reply(context: OperationContext, *, submission: Mapping[str, Any]) -> dict[str, Any]:
    """Record the requester's reply; the present unit answers again. Returns unit and rank."""
    ticket = ticket_of(context.session, context.case)
    _say(context, ticket, "reply", submission)
    ticket.state = WAITING
    context.flash(
        _(
            "پاسخ شما ثبت شد و درخواست دوباره در انتظار پاسخ واحد %(unit)s است.",
            unit=unit_name(context.session, ticket.unit),
        )
    )
    return _as_data(ticket)


@operations.register("ticket.close_ticket")
def close_ticket(context: OperationContext) -> None:
    """Close the ticket: the requester had nothing to add to the answer."""
    ticket = ticket_of(context.session, context.case)
    ticket.state, ticket.closed_at = CLOSED, context.now
    notices.closed(context, ticket)


# Missed deadline (TKT-5, TKT-6)


@operations.register("ticket.mark_overdue")
def mark_overdue(context: OperationContext) -> bool:
    """Mark the ticket as overdue and inform unit and supervisors. Returns whether the requester may escalate now.

    A requester who escalated before waits for that answer already.
    """
    ticket = ticket_of(context.session, context.case)
    ticket.overdue_at = _deadline(context) or context.now
    may_escalate = ticket.escalated_at is None
    context.record(
        TICKET_OVERDUE, {"text": lazy("مهلت پاسخ واحد %(unit)s گذشت", unit=unit_text(context.session, ticket.unit))}
    )
    notices.overdue(context, ticket, may_escalate=may_escalate)
    return may_escalate


def _deadline(context: OperationContext) -> datetime | None:
    """Deadline of the pending answer (aware UTC)."""
    waiting = select(Task.due_at).where(
        Task.case_id == context.case.id,
        Task.key == context.key_in_diagram("answer_ticket"),
        Task.status == TaskStatus.OPEN,
    )
    return context.session.scalars(waiting).first()


@operations.register("ticket.send_escalation")
def send_escalation(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Send the request to the president.

    Raises Refusal: at the tracking number if it is not this ticket's.
    """
    ticket = ticket_of(context.session, context.case)
    typed = str(submission.get("tracking_number") or "")
    if typed and typed.replace("-", "") != context.case.number.replace("-", ""):
        number = code(context.case.number)
        raise Refusal({"tracking_number": [_("شمارهٔ رهگیری این درخواست %(number)s است.", number=number)]})
    _say(context, ticket, "escalation", submission)
    ticket.escalated_at = context.now
    context.record(TICKET_ESCALATED, {"text": lazy("از رئیس سازمان رسیدگی خواسته شد")})
    notices.escalated(context, ticket)
    context.flash(
        _(
            "درخواست شما نزد رئیس سازمان است. واحد %(unit)s همچنان می‌تواند پاسخ دهد.",
            unit=unit_name(context.session, ticket.unit),
        )
    )


@operations.register("ticket.record_decision")
def record_decision(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Record the president's answer, which also ends the unit's task."""
    ticket = ticket_of(context.session, context.case)
    _say(context, ticket, "decision", submission, unit=PRESIDENT)
    ticket.state, ticket.closed_at, ticket.overdue_at = CLOSED, context.now, None
    notices.decided(context, ticket)
    context.flash(_("پاسخ ثبت شد و هر دو درخواست بسته شدند."))


# For readers


@briefings.register("ticket", "submit_ticket")
def submit_ticket(context: BriefingContext) -> Briefing:
    return Briefing(choices={"unit": unit_choices(context.session)})


@briefings.register("ticket", "answer_ticket")
def answer_ticket(context: BriefingContext) -> Briefing:
    return Briefing(blocks=_blocks(context))


@briefings.register("ticket", "transfer_ticket")
def transfer_ticket(context: BriefingContext) -> Briefing:
    has_it = ticket_of(context.session, context.case).unit
    return Briefing(choices={"unit": [choice for choice in unit_choices(context.session) if choice.value != has_it]})


@briefings.register("ticket", "reply_ticket")
def reply_ticket(context: BriefingContext) -> Briefing:
    return Briefing(blocks=_blocks(context))


@briefings.register("ticket", "escalate_ticket")
def escalate_ticket(context: BriefingContext) -> Briefing:
    return Briefing(blocks=_blocks(context), values={"tracking_number": context.case.number})


@briefings.register("ticket", "answer_escalation")
def answer_escalation(context: BriefingContext) -> Briefing:
    return Briefing(blocks=_blocks(context))


@briefings.register_case("ticket")
def case(context: BriefingContext) -> list[Block]:
    return _blocks(context)


def _blocks(context: BriefingContext) -> list[Block]:
    ticket = sent_ticket(context.session, context.case)
    return blocks(context, ticket) if ticket else []


def give_to_requester(context: OperationContext, to: int) -> None:
    """The ticket is another requester's from now on: who reads its answers and writes replies."""
    ticket = sent_ticket(context.session, context.case)
    if ticket is not None:  # one that was not sent yet has no record
        ticket.requester_id = to
        context.session.flush()


for _role in REQUESTERS:
    handovers.register("ticket", _role, to_colleague=give_to_requester)
