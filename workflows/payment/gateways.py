"""The gateways of an installation: one opens new payments, each verifies those that were opened at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import versions
from engine.contributions.operations import Services
from engine.deployment.checking.seam import Lack
from engine.deployment.compatibility import Incompatible
from engine.settings import variable_of
from models.billing import Payment, PaymentState
from models.case import Case
from models.definition import ProcessDefinition
from models.language import lazy
from workflows.payment.records import COUNTED, PROCESS, REVIEW
from workflows.providers.payment_gateway import PaymentGateway
from workflows.providers.registry import payment_gateways, required


def gateways_of(services: Services) -> list[PaymentGateway]:
    """The gateways whose settings are given; the first one opens new payments."""
    return [services.payment_gateway, *services.other_gateways.values()]


def gateway_of(services: Services, name: str) -> PaymentGateway | None:
    """The gateway of a payment by its stored name; ``None`` while its settings are missing."""
    return next((gateway for gateway in gateways_of(services) if gateway.name == name), None)


def waiting_elsewhere(session: Session, services: Services) -> list[Incompatible]:
    """A finding for each gateway at which payments wait and whose settings are missing; they wait until it is back.

    An error, unless the gateway is a stand-in, at which no money waits.
    """
    found = []
    for name, count in sorted(_waiting(session).items()):
        if gateway_of(services, name) is None:
            found.append(_missing(name, count, version=_version(session)))
    return found


def _waiting(session: Session) -> Mapping[str, int]:
    """Name of a gateway → number of payments that wait for its answer, in their own process or in a review."""
    own = select(Payment.gateway, func.count()).where(Payment.state == PaymentState.STARTED).group_by(Payment.gateway)
    reviewed = (
        select(Payment.gateway, func.count())
        .join(Case, Case.id == Payment.review_case_id)
        .where(Case.process_key == REVIEW, Case.ended_at.is_(None))
        .where(Payment.state.not_in([*COUNTED, PaymentState.STARTED]))
        .group_by(Payment.gateway)
    )
    waiting: Counter[str] = Counter()
    for statement in (own, reviewed):
        waiting.update({name: count for name, count in session.execute(statement)})
    return waiting


def _version(session: Session) -> int:
    newest = versions.newest(session, ProcessDefinition, PROCESS)
    return newest.version if newest else 0


def _missing(name: str, count: int, *, version: int) -> Incompatible:
    known = payment_gateways.get(name)
    label = known.label if known else name
    stand_in = known is not None and known.stand_in
    if known is None:
        text = lazy(
            "%(count)s پرداخت در درگاه «%(gateway)s» منتظر نتیجه است، درگاهی که در این نسخه نیست.",
            count=count,
            gateway=label,
        )
    else:
        names = [variable_of(one) for one in required(known.settings)]
        allowed = f"{variable_of('allow_stand_ins')}={payment_gateways.service}"
        text = lazy(
            "%(count)s پرداخت در درگاه «%(gateway)s» منتظر نتیجه است و تنظیمات آن درگاه داده نشده است. این‌ها را کنار"
            " درگاه جدید نگه دارید: %(settings)s",
            count=count,
            gateway=label,
            settings=", ".join(names) or allowed,
        )
    severity = "warning" if stand_in else "error"
    return Incompatible(
        process=PROCESS,
        version=version,
        element="verify_payment",
        name="",
        kind="gateway",
        missing=name,
        cases=count,
        severity=severity,
        lack=Lack("verify_payment", "gateway", name, text, severity),
    )
