"""The composition root and the command line: what is wired to what, and how it is started. Read this first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session, sessionmaker

import forms
from engine import checking, clock, definitions
from engine.expressions import Language, SafeEnvironment
from engine.operations import Services
from engine.service import Engine
from engine.settings import Settings
from engine.working_time import WorkingCalendar
from models.account import CASE_ROLES, Role
from models.database import open_database, session_factory
from workflows import payment
from workflows.providers import test_gateway
from workflows.providers.kavenegar import Kavenegar
from workflows.providers.on_screen import OnScreenOutbox
from workflows.providers.zarinpal import Zarinpal
from workflows.registry import briefings, operations, reports

DIAGRAMS = Path(__file__).parent / "bpmn_diagrams"
FONTS = Path(__file__).parent / "webapp" / "static" / "dist" / "fonts"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Application:
    """Everything that an entry point needs, wired once."""

    settings: Settings
    database: Database
    sessions: sessionmaker[Session]
    engine: Engine
    clock: Clock
    test_gateway: ModuleType | None  # the functions behind the built-in gateway's page; None with a real gateway
    payment_returned: Callable[..., object]

    def deploy(self, *, folder: Path = DIAGRAMS, by: int | None = None) -> checking.Bundle:
        """Check the diagrams of a folder and deploy what changed. Deploys nothing while one has an error."""
        bundle = checking.check_folder(folder, seam())
        if bundle.sound:
            with self.engine.transaction() as session:
                definitions.deploy_decisions(session, bundle.decisions, now=self.clock(), by=by)
                definitions.deploy(session, bundle.diagrams, now=self.clock(), by=by)
        return bundle


def build(settings: Settings, *, now: Clock = utc_now, services: Services | None = None) -> Application:
    """Wire an application. Tests hand in their own clock and services."""
    database = open_database(settings.database_url)
    sessions = session_factory(database)
    services = services or make_services(settings, sessions, now)
    engine = Engine(
        sessions=sessions, operations=operations, briefings=briefings, reports=reports, services=services,
        environment=SafeEnvironment(language(services.calendar)), clock=now,
    )  # fmt: skip
    return Application(
        settings=settings, database=database, sessions=sessions, engine=engine, clock=now,
        test_gateway=test_gateway if settings.payment_gateway == "test" else None,
        payment_returned=payment.returned,
    )  # fmt: skip


def make_services(settings: Settings, sessions: sessionmaker[Session], now: Clock) -> Services:
    """The outside services that the settings name."""
    if settings.payment_gateway == "zarinpal":
        gateway = Zarinpal(settings.zarinpal_merchant, base_url=settings.zarinpal_url)
    else:
        gateway = test_gateway.BuiltInTestGateway(sessions, base_url=settings.public_url, clock=now)
    if settings.sms_provider == "kavenegar":
        sms = Kavenegar(settings.kavenegar_key, sender=settings.kavenegar_sender)
    else:
        sms = OnScreenOutbox()
    return Services(
        settings=settings, payment_gateway=gateway, sms=sms, public_url=settings.public_url,
        calendar=office_calendar(settings), fonts_path=FONTS,
    )  # fmt: skip


def office_calendar(settings: Settings) -> WorkingCalendar:
    """The organisation's working time, from its settings; holidays of Iran from a well-kept library (CAL-1)."""
    import holidays

    iran = holidays.country_holidays("IR")
    weekend = frozenset(WEEKDAYS.index(day.strip()) for day in settings.weekend.split(","))
    return WorkingCalendar(
        weekend=weekend, opens=settings.office_opens, closes=settings.office_closes,
        zone=ZoneInfo(settings.time_zone), is_holiday=lambda day: day in iran,
    )  # fmt: skip


def language(calendar: WorkingCalendar) -> Language:
    """The functions that expressions of diagrams may call besides the built-in ones."""
    return Language(
        {"working_days": lambda days: calendar.add_working_days(clock.now(), days).isoformat()}
    )


def seam() -> checking.Seam:
    """What the diagrams may rely on."""
    return checking.Seam(
        operations=operations,
        roles=frozenset(role.value for role in Role) | CASE_ROLES,
        form_fields=_form_fields,
        functions=language(office_calendar(Settings(secret_key="x" * 32))).functions,
    )


def _form_fields(process_key: str, task_key: str) -> frozenset[str] | None:
    form = forms.form_for(process_key, task_key)
    return None if form is None else frozenset(form.unbound().data)
