"""Operations: the functions that service tasks call by name, and the contexts they receive."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.persistence import history, outbox, participants
from engine.persistence.search import set_subject
from models.case import Case, Task, TaskStatus

if TYPE_CHECKING:
    from engine.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
Json = Any  # None, bool, int, float, str, list, dict: what fits into a case's data


@dataclass(kw_only=True)
class Services:
    """Providers, calendar and settings, created once by the composition root and passed to operations."""

    settings: Settings
    payment_gateway: Any = None  # workflows.providers.payment_gateway.PaymentGateway, which opens new payments
    other_gateways: Mapping[str, Any] = field(default_factory=dict)  # name → gateway of payments opened earlier
    sms: Any = None  # workflows.providers.sms.SmsProvider
    public_url: str = "http://127.0.0.1:8000"  # where gateways send people after a payment
    calendar: Any = None  # engine.calendar.working_time.WorkingCalendar of the organisation
    fonts_path: Path | None = None  # Vazirmatn's static TTFs, for printouts


@dataclass(kw_only=True)
class OperationContext:
    """Context of an inside operation. All its methods work in the step's one transaction. ``now``: aware, UTC."""

    session: Session
    case: Case
    actor: Actor
    now: datetime
    services: Services
    engine: Any = field(repr=False)  # engine.service.Engine, for the few things that concern other cases
    flashes: list[str] = field(default_factory=list)

    def decide(self, decision_id: str, **inputs: Json) -> Json:
        """Evaluate the newest deployed decision table. Returns its outputs; ``None`` if no rule matches.

        Raises ``NotFound``, ``DecisionError``.
        """
        return self.engine.decisions.evaluate(self.session, decision_id, inputs)

    def bind(self, role: str, person_id: int | None) -> None:
        """Bind the lane ``role`` of this case to a person (``None``: to nobody), with its open tasks."""
        participants.bind(self.session, self.case, role, person_id, at=self.now)

    def bound(self, role: str) -> int | None:
        """Id of the person that the lane ``role`` of this case is bound to; ``None``: nobody."""
        return participants.bound_person(self.session, self.case, role)

    def pass_on(self, task_key: str, scope: str) -> None:
        """Move an open task of this case, with its boundary events, to another division ``scope``.

        ``task_key`` is its present key. Its due date stays; a claim on it ends.
        """
        task_key = self.key_in_diagram(task_key)
        deployed = self.engine.definitions.get(self.session, self.case.definition_id)
        elements = [element for diagram in deployed.diagrams.values() for element in diagram.elements.values()]
        attached = [element.id for element in elements if element.attached_to == task_key]
        participants.pass_on(self.session, self.case, [task_key, *attached], scope)

    def completed(self) -> frozenset[str]:
        """Present keys of the completed tasks of this case."""
        tasks = select(Task.process_key, Task.key).where(
            Task.case_id == self.case.id, Task.status == TaskStatus.COMPLETED
        )
        return frozenset(self.present_key(key, process=process) for process, key in self.session.execute(tasks))

    def present_key(self, task_key: str, *, process: str = "") -> str:
        """The present key of a task that the diagram of this case may know under a former one."""
        present: str = self.engine.renames.task(process or self.case.process_key, task_key)[1]
        return present

    def key_in_diagram(self, task_key: str) -> str:
        """The key that the diagram of this case has for a task: its present one or a former one."""
        key: str = self.engine.key_in_diagram(self.session, self.case, task_key)
        return key

    def flash(self, text: str) -> None:
        """Show ``text``, in their language, once above the next page of the person who did this step."""
        self.flashes.append(text)

    def notify(self, person_id: int, title: str, body: str, *, sms: bool = False) -> None:
        """Write a message for a person's messages page; with ``sms`` its body is also sent as an SMS."""
        outbox.notify(self.session, self.case, person_id, title, body, at=self.now, sms=sms)

    def sms(self, mobile: str, text: str, *, secret: bool = False) -> None:
        """Put an SMS into the outbox; the worker sends it after the commit (SMS-1). ``mobile``: ``09…``."""
        outbox.put_sms(self.session, self.case, mobile, text, at=self.now, secret=secret)

    def start_case(self, process_key: str, *, data: Mapping[str, Json], bindings: Mapping[str, int]) -> Case:
        """Start another case in this transaction; it refers to this one. ``bindings``: role → person id.

        Raises ``NotFound``, ``OperationFailed``.
        """
        started: Case = self.engine.start_referring(self, process_key, data=data, bindings=bindings)
        return started

    def refer_to(self, case: Case) -> None:
        """Let this case refer to another one; each page then links the other. Raises ``ValueError`` for itself."""
        if case.id == self.case.id:
            raise ValueError(f"Case {case.number} refers to itself")
        self.case.refers_to_id = case.id

    def record(self, what: str, details: Mapping[str, Json] | None = None) -> None:
        """Add a line of the operation's own kind ``what`` to the case's history."""
        history.record(self.session, self.case, what=what, by=self.actor, at=self.now, details=details)

    def set_subject(self, subject: str, search: list[str]) -> None:
        """Set the title of the case in lists, and further texts that search finds it by."""
        set_subject(self.session, self.case, subject, search)


@dataclass(kw_only=True)
class OutsideContext:
    """Context of an outside operation, which holds no lock and no transaction while it calls the network."""

    case_id: int
    case_number: str
    now: datetime
    services: Services
    idempotency_key: str  # the same at each retry
    attempt: int  # from 1
    last_attempt: bool  # a failure opens an incident
    reading: Callable[[], AbstractContextManager[Session]]  # a short transaction of its own, for look-ups


@dataclass(frozen=True)
class Operation:
    """A registered operation. ``outside``: it calls the network, so the worker calls it without a lock."""

    name: str
    function: Callable[..., Json]
    outside: bool
    attempts: int
    parameters: frozenset[str]
    required: frozenset[str]


class Operations:
    """The registry of operations. A name is ``<process key>.<verb>``, or ``<topic>.<verb>`` for a shared one."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._aliases: dict[str, str] = {}  # former name → today's

    def register(
        self, name: str, *, formerly: Iterable[str] = (), outside: bool = False, attempts: int = 5
    ) -> Callable[[F], F]:
        """Decorator: registers a function under ``name``, unchanged.

        ``formerly``: former names that deployed diagrams may still use; ``get`` resolves them.
        An outside operation has ``attempts`` attempts, with growing pauses, before an incident opens.

        Raises ``ValueError`` for a name that is taken, also as a former one.
        """

        def add(function: F) -> F:
            for taken in (name, *formerly):
                if taken in self._operations or taken in self._aliases:
                    raise ValueError(f"Operation {taken} is registered twice")
            parameters = list(inspect.signature(function).parameters.values())[1:]
            self._operations[name] = Operation(
                name=name,
                function=function,
                outside=outside,
                attempts=attempts,
                parameters=frozenset(p.name for p in parameters),
                required=frozenset(p.name for p in parameters if p.default is p.empty),
            )
            self._aliases |= dict.fromkeys(formerly, name)
            return function

        return add

    def get(self, name: str) -> Operation | None:
        """The operation of this name, today's or a former one; its ``name`` is today's."""
        return self._operations.get(self._aliases.get(name, name))

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())
