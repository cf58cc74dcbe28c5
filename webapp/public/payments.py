"""Coming back from a payment gateway, and the built-in test gateway's own page (PAY-4)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flask import Blueprint, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.actor import SYSTEM, Actor
from engine.errors import NotFound
from engine.service import Engine
from models.case import Case
from models.digits import clean
from models.language import gettext as _
from models.test_gateway import TestGatewayPayment
from webapp.errors import Answer, Trouble, page
from webapp.shell import current
from webapp.shell.security import csrf_exempt

bp = Blueprint("payments", __name__)


class PaymentReturned(Protocol):
    """What happens when the payer's browser comes back: we ask the gateway.

    Returns the case of the payment's invoice; ``None`` when no payment has this ``authority``.
    """

    def __call__(
        self, engine: Engine, session: Session, /, *, gateway: str, authority: str, by: Actor
    ) -> Case | None: ...


class ReturnParameter(Protocol):
    """The parameter in which a gateway gives the id of a payment; "" if there is no gateway of this name."""

    def __call__(self, gateway: str, /) -> str: ...


class TestGateway(Protocol):
    """The bank behind the test gateway's page."""

    def find(self, session: Session, authority: str, /) -> TestGatewayPayment | None:
        """The payment of this authority."""

    def decide(self, session: Session, authority: str, /, *, decision: str, now: datetime) -> str:
        """Decide an open payment: pay, fail or cancel. Returns the shop's address to go back to."""


@bp.route("/payments/return/<gateway>", methods=["GET", "POST"])
@current.public
@csrf_exempt
def come_back(gateway: str) -> Response | Answer:
    """The payer's browser is back. It only makes us ask the gateway; what else it says is not looked at (PAY-1)."""
    authority = clean(request.values.get(current.application().return_parameter(gateway), ""))
    person = current.person()
    by = person.actor if person else SYSTEM

    def returned(session: Session) -> str | None:
        case = current.application().payment_returned(
            current.engine(), session, gateway=gateway, authority=authority, by=by
        )
        return case.number if case is not None else None

    number = current.engine().in_transaction(returned)
    current.application().worker.nudge()
    if number is None:
        words = _("پرداختی با این شناسه در سامانهٔ ما نیست. چیزی تغییر نکرد.")
        return page(Trouble(404, _("این پرداخت شناسایی نشد"), words))
    return redirect(f"{request.script_root}/cases/{number}/next", 303)


@bp.get("/test-gateway/<authority>")
@current.public
def test_gateway(authority: str) -> str:
    """The bank's page of the test gateway: pay, fail or cancel."""
    with current.transaction() as session:
        payment = _gateway().find(session, authority)
    if payment is None:
        raise NotFound("test payment", authority)
    return render_template("public/test_gateway.html", payment=payment)


@bp.post("/test-gateway/<authority>")
@current.public
def decide(authority: str) -> Response:
    decision = request.form.get("decision", "")
    if decision not in ("pay", "fail", "cancel"):
        raise NotFound("decision", decision)
    with current.transaction() as session:
        address = _gateway().decide(session, authority, decision=decision, now=current.now())
    return redirect(address, 303)


def _gateway() -> TestGateway:
    gateway = current.application().test_gateway
    if gateway is None:
        raise NotFound("test gateway", "")
    return gateway
