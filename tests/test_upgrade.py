"""Cases that ran before an upgrade go on after it: their tasks can be done, their pages and lists open.

``tests/data`` keeps a database with the demo's cases as the code of a commit left them (``tests/tools/keep_cases.py``).
Here it is brought to the newest schema, the diagrams of today are deployed beside the ones that the cases run by, and
the next step of each kind is done through the code of today.
"""

from __future__ import annotations

import lzma
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import object_session

import kartabl
import webapp
from engine.actor import actor_for
from engine.identity import permissions
from engine.settings import Settings
from models import migrate
from models.account import Person
from models.building import Property
from models.case import Case, CaseStatus, Task, TaskKind, TaskStatus
from models.database import open_database
from models.definition import ProcessDefinition
from models.gas import Inspector
from models.job import Incident, Job, JobKind
from tests.conftest import SATURDAY
from tests.databases import SQLITE, copy_of, fresh_database, postgres_url
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.secret import KEPT_KEY, SECRET_KEY
from tests.standing import StandingClock
from tests.web.world import World

KEPT = Path(__file__).parent / "data" / "cases_of_7eb4662.sql.xz"
REVISION = "0011"  # the schema of the kept database


# ---------------------------------------------------------------- the kept database, upgraded


@lru_cache
def kept_sqlite() -> str:
    """The SQLite database as it was kept, in its old schema."""
    return fresh_database(SQLITE, prepare=restore)


def restore(url: str) -> None:
    connection = sqlite3.connect(make_url(url).database or "")
    connection.executescript(lzma.decompress(KEPT.read_bytes()).decode())
    connection.close()


@lru_cache
def kept_postgresql() -> str:
    """The same rows in PostgreSQL, in the old schema by its migrations."""
    return fresh_database(postgres_url(), prepare=lambda url: carry_over(kept_sqlite(), url))


def carry_over(source_url: str, url: str) -> None:
    """Copy all rows of the SQLite database into an empty PostgreSQL database of the same revision."""
    database = open_database(url)
    command.upgrade(migrate.configuration(database), REVISION)
    source = create_engine(source_url)
    old, new = MetaData(), MetaData()
    old.reflect(source)
    new.reflect(database)
    with source.connect() as reading, database.begin() as writing:
        writing.execute(text("SET session_replication_role = replica"))  # rows refer to each other in circles
        for table in new.sorted_tables:
            columns = [old.tables[table.name].c[column.name] for column in table.c if column.computed is None]
            rows = [in_utc(dict(row)) for row in reading.execute(select(*columns)).mappings()]
            writing.execute(table.delete())  # what the migrations filled in
            if rows:
                writing.execute(table.insert(), rows)
            if "id" in table.c and isinstance(rows[0]["id"] if rows else None, int):
                writing.execute(
                    text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)"),
                    {"table": table.name, "last": max(row["id"] for row in rows)},
                )
    source.dispose()
    database.dispose()


def in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """SQLite keeps moments without their zone, which is UTC."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
    }


def application_on(url: str, files: Path, clock: StandingClock) -> kartabl.Application:
    settings = Settings(
        secret_key=SECRET_KEY, database_url=url, files_path=files, mode="demo", public_url="http://localhost"
    ).model_copy(update={"secret_key": KEPT_KEY})
    return kartabl.build(settings, now=clock)


@lru_cache
def upgraded(server: str) -> str:
    """The database after what ``kartabl run`` does first: migrations, calendar, today's diagrams."""
    url = copy_of(kept_sqlite() if server == SQLITE else kept_postgresql())
    application = application_on(url, Path(), StandingClock(SATURDAY))
    kartabl.bring_up_to_date(application)
    bundle = application.deploy()
    assert bundle.sound, "\n".join(map(str, bundle.findings))
    application.database.dispose()
    return url


@dataclass
class Upgraded(World):
    """The upgraded application, in which everybody can be asked to do what they were about to."""

    def take_up(self, task_id: int) -> str:
        """Go on with the case of a task. Returns the user name of somebody whose task it is."""
        with self.play.session() as session:
            task = session.get_one(Task, task_id)
            self.play.case_id = task.case_id
            return whose(task, list(session.scalars(select(Person).order_by(Person.id))))

    def sign_in(self, username: str) -> None:
        """Open a session for the person; afterwards ``ask(username, …)`` gives their pages."""
        with self.play.session() as session:
            person = session.scalars(select(Person).where(Person.username == username)).one()
            now = self.application.clock()
            self.tokens[username, "browser"] = self.application.accounts.open_session(
                session, person, now=now, kind="browser"
            )


def whose(task: Task, people: list[Person]) -> str:
    """The one who took the task, or somebody of its group."""
    if task.assignee is not None:
        return task.assignee.username
    session = object_session(task)
    assert session is not None
    return next(
        person.username
        for person in people
        if permissions.may_do(session, actor_for(person), task) and task.role in {grant.role for grant in person.roles}
    )


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[Upgraded]:
    clock = StandingClock(SATURDAY)
    application = application_on(copy_of(upgraded(server)), tmp_path, clock)
    app = webapp.create_app(application)
    app.testing = True
    yield Upgraded(application, app, Play(application, clock))
    application.database.dispose()


# ---------------------------------------------------------------- the next step of each kind

Step = Callable[[Play, str], Any]


def does(key: str, **values: Any) -> Step:
    return lambda play, who: play.does(who, key, **values)


def find_property(play: Play, who: str) -> None:
    with play.session() as session:
        found = session.scalars(select(Property).order_by(Property.id)).first()
        assert found is not None
    play.does(who, "find_property", property_code=found.code, property=found.id)


def upload_documents(play: Play, who: str) -> None:
    titles = [*office.MANDATORY, "concealed_details"]
    play.does(who, "upload_documents", documents=[office.add_document(play, title) for title in titles])


def assign_by_hand(play: Play, who: str) -> None:
    with play.session() as session:
        inspector = session.scalars(select(Inspector).where(Inspector.active).order_by(Inspector.person_id)).first()
        assert inspector is not None
    play.does(who, "assign_by_hand", inspector=inspector.person_id, note="نزدیک‌ترین بازرس")


def schedule_visit(play: Play, who: str) -> None:
    play.does(who, "schedule_visit", visit_date=insp.working_day(play), visit_time="09:30")


def record_report(play: Play, who: str) -> None:
    """The visit may still be ahead."""
    play.at(max(play.clock.now, insp.visit(play).at))
    play.does(who, "record_report", **insp.report("absent_without_fee", 1))


def correct_meter(play: Play, who: str) -> None:
    play.does(who, "correct_meter", **office.METER)


def correct_report(play: Play, who: str) -> None:
    play.does(who, "correct_report", report=1, report_text="در گزارش شمارهٔ طبقه نادرست بود.", photos=[])


def pay_debt(play: Play, who: str) -> None:
    insp.pays_debt(play, by=who)


def review_invoice(play: Play, who: str) -> None:
    play.does(who, "review_invoice").pays()


def payment_returned(play: Play, who: str) -> None:
    play.pays()


def escalate_ticket(play: Play, who: str) -> None:
    play.does(who, "escalate_ticket", tracking_number=play.case.number, body="پاسخی نرسید.")


STEPS: dict[tuple[str, str], Step] = {
    ("project_registration", "choose_property"): does("choose_property", source="new"),
    ("project_registration", "register_property"): does("register_property", **office.PROPERTY),
    ("project_registration", "find_property"): find_property,
    ("project_registration", "register_owner"): does("register_owner", **office.OWNER),
    ("project_registration", "register_building"): does("register_building", **office.SURFACE),
    ("project_registration", "register_meters"): does("register_meters", meters=[office.METER], all_registered=True),
    ("project_registration", "upload_documents"): upload_documents,
    ("project_registration", "review_invoice"): review_invoice,
    ("project_registration", "payment_returned"): payment_returned,
    ("project_registration", "cancel_payment"): does("cancel_payment"),
    ("project_registration", "change_step"): does("change_step", step="choose_property"),
    ("project_registration", "cancel_registration"): does("cancel_registration", reason="انصراف مالک"),
    ("project_registration", "assign_by_hand"): assign_by_hand,
    ("gas_inspection", "schedule_visit"): schedule_visit,
    ("gas_inspection", "change_visit"): does("change_visit"),
    ("gas_inspection", "record_report"): record_report,
    ("gas_inspection", "correct_report"): correct_report,
    ("gas_inspection", "correct_meter"): correct_meter,
    ("gas_inspection", "pay_debt"): pay_debt,
    ("gas_inspection", "withdraw"): does("withdraw", confirmed=True),
    ("gas_inspection", "dismiss_inspector"): does("dismiss_inspector", reason="گزارش‌ها ثبت نشده‌اند."),
    ("confirmation_issuance", "review_confirmation"): does("review_confirmation", decision="approve"),
    ("unmatched_payment", "settle_unmatched"): does(
        "settle_unmatched", decision="refunded", reference="5544", note="دوبار پرداخت شد."
    ),
    ("ticket", "submit_ticket"): does(
        "submit_ticket", unit="finance", priority="urgent", title="پرسش", body="چه مدارکی لازم است؟"
    ),
    ("ticket", "answer_ticket"): does("answer_ticket", body="انجام شد."),
    ("ticket", "reply_ticket"): does("reply_ticket", body="و این؟"),
    ("ticket", "escalate_ticket"): escalate_ticket,
    ("ticket", "answer_escalation"): does("answer_escalation", body="رسیدگی شد."),
    ("ticket", "transfer_ticket"): does("transfer_ticket", unit="membership", note="دربارهٔ عضویت است."),
    ("ticket", "discard_ticket"): does("discard_ticket"),
}


REPEATED = {"correct_report", "change_visit", "transfer_ticket"}  # may be done again afterwards


def open_tasks(play: Play) -> dict[tuple[str, str], int]:
    """One task of each kind that waits for somebody or may be triggered, in the cases that run."""
    with play.session() as session:
        rows = session.execute(
            select(Case.process_key, Task.key, Task.id)
            .join(Task, Task.case_id == Case.id)
            .where(Case.status == CaseStatus.RUNNING, Task.status == TaskStatus.OPEN, Task.locked.is_(None))
            .order_by(Task.id.desc())
        )
        return {(process, key): task_id for process, key, task_id in rows}


def test_the_kept_cases_wait_at_every_step_that_is_tried_here(world: Upgraded) -> None:
    assert open_tasks(world.play).keys() == STEPS.keys()


@pytest.mark.parametrize(("process", "key"), STEPS, ids=str)
def test_a_task_that_was_open_before_the_upgrade_is_done_after_it(world: Upgraded, process: str, key: str) -> None:
    play = world.play
    task_id = open_tasks(play)[process, key]
    who = world.take_up(task_id)
    world.sign_in(who)
    revision = play.case.revision
    if play.task(key).kind is TaskKind.USER_TASK:
        assert world.ask(who, "GET", f"/tasks/{task_id}").status_code == 200
    assert world.ask(who, "GET", f"/cases/{play.case.number}").status_code == 200

    STEPS[process, key](play, who)

    assert play.case.revision > revision
    with play.session() as session:
        assert session.get_one(Task, task_id).status is not TaskStatus.OPEN or key in REPEATED
        assert session.scalars(select(Incident)).all() == []
    world.sign_in(who)  # days may have passed
    assert world.ask(who, "GET", f"/cases/{play.case.number}").status_code == 200


@pytest.mark.both_databases("migrations")
def test_an_operation_that_waited_for_the_gateway_is_done_after_the_upgrade(world: Upgraded) -> None:
    play = world.play
    with play.session() as session:
        play.case_id = session.scalars(select(Job.case_id).where(Job.kind == JobKind.OPERATION)).one()
    play.work()
    assert play.waits_for() == {"payment_returned": "payer"}
    play.pays()
    assert play.case.status is CaseStatus.COMPLETED


@pytest.mark.both_databases("migrations")
def test_what_falls_due_after_the_upgrade_happens_without_an_incident(world: Upgraded) -> None:
    world.play.after(timedelta(days=60))
    with world.play.session() as session:
        assert session.scalars(select(Incident)).all() == []
        late = session.scalars(select(Job).where(Job.due_at <= world.play.clock.now))
        assert late.all() == []


def test_every_case_and_every_worklist_opens_after_the_upgrade(world: Upgraded) -> None:
    world.sign_in("supervisor")
    with world.play.session() as session:
        numbers = session.scalars(select(Case.number)).all()
        people = session.scalars(select(Person.username)).all()
    for number in numbers:
        for page in ("", "/history", "/diagram.xml"):
            assert world.ask("supervisor", "GET", f"/cases/{number}{page}").status_code == 200, number
    for username in people:
        world.sign_in(username)
        for page in ("/worklist", "/cases"):
            assert world.ask(username, "GET", page).status_code == 200, username


def test_the_cases_go_on_by_the_diagrams_that_they_began_with(world: Upgraded) -> None:
    """Today's diagrams are versions of their own, for new cases."""
    begun = dict(
        sqlite3.connect(make_url(kept_sqlite()).database or "").execute("SELECT id, xml FROM process_definitions")
    )
    with world.play.session() as session:
        now = {one.id: one.xml for one in session.scalars(select(ProcessDefinition))}
        assert set(session.scalars(select(Case.definition_id))) <= begun.keys()
    assert begun.items() <= now.items()
