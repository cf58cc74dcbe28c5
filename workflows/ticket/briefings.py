"""Blocks of a ticket: its subject, its state, and the conversation."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from engine.contributions.briefings import Block, BriefingContext, Conversation, Entry, Facts, File, Notice
from models.document import Document, FileState
from models.jalali import format_moment
from models.language import gettext as _
from models.ticket import Ticket, TicketMessage
from workflows.formatting import label, localized
from workflows.ticket.labels import CLOSED, KINDS, PRIORITIES, STATES, WAITING, unit_name


def blocks(context: BriefingContext, ticket: Ticket) -> list[Block]:
    """The whole ticket: facts, notices on its state, and the conversation from its beginning."""
    return [*_special(ticket), _facts(context, ticket), conversation(context, ticket)]


def _facts(context: BriefingContext, ticket: Ticket) -> Facts:
    items = [
        (_("موضوع"), ticket.title),
        (_("نوع درخواست"), unit_name(context.session, ticket.unit)),
        (_("شمارهٔ رهگیری"), localized(ticket.case.number)),
        (_("وضعیت"), label(STATES, ticket.state)),
        (_("اولویت"), label(PRIORITIES, ticket.priority)),
        (_("ارسال شده در"), format_moment(ticket.submitted_at)),
    ]
    return Facts(_("درخواست"), items)


def _special(ticket: Ticket) -> list[Block]:
    blocks: list[Block] = []
    if ticket.state == WAITING and ticket.overdue_at is not None:
        blocks.append(Notice("warning", _("مهلت پاسخ به این درخواست گذشته است.")))
    if ticket.escalated_at is not None and ticket.state != CLOSED:
        at = format_moment(ticket.escalated_at)
        blocks.append(Notice("info", _("این درخواست در %(at)s به رئیس سازمان ارسال شد.", at=at)))
    return blocks


def conversation(context: BriefingContext, ticket: Ticket) -> Conversation:
    """All messages in their order, each with its files."""
    messages = context.session.scalars(
        select(TicketMessage)
        .where(TicketMessage.ticket_id == ticket.id)
        .order_by(TicketMessage.id)
        .options(joinedload(TicketMessage.person))
    ).all()
    ids = {number for message in messages for number in message.documents}
    ready = select(Document).where(Document.id.in_(ids), Document.state == FileState.READY)
    records = context.session.scalars(ready) if ids else ()
    documents = {document.id: document for document in records}
    return Conversation(_("مکاتبات"), [_entry(context, message, documents) for message in messages])


def _entry(context: BriefingContext, message: TicketMessage, documents: Mapping[int, Document]) -> Entry:
    heading = label(KINDS, message.kind)
    if message.to_unit:
        heading = _("ارجاع به %(unit)s", unit=unit_name(context.session, message.to_unit))
    held = [documents[number] for number in message.documents if number in documents]
    return Entry(
        side="answers" if message.unit else "asks",
        heading=heading,
        at=message.at,
        text=message.text,
        name=message.person.name if message.person else _("سامانه"),
        unit=unit_name(context.session, message.unit),
        own=message.person_id is not None and message.person_id == context.actor.person_id,
        files=[File(document.id, document.name, document.size) for document in held],
    )
