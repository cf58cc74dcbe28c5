"""The demo data: made once by real steps, of every role and every stage, and nothing broken in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import kartabl
from engine import case_numbers
from engine.identity.accounts import fold_username
from engine.settings import Settings
from models.account import Message, MessageReading, Person, RoleGrant
from models.base import Base
from models.billing import Payment, PaymentState
from models.building import Owner, Property
from models.case import Case, CaseStatus, HistoryEntry, Task, TaskDraft, TaskKind, TaskStatus
from models.document import Document
from models.gas import Assignment, GasProject, Inspector
from models.identifiers import company_id, national_code
from models.inspection import Certificate, InspectionReport, MeterCorrection
from models.job import Incident
from models.outbox import DeliveryState, Sms
from models.ticket import Ticket
from tests.conftest import SATURDAY, prepare
from tests.databases import SQLITE, fresh_database
from tests.secret import SECRET_KEY
from workflows import roles
from workflows.demo import filling
from workflows.demo.people import NOBODY_FREE
from workflows.demo.plan import DECK
from workflows.gas_inspection.labels import OUTCOMES

CASES = round(len(DECK) * filling.CASES_OF_A_PROJECT)  # one round of all plans


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kartabl.Application]:
    url = fresh_database(SQLITE, prepare=prepare)
    files: Path = tmp_path_factory.mktemp("files")
    application = kartabl.build(
        Settings(secret_key=SECRET_KEY, database_url=url, files_path=files, mode="demo"), now=lambda: SATURDAY
    )
    assert _fill(application) >= CASES * 0.9
    yield application
    application.database.dispose()


@pytest.fixture
def session(filled: kartabl.Application) -> Iterator[Session]:
    with filled.sessions() as opened:
        yield opened


def _fill(application: kartabl.Application) -> int:
    return filling.fill(application.engine, submit=kartabl.submit, begin=kartabl.begin, cases=CASES)


def _counts(session: Session) -> dict[str, int]:
    tables = Base.metadata.sorted_tables
    return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_a_second_filling_changes_nothing(filled: kartabl.Application, session: Session) -> None:
    before = _counts(session)
    session.rollback()
    assert _fill(filled) == 0
    assert _counts(session) == before


def test_every_role_has_somebody_who_can_sign_in(filled: kartabl.Application) -> None:
    offered = filling.people()
    assert {person["role"] for person in offered} == set(roles.organisation().roles)
    for role in ("contractor", "inspector", "citizen", "district_engineering", "department_staff"):
        assert sum(person["role"] == role for person in offered) >= 2
    for person in {one["role"]: one for one in offered}.values():
        with filled.engine.transaction() as session:
            signed_in, _token = filled.accounts.sign_in(
                session, person["username"], person["password"], address="127.0.0.1", now=SATURDAY
            )
            assert signed_in.name == person["name"]
            assert person["role"] in {grant.role for grant in signed_in.roles}


def test_user_names_are_typed_as_they_are_kept(session: Session) -> None:
    names = [person["username"] for person in filling.people()]
    assert [fold_username(name) for name in names] == names
    assert len(set(names)) == len(names)
    assert set(names) == set(session.scalars(select(Person.username)))


def test_divided_roles_have_a_unit_or_a_district(session: Session) -> None:
    divided = select(RoleGrant.scope).where(RoleGrant.role.in_(["district_engineering", "department_staff"]))
    assert all(session.scalars(divided))


def test_nothing_failed(session: Session) -> None:
    assert session.scalars(select(Incident)).all() == []
    assert set(session.scalars(select(Sms.state))) == {DeliveryState.SENT}


@pytest.mark.rule("CASE-1")
def test_every_case_has_a_valid_number(session: Session) -> None:
    for number in session.scalars(select(Case.number)):
        assert case_numbers.read_number(number) == number


@pytest.mark.rule("TKT-2", "TKT-5")
def test_tickets_stand_at_every_interesting_place(session: Session) -> None:
    tickets = session.scalars(select(Ticket)).all()
    assert {ticket.state for ticket in tickets} == {"waiting", "answered", "closed"}
    overdue = [ticket for ticket in tickets if ticket.overdue_at is not None and ticket.state == "waiting"]
    assert {ticket.escalated_at is None for ticket in overdue} == {True, False}
    ended = select(Case.outcome).where(Case.process_key == "ticket", Case.status == CaseStatus.COMPLETED)
    assert set(session.scalars(ended)) == {"ticket_closed", "ticket_decided"}
    assert any(ticket.unit == "education" for ticket in tickets), "one was passed on"


def test_codes_and_ids_are_valid(session: Session) -> None:
    for owner in session.scalars(select(Owner)):
        if owner.kind == "company":
            assert company_id(owner.national_id) == owner.national_id
        else:
            assert national_code(owner.national_code) == owner.national_code
    assert (session.scalar(select(func.count()).select_from(Property)) or 0) >= 60


def test_every_step_waits_for_somebody(session: Session) -> None:
    waiting = set(session.scalars(select(Task.key).where(Task.status == TaskStatus.OPEN, Task.kind != TaskKind.ACTION)))
    assert waiting >= {
        "choose_property",
        "register_property",
        "find_property",
        "register_owner",
        "register_building",
        "register_meters",
        "upload_documents",
        "review_invoice",
        "payment_returned",
        "assign_by_hand",
        "schedule_visit",
        "record_report",
        "settle_unmatched",
        "pay_debt",
        "correct_meter",
        "review_confirmation",
    }


def test_cases_end_in_every_way(session: Session) -> None:
    ends = {(case.process_key, case.status, case.outcome) for case in session.scalars(select(Case))}
    assert ends >= {
        ("project_registration", CaseStatus.CANCELLED, "registration_cancelled"),
        ("project_registration", CaseStatus.COMPLETED, "inspection_started"),
        ("project_registration", CaseStatus.CANCELLED, None),
        ("project_registration", CaseStatus.SUSPENDED, None),
        ("gas_inspection", CaseStatus.COMPLETED, "inspection_approved"),
        ("confirmation_issuance", CaseStatus.COMPLETED, "certificate_issued"),
        ("confirmation_issuance", CaseStatus.COMPLETED, "confirmation_rejected"),
        ("certificate_revocation", CaseStatus.COMPLETED, "certificate_revoked"),
    }
    assert set(session.scalars(select(Payment.state))) >= {
        PaymentState.STARTED,
        PaymentState.SETTLED,
        PaymentState.FAILED,
        PaymentState.UNMATCHED,
    }


@pytest.mark.rule("INS-1", "INS-3", "INS-7", "INS-11", "INS-13", "CNF-5")
def test_inspections_stand_at_every_interesting_place(session: Session) -> None:
    assert session.scalars(select(Task).where(Task.status == TaskStatus.OPEN, Task.locked.is_not(None))).all()
    assert set(session.scalars(select(GasProject.stage))) >= {"pre_inspection", "final_inspection", "approved"}
    assert session.scalars(select(GasProject.debt).where(GasProject.debt > 0)).all()
    assert set(session.scalars(select(InspectionReport.outcome))) == {*OUTCOMES}
    assert set(session.scalars(select(InspectionReport.sub_work_number))) >= {1, 2, 3, 4}
    assert set(session.scalars(select(Assignment.ended))) >= {"withdrawn", "dismissed"}
    assert any(session.scalars(select(InspectionReport.photos)))
    assert {one.corrected_at is None for one in session.scalars(select(MeterCorrection))} == {True, False}
    revoked = session.scalars(select(Certificate.revoked_at)).all()
    assert None in revoked and any(revoked)


@pytest.mark.rule("ASG-3")
def test_where_nobody_is_free_the_gas_office_chooses(session: Session) -> None:
    by_hand = session.scalars(
        select(Property.region)
        .join(GasProject, GasProject.property_id == Property.id)
        .join(Task, Task.case_id == GasProject.case_id)
        .where(Task.key == "assign_by_hand")
    )
    assert set(by_hand) == {NOBODY_FREE}
    assert session.scalars(select(Assignment).where(Assignment.by_hand_by_id.is_not(None))).all()
    assert (session.scalar(select(func.count()).select_from(Inspector)) or 0) >= 12


def test_things_happened_in_order_over_months_and_none_in_the_future(session: Session) -> None:
    moments = list(session.scalars(select(HistoryEntry.at).order_by(HistoryEntry.id)))
    assert moments == sorted(moments)
    assert moments[-1] <= SATURDAY
    assert (moments[-1] - moments[0]).days > 60


def test_there_are_papers_drafts_and_messages_read_and_unread(session: Session) -> None:
    def count(table: type[Base]) -> int:
        return session.scalar(select(func.count()).select_from(table)) or 0

    assert count(Document) > CASES
    assert count(TaskDraft) >= 2
    assert session.scalars(select(Message).where(Message.role.is_not(None))).all()
    assert count(MessageReading) > 0
    unread = select(Message).where(Message.id.not_in(select(MessageReading.message_id)), Message.person_id.is_not(None))
    assert session.scalars(unread).all()
