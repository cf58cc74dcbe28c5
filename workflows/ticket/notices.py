"""Messages of a ticket to the requester, the unit, supervisors and the president (TKT-3, TKT-5, TKT-6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import select

from engine.contributions.operations import OperationContext
from engine.identity.permissions import grant_counts
from engine.persistence.outbox import language_of
from models.account import Person, RoleGrant
from models.language import gettext as _
from models.language import reading
from models.ticket import Ticket
from workflows import roles
from workflows.formatting import code
from workflows.ticket.labels import unit_name

Texts = Callable[[], tuple[str, str]]  # title and body, in the reader's language


def answered(context: OperationContext, ticket: Ticket) -> None:
    _tell_requester(
        context,
        ticket,
        lambda: (
            _("پاسخ درخواست شما"),
            _(
                "%(number)s: واحد %(unit)s به درخواست شما پاسخ داد. پاسخ را در سامانه بخوانید.",
                unit=unit_name(context.session, ticket.unit),
                number=code(ticket.case.number),
            ),
        ),
    )


def transferred(context: OperationContext, ticket: Ticket) -> None:
    _tell_unit(
        context,
        ticket.unit,
        lambda: (
            _("درخواستی به واحد شما ارجاع شد"),
            _(
                "درخواست %(number)s («%(title)s») به واحد شما ارجاع شد. مهلت پاسخ همان است که بود.",
                number=code(ticket.case.number),
                title=ticket.title,
            ),
        ),
    )


def overdue(context: OperationContext, ticket: Ticket, *, may_escalate: bool) -> None:
    """Send messages on the missed deadline to the unit and supervisors, and to a requester who may escalate now."""

    def words() -> tuple[str, str]:
        return _("مهلت پاسخ به یک درخواست گذشت"), _(
            "مهلت پاسخ به درخواست %(number)s («%(title)s») گذشته است. واحد: %(unit)s",
            number=code(ticket.case.number),
            title=ticket.title,
            unit=unit_name(context.session, ticket.unit),
        )

    _tell_unit(context, ticket.unit, words)
    for person_id in _holders(context, roles.SUPERVISOR):
        _tell(context, person_id, words)
    if may_escalate:
        _tell_requester(
            context,
            ticket,
            lambda: (
                _("درخواست شما بدون پاسخ ماند"),
                _(
                    "%(number)s: تا پایان مهلت به درخواست شما پاسخ داده نشد. می‌توانید آن را در سامانه به رئیس سازمان"
                    " ارسال کنید.",
                    number=code(ticket.case.number),
                ),
            ),
        )


def escalated(context: OperationContext, ticket: Ticket) -> None:
    for person_id in _holders(context, roles.PRESIDENT):
        _tell(
            context,
            person_id,
            lambda: (
                _("درخواستی از رئیس سازمان"),
                _(
                    "درخواست %(number)s («%(title)s») که واحد %(unit)s به آن پاسخ نداده است نزد شماست.",
                    number=code(ticket.case.number),
                    title=ticket.title,
                    unit=unit_name(context.session, ticket.unit),
                ),
            ),
        )


def decided(context: OperationContext, ticket: Ticket) -> None:
    _tell_requester(
        context,
        ticket,
        lambda: (
            _("پاسخ رئیس سازمان"),
            _("%(number)s: رئیس سازمان به درخواست شما پاسخ داد و آن را بست.", number=code(ticket.case.number)),
        ),
    )
    _tell_unit(
        context,
        ticket.unit,
        lambda: (
            _("پاسخ رئیس سازمان"),
            _(
                "رئیس سازمان به درخواست %(number)s («%(title)s») پاسخ داد و درخواست بسته شد.",
                number=code(ticket.case.number),
                title=ticket.title,
            ),
        ),
    )


def closed(context: OperationContext, ticket: Ticket) -> None:
    _tell_requester(
        context,
        ticket,
        lambda: (
            _("درخواست شما بسته شد"),
            _(
                "درخواست %(number)s بسته شد، زیرا پس از پاسخ واحد %(unit)s چیزی ننوشتید.",
                number=code(ticket.case.number),
                unit=unit_name(context.session, ticket.unit),
            ),
        ),
        sms=False,
    )


def _tell_requester(context: OperationContext, ticket: Ticket, texts: Texts, *, sms: bool = True) -> None:
    _tell(context, ticket.requester_id, texts, sms=sms)


def _tell_unit(context: OperationContext, unit: str, texts: Texts) -> None:
    for person_id in _holders(context, roles.DEPARTMENT_STAFF, unit):
        _tell(context, person_id, texts)


def _tell(context: OperationContext, person_id: int, texts: Texts, *, sms: bool = False) -> None:
    with reading(language_of(context.session, person_id)):
        title, body = texts()
        context.notify(person_id, title, body, sms=sms)


def _holders(context: OperationContext, role: str, scope: str = "") -> Iterator[int]:
    """Ids of the active people of a role in a unit; while the role is not divided, to every unit."""
    holders = select(RoleGrant.person_id).where(RoleGrant.role == role, grant_counts())
    if scope:
        holders = holders.where(RoleGrant.scope.in_(["", scope]))
    yield from context.session.scalars(
        select(Person.id).where(Person.active, Person.id.in_(holders)).order_by(Person.id)
    )
