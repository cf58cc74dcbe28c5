"""Stories of running cases whose diagram has the former names of tasks and processes that Python compares."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

import forms
import kartabl
from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from forms import base
from models.billing import Invoice, InvoiceStatus, Payment
from models.case import Case, Task
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import tickets
from workflows.gas.inspections import PROCESS as INSPECTION
from workflows.gas.inspections import open_debt
from workflows.gas.list_columns import addresses
from workflows.gas.projects import project_of
from workflows.payment.records import is_awaited
from workflows.registry import renames

FORMER = {  # today's key of a task → the key that it had in the earlier diagram
    "project_registration": {"register_meters": "list_meters", "register_property": "describe_property"},
    "ticket": {"answer_ticket": "reply_to_ticket"},
    "payment": {"payment_returned": "bank_answered"},
}


@pytest.fixture(autouse=True)
def earlier(application: kartabl.Application) -> Iterator[None]:
    """The earlier diagrams are deployed, and the forms know the former names."""
    before = dict(base._registered), dict(base._former_processes)
    for process, names in FORMER.items():
        for present, former in names.items():
            form = base._registered[process, present]
            base._registered[process, former] = base._named(form, (process, former))
    renames.read(tasks=forms.former_tasks(), processes=forms.former_processes())
    deploy(application, earlier=True)
    yield
    for registry, kept in zip((base._registered, base._former_processes), before, strict=True):
        registry.clear()
        registry.update(kept)
    renames.read(tasks=forms.former_tasks(), processes=forms.former_processes())


def deploy(application: kartabl.Application, *, earlier: bool) -> None:
    """Deploy the shipped diagrams, with the former names of tasks or with today's."""
    read = {}
    for path in kartabl.DIAGRAMS.glob("*.bpmn"):
        xml = path.read_text("utf-8")
        for present, former in FORMER.get(path.stem, {}).items() if earlier else ():
            xml = re.sub(rf"(?<![\\w.]){present}(?!\\w)", former, xml)  # operations have a point before their name
        read |= {diagram.key: diagram for diagram in read_diagrams(xml.encode())}
    with application.engine.transaction() as session:
        definitions.deploy(session, read, now=application.clock())


def up_to_invoice(play: Play) -> None:
    """A registration on the earlier diagram up to its invoice, while today's diagram is deployed."""
    office.start(play)
    deploy(play.application, earlier=False)
    play.does("contractor", "choose_property", source="new")
    play.does("contractor", "describe_property", **office.PROPERTY)
    play.does("contractor", "register_owner", **office.OWNER)
    play.does("contractor", "register_building", **office.SURFACE)
    play.does("contractor", "list_meters", meters=[office.METER], all_registered=True)
    documents = [office.add_document(play, title) for title in office.MANDATORY]
    play.does("contractor", "upload_documents", documents=documents)


@pytest.mark.rule("REG-13")
def test_a_running_case_goes_back_to_the_step_that_has_another_name_now(play: Play) -> None:
    up_to_invoice(play)
    assert play.waits_for() == {"review_invoice": "contractor"}
    offered = [choice.value for choice in office.briefing(play, "contractor", "change_step").choices["step"]]
    assert "list_meters" in offered and "register_meters" not in offered

    office.go_to(play, "list_meters")
    assert play.waits_for() == {"list_meters": "contractor"}
    office.go_to(play, "describe_property")
    assert play.waits_for() == {"describe_property": "contractor"}
    preset = office.briefing(play, "contractor", "describe_property").values
    assert preset["address"] == office.PROPERTY["address"]
    office.go_to(play, "review_invoice")
    assert play.waits_for() == {"review_invoice": "contractor"}


@pytest.mark.rule("PAY-2")
def test_a_payer_returns_to_the_event_that_has_another_name_now(play: Play) -> None:
    up_to_invoice(play)
    play.does("contractor", "review_invoice")
    assert "bank_answered" in play.waits_for() | play.actions()
    play.pays()
    with play.session() as session:
        assert project_of(session, session.get_one(Case, play.case_id)).paid_at is not None


@pytest.mark.rule("TKT-5")
def test_a_ticket_is_transferred_and_overdue_under_the_former_name_of_its_task(play: Play) -> None:
    tickets.asks(play)
    deploy(play.application, earlier=False)
    due = play.task("reply_to_ticket").due_at
    assert due is not None
    play.does("unit-it", "transfer_ticket", unit="finance", note="به واحد مالی مربوط است.")
    assert play.task("reply_to_ticket").scope == "finance"
    play.at(due + tickets.SECOND)
    assert tickets.ticket(play).overdue_at == due


@pytest.mark.rule("INS-7", "PAY-3")
def test_queries_find_the_cases_that_run_under_the_former_key_of_a_process(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    deploy(play.application, earlier=False)
    office.up_to_invoice(play)
    play.does("contractor", "review_invoice")
    payment = play.payment()
    former = {"bank_payment": "payment", "gas_visits": INSPECTION}
    renames.read(tasks=forms.former_tasks(), processes=former)
    with play.session() as session:
        session.execute(update(Task).where(Task.process_key == "payment").values(process_key="bank_payment"))
        assert is_awaited(session, session.get_one(Payment, payment.id))
        session.rollback()

    play.pays()
    with play.session() as session:
        project = project_of(session, session.get_one(Case, play.case_id))
        inspection = session.scalars(select(Case).where(Case.refers_to_id == play.case_id)).one()
        assert addresses(session, [project]) == {project.id: f"/cases/{inspection.number}"}
        inspection.process_key = "gas_visits"
        session.flush()
        assert addresses(session, [project]) == {project.id: f"/cases/{inspection.number}"}
        session.add(
            Invoice(
                number="debt",
                case_id=inspection.id,
                payer_id=project.contractor_id,
                reason="debt",
                total=862_500,
                status=InvoiceStatus.OPEN,
                created_at=play.clock.now,
            )
        )
        session.flush()
        assert open_debt(session, project) == 862_500
