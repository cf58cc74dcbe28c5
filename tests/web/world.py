"""One application with cases, tasks, files and a person of every role; what a request does in it can be undone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, select, update
from werkzeug.test import TestResponse

import kartabl
import webapp
from engine import documents
from engine.actor import SYSTEM
from engine.identity import people as accounts_of_people
from engine.queries import messages
from engine.settings import Settings
from models.account import Person, RoleGrant
from models.base import Base
from models.billing import Payment
from models.case import Case
from models.external_identity import ClaimRole
from models.job import Incident
from models.organisation import Role
from models.second_factor import FactorKind, SecondFactor
from tests.databases import SQLITE, fresh_database
from tests.engine.test_documents import PDF
from tests.play import Play
from tests.scenarios import certificates
from tests.scenarios import gas_office as office
from tests.scenarios.tickets import ASKS
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from workflows import roles

CSRF = "token-of-this-session"
ROLES = tuple(roles.organisation().roles)
SCOPES = {
    roles.DEPARTMENT_STAFF: "information_technology",
    roles.DISTRICT_ENGINEERING: "3",
    "other_unit": "secretariat",
}
OUTSIDE = ("nobody", "signed_out", "expired", "locked", "disabled", "half")  # not signed in, for any reason
TWINS = {
    "contractor_b": roles.CONTRACTOR,
    "inspector_b": roles.INSPECTOR,
    "dismissed": roles.INSPECTOR,  # from the case ``left``
    "other_unit": roles.DEPARTMENT_STAFF,
}
SUBJECTS = (*OUTSIDE, "new", "unenrolled", "former", *TWINS, *ROLES)
SECRETS = ("برج آفتاب", "خیابان آزادی", "شرح محرمانه", "secret-plan", "contractor-of-the-case")


@dataclass
class World:
    """``objects``: what addresses name, by the names that the table of expected answers uses."""

    application: kartabl.Application
    app: Flask
    play: Play
    people: dict[str, int] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def ask(self, subject: str, method: str, path: str, *, csrf: str | None = CSRF, **sent: Any) -> TestResponse:
        """What ``subject`` gets for a page's request; the form token is sent along."""
        browser = self.app.test_client()
        with browser.session_transaction() as cookie:
            cookie["csrf_token"] = CSRF
            token = self.tokens.get((subject, "browser"))
            if token:
                cookie["token"] = token
        if method != "GET":
            sent["data"] = {**({"csrf_token": csrf} if csrf is not None else {}), **sent.get("data", {})}
        return browser.open(path, method=method, **sent)

    def call(self, subject: str, method: str, path: str, **sent: Any) -> TestResponse:
        """What a program of ``subject`` gets for a call."""
        token = self.tokens.get((subject, "api"))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.app.test_client().open(path, method=method, headers=headers, **sent)

    @contextmanager
    def undone(self) -> Iterator[Connection]:
        """Whatever is committed inside is rolled back at the end."""
        with self.application.database.connect() as connection:
            connection.begin()
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")  # the driver begins nothing by itself
            self.application.sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
            try:
                yield connection
            finally:
                connection.rollback()
                self.application.sessions.configure(
                    bind=self.application.database, join_transaction_mode="conditional_savepoint"
                )


def changes(connection: Connection) -> int:
    """How many rows this connection has changed so far, also those that were rolled back."""
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())


def dump(connection: Connection, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """All rows of all tables; ``but``: columns whose values are random."""
    tables = Base.metadata.sorted_tables
    kept = {table.name: [column for column in table.c if column.name not in but] for table in tables}
    return {
        name: sorted(repr(tuple(row)) for row in connection.execute(select(*columns))) for name, columns in kept.items()
    }


def build_world(folder: Path, *, prepare: Any, now: datetime, server: str = SQLITE) -> World:
    """A world with cases that wait at different places, all of them of ``contractor``."""
    settings = Settings(
        secret_key=SECRET_KEY,
        database_url=fresh_database(server, prepare=prepare),
        files_path=folder,
        mode="production",
        public_url="http://localhost",
        openid_issuer="http://127.0.0.1:9",  # where nobody listens
        openid_client_id="kartabl",
    )
    clock = StandingClock(now)
    application = kartabl.build(settings, now=clock)
    app: Flask = webapp.create_app(application)
    app.testing = True
    with application.engine.transaction() as session:
        application.engine.offers.offer_all(session, application.engine.definitions, by=SYSTEM, now=now)
    world = World(application, app, Play(application, clock))
    _add_people(world)
    _add_cases(world)
    _add_rest(world)
    _open_sessions(world)
    return world


def _add_people(world: World) -> None:
    for subject in SUBJECTS:
        role = TWINS.get(subject, subject)
        held = [role] if role in ROLES else ["gas_office"]
        held = held if subject != "unenrolled" else ["demanding"]
        name = {"contractor": "contractor-of-the-case"}.get(subject, f"name-{subject}")
        world.people[subject] = world.play.people.add(
            subject,
            *held,
            scope=SCOPES.get(subject, SCOPES.get(role, "")),
            last_name=name,
            mobile="09130000001",
        ).id


def _add_cases(world: World) -> None:
    play = world.play
    _add_inspector(world, "inspector", region=3)
    _add_inspector(world, "inspector_b", region=9)
    office.paid(play)
    world.objects["registration"] = play.case.number
    play.follow("gas_inspection")
    world.objects |= {"inspection": play.case.number, "visit": play.task("schedule_visit").id}

    office.paid(play, region=5, renovation_code="5-1-1-1")
    world.objects |= {"by_hand": play.case.number, "hand": play.task("assign_by_hand").id, "case_id": play.case_id}

    office.up_to_invoice(play, renovation_code="5-1-1-2")
    play.does("contractor", "review_invoice")
    world.objects |= {"paying": play.case.number, "payment": play.payment().authority}

    office.paid(play, renovation_code="5-1-1-3")
    project = play.case.number
    certificates.state(play, project, stage="approved", approved_at=play.clock.now)
    certificates.ask(play, project).does("inspector", "review_confirmation", decision="approve")
    issued = certificates.certificate(play)
    world.objects |= {"certificate": issued.number, "signed": f"{issued.payload}.{issued.signature}"}

    _add_inspector(world, "dismissed", region=8)
    office.paid(play, region=8, renovation_code="8-1-1-1")
    play.follow("gas_inspection").does("gas_office", "dismiss_inspector", reason="تأخیر")
    world.objects["left"] = play.case.number

    play.start("ticket", by="citizen").does("citizen", "submit_ticket", **ASKS)
    world.objects |= {"ticket": play.case.number, "question": play.task("answer_ticket").id}

    office.start(play)
    play.does("contractor", "choose_property", source="new")
    world.objects |= {"begun": play.case.number, "property": play.task("register_property").id}


def _add_inspector(world: World, subject: str, *, region: int) -> None:
    office.add_inspector(world.play, subject, regions=(region,))


def _add_rest(world: World) -> None:
    application, play = world.application, world.play
    now = application.clock()
    with play.session() as session:
        case = session.scalars(select(Case).where(Case.number == world.objects["begun"])).one()
        contractor, admin = play.actor("contractor"), play.actor("admin")
        document = documents.store(
            session,
            case,
            file=io.BytesIO(PDF),
            name="secret-plan.pdf",
            by=contractor,
            now=now,
            folder=application.settings.files_path,
            limit=application.engine.upload_limit(session, case),
        )
        private = messages.send(session, by=admin, title="شرح محرمانه", body="شرح", username="contractor", now=now)
        public = messages.send(session, by=admin, title="شرح محرمانه", body="شرح", role="contractor", now=now)
        incident = Incident(case_id=case.id, message="it failed", at=now, last_at=now)
        mapped = ClaimRole(value="auditors", role="finance", added_at=now)
        session.add_all([incident, mapped])
        session.flush()
        grant = session.scalars(select(RoleGrant).where(RoleGrant.person_id == world.people["citizen"])).one()
        world.objects |= {
            "document": document.id,
            "letter": private.id,
            "public_letter": public.id,
            "incident": incident.id,
            "person": world.people["citizen"],
            "grant": grant.id,
            "claim_role": mapped.id,
            "day": "2026-11-23",
        }
        assert session.scalars(select(Payment).where(Payment.authority == world.objects["payment"])).one()


def _open_sessions(world: World) -> None:
    application, now = world.application, world.application.clock()
    with world.play.session() as session:
        kept = SecondFactor(
            person_id=world.people["half"], kind=FactorKind.TOTP, recovery_salt="00" * 16, enrolled_at=now
        )
        session.add(kept)
        session.add(Role(key="demanding", name_fa="الزامی", name_en="Demanding", second_factor=True))
        session.flush()
        for subject in SUBJECTS:
            person = session.get_one(Person, world.people[subject])
            opened = now - timedelta(hours=13) if subject == "expired" else now
            for kind in ("browser", "api"):
                if subject != "nobody":
                    token = application.accounts.open_session(session, person, now=opened, kind=kind)
                    world.tokens[subject, kind] = token
        for kind in ("browser", "api"):
            application.accounts.end_session(session, world.tokens["signed_out", kind])
        accounts_of_people.lock_account(
            session, application.accounts, world.people["locked"], by=world.play.actor("admin")
        )
        session.execute(update(Person).where(Person.username == "disabled").values(active=False))
        session.execute(update(Person).where(Person.username == "new").values(must_change_password=True))
        former = session.scalars(select(RoleGrant).where(RoleGrant.person_id == world.people["former"])).one()
        accounts_of_people.revoke(session, world.people["former"], former.id, by=SYSTEM, now=now)
