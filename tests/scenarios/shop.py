"""A small office that sells one service: the real engine and payment diagrams, Zarinpal's stand-in as the bank."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

import forms
import workflows
from engine.actor import SYSTEM, Actor, actor_for
from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import Services
from engine.deployment import definitions
from engine.expressions.language import Language
from engine.jobs.worker import Worker
from engine.service import Engine
from engine.settings import Settings
from engine.spiff.script_engine import SafeEnvironment
from models.account import Person, RoleGrant
from models.billing import Invoice, InvoiceLine, InvoiceStatus, Payment
from models.case import Case, Task, TaskKind, TaskStatus
from models.database import open_database, session_factory
from tests.databases import fresh_database
from tests.providers.zarinpal_server import MERCHANT, ZarinpalServer
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from workflows.payment import gateway_return
from workflows.providers.zarinpal import Zarinpal
from workflows.registry import briefings, operations, printouts

FEE = 690_000  # Rials
NOON = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / "bpmn_diagrams" / "payment.bpmn",
    ROOT / "bpmn_diagrams" / "unmatched_payment.bpmn",
    Path(__file__).parent / "paid_service.bpmn",
]

assert workflows.__path__  # importing the package registers all operations


@dataclass
class AnyForm:
    """Values of a task's form that the diagram declares."""

    user_task: tuple[str, str]
    submission: dict[str, Any]
    error_map: dict[str, list[str]] = field(default_factory=dict)

    def validate(self) -> bool:
        return True


def _without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class Shop:
    """An office with a contractor, a finance clerk and a supervisor, and its bank."""

    def __init__(self, server: str, bank: ZarinpalServer, client: httpx.Client) -> None:
        self.bank = bank
        self.clock = StandingClock(NOON)
        self.database = open_database(fresh_database(server))
        if self.database.dialect.name == "sqlite":
            event.listen(self.database, "connect", _without_waiting_for_the_disk)
        sessions = session_factory(self.database)
        services = Services(
            settings=Settings(secret_key=SECRET_KEY),
            payment_gateway=Zarinpal(MERCHANT, base_url=bank.url, timeout=5.0, client=client),
            public_url="https://kartabl.example",
        )
        language = Language({"working_days": lambda days: (self.clock.now + timedelta(days=days)).isoformat()})
        self.engine = Engine(
            sessions=sessions,
            operations=operations,
            briefings=briefings,
            printouts=printouts,
            services=services,
            environment=SafeEnvironment(language),
            clock=self.clock,
        )
        self._worker = Worker(self.engine)
        self._reconciled_at = NOON
        with self.engine.transaction() as session:
            bundle = {one.key: one for path in FILES for one in read_diagrams(path.read_bytes())}
            definitions.deploy(session, bundle, now=NOON)
            people = [self._person(name, session) for name in ("contractor", "finance", "supervisor", "citizen")]
        self.contractor, self.finance, self.supervisor, self.stranger = people

    def _person(self, role: str, session: Session) -> Actor:
        person = Person(
            username=role,
            password_hash="-",
            first_name="نام",
            last_name=role,
            mobile=None,
            created_at=NOON,
            roles=[RoleGrant(role=role)],
        )
        session.add(person)
        session.flush()
        return actor_for(person)

    def order(self, *, total: int = FEE) -> Order:
        """A contractor asks for the service and gets an open invoice for it."""
        with self.engine.transaction() as session:
            case = self.engine.start_case(session, "paid_service", by=self.contractor).case
        order = Order(self, case.id)
        order.invoice(total=total)
        return order

    def work(self) -> None:
        while self._worker.work():
            pass

    def passes(self, length: timedelta, *, step: timedelta = MINUTE) -> None:
        """Time passes; the worker looks at each ``step``, and reconciles every five minutes."""
        end = self.clock.now + length
        while self.clock.now < end:
            self.clock.now = min(self.clock.now + step, end)
            self.work()
            if self.clock.now >= self._reconciled_at + 5 * MINUTE:
                self._reconciled_at = self.clock.now
                gateway_return.reconcile(self.engine, self.clock.now)
                self.work()

    def returns(self, authority: str, *, gateway: str = "zarinpal", by: Actor = SYSTEM) -> Case | None:
        """A browser comes to the return address with ``authority``."""
        with self.engine.transaction() as session:
            case = gateway_return.returned(self.engine, session, gateway=gateway, authority=authority, by=by)
        self.work()
        return case

    def ledger(self) -> list[Payment]:
        with self.engine.transaction() as session:
            return list(session.scalars(select(Payment).order_by(Payment.id)))

    def payment(self, authority: str) -> Payment:
        return next(entry for entry in self.ledger() if entry.authority == authority)

    def reviews(self) -> list[Case]:
        """Cases that look into payments once more, oldest first."""
        with self.engine.transaction() as session:
            return list(session.scalars(select(Case).where(Case.process_key == "unmatched_payment").order_by(Case.id)))

    def finance_tasks(self) -> list[Task]:
        with self.engine.transaction() as session:
            return list(
                session.scalars(select(Task).where(Task.key == "settle_unmatched", Task.status == TaskStatus.OPEN))
            )

    def snapshot(self) -> list[Any]:
        """Newest rows of every table of payments: a forged return must not change them."""
        with self.engine.transaction() as session:
            return [
                *session.execute(select(Case.id, Case.status, Case.revision).order_by(Case.id.desc()).limit(50)),
                *session.execute(
                    select(Payment.id, Payment.state, Payment.answer).order_by(Payment.id.desc()).limit(50)
                ),
                *session.execute(select(Invoice.id, Invoice.status).order_by(Invoice.id.desc()).limit(50)),
                *session.execute(select(func.count()).select_from(Task)),
            ]


@dataclass
class Order:
    """A case of the shop."""

    shop: Shop
    case_id: int
    invoice_id: int = 0

    def invoice(self, *, total: int = FEE) -> None:
        """Give the case an open invoice; an earlier open one is cancelled, as when something was changed."""
        with self.shop.engine.transaction() as session:
            earlier = session.scalars(select(Invoice).where(Invoice.case_id == self.case_id)).all()
            for one in earlier:
                if one.status is InvoiceStatus.OPEN:
                    one.status = InvoiceStatus.CANCELLED
            line = InvoiceLine(item="inspection", stage="final_inspection", quantity=1, unit_amount=total, amount=total)
            invoice = Invoice(
                number=f"{self.case_id}/{len(earlier) + 1}",
                case_id=self.case_id,
                reason="registration",
                payer_id=self.shop.contractor.person_id,
                status=InvoiceStatus.OPEN,
                total=total,
                created_at=self.shop.clock.now,
                lines=[line],
            )
            session.add(invoice)
            session.flush()
            self.invoice_id = invoice.id

    def pay(self) -> str:
        """Go on to the gateway; returns the authority of the payment that was opened, or "" when none was."""
        known = set(self.shop.bank.payments)
        self.does("accept_invoice", invoice=self.invoice_id)
        ours = [entry.authority for entry in self.shop.ledger() if entry.authority not in known]
        return ours[0] if ours else ""

    def does(self, key: str, *, by: Actor | None = None, **values: Any) -> None:
        shop = self.shop
        task = self.task(key)
        form_class = forms.form_for(task.process_key, key)
        form = form_class.from_values(values) if form_class else AnyForm((task.process_key, key), values)
        with shop.engine.transaction() as session:
            shop.engine.complete_task(session, task.id, by=by or shop.contractor, form=form)
        shop.work()

    def task(self, key: str) -> Task:
        with self.shop.engine.transaction() as session:
            return session.scalars(
                select(Task).where(Task.case_id == self.case_id, Task.key == key, Task.status == TaskStatus.OPEN)
            ).one()

    def waits_for(self) -> set[str]:
        """Keys of what the case waits for; actions that are only offered are not among them."""
        return {task.key for task in self._open() if task.kind is not TaskKind.ACTION}

    def offers(self, action: str) -> bool:
        return any(task.key == action for task in self._open())

    def _open(self) -> list[Task]:
        with self.shop.engine.transaction() as session:
            return list(
                session.scalars(select(Task).where(Task.case_id == self.case_id, Task.status == TaskStatus.OPEN))
            )

    @property
    def is_paid(self) -> bool:
        with self.shop.engine.transaction() as session:
            return session.get_one(Invoice, self.invoice_id).status is InvoiceStatus.PAID
