"""The composition root and the command line: wires the application and starts it. Read this first."""

from __future__ import annotations

import inspect
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click
from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

import forms
import webapp
from engine.actor import SYSTEM, Actor, operator
from engine.administration import organisation as organisation_changes
from engine.audit import events, trail, verification
from engine.backup import restoring, taking
from engine.backup.manifest import Manifest
from engine.backup.refusals import BackupRefused
from engine.calendar import holiday_import
from engine.calendar.office_calendar import OfficeCalendar
from engine.calendar.staging_clock import StagingClock
from engine.contributions.listings import Listings
from engine.contributions.office_rules import OfficeRules
from engine.contributions.operations import Services
from engine.contributions.sheets import Sheets
from engine.deployment import checking, compatibility_report, definitions
from engine.deployment.compatibility import Compatibility, Incompatible, remember_names
from engine.deployment.importing import guarded, printing
from engine.deployment.importing.files import Installation, check_file
from engine.deployment.offers import Offers, running_cases
from engine.errors import EngineError, InvalidSubmission, NotFound, Refusal
from engine.expressions.language import Language
from engine.identity import organisation, people
from engine.identity.accounts import Accounts, fold_username, new_username
from engine.identity.confirmation import Confirmation
from engine.identity.organisation import Organisation
from engine.identity.second_factor import SecondFactors
from engine.identity.second_step import SecondStep
from engine.jobs import audit_retention, file_scans, purge, reschedule_deadlines
from engine.jobs.worker import Worker
from engine.log_lines import Lines
from engine.persistence import advisory_lock, write_behind
from engine.persistence.storage import Storage
from engine.runtime.outcomes import StepResult
from engine.service import Engine
from engine.settings import Reading, Section, Settings, SettingsInvalid
from engine.spiff import corrections
from engine.spiff.script_engine import SafeEnvironment
from engine.uploads.clamd import Clamd
from models import identifiers, migrate
from models.account import Person, RoleGrant
from models.database import open_database, session_factory, unhurried, without_password
from models.digits import clean
from models.language import LANGUAGES, reading
from webapp.accounts.openid import Provider
from webapp.accounts.sign_in import DemoPeople
from webapp.lists.files import PrintList
from webapp.public.payments import PaymentReturned, TestGateway
from webapp.public.verification import Certificates
from webapp.serving import server
from webapp.serving.processes import run_several
from workflows import roles
from workflows.certificates import check as certificate_check
from workflows.certificates import commands, signing_keys
from workflows.payment import gateway_return, gateways
from workflows.printing import render_pdf
from workflows.providers import registry as providers
from workflows.providers import test_gateway
from workflows.providers.registry import Chosen, Wiring
from workflows.registry import (
    briefings,
    handovers,
    listings,
    office_rules,
    operations,
    printouts,
    questions,
    renames,
    sheets,
)

DIAGRAMS = Path(__file__).parent / "bpmn_diagrams"
FONTS = Path(__file__).parent / "webapp" / "static" / "dist" / "fonts"

log = logging.getLogger(__name__)

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
    accounts: Accounts
    second_factors: SecondFactors
    second_step: SecondStep
    sms_arrives: bool  # False where a stand-in takes the messages and their codes are shown to nobody
    confirmation: Confirmation
    worker: Worker  # started by ``run`` and ``worker``; a page nudges it after it has given it work
    clock: Clock
    staging_clock: StagingClock | None  # ``clock``, in the modes in which people may put it ahead
    listings: Listings
    sheets: Sheets
    office_rules: OfficeRules
    print_list: PrintList
    certificates: Certificates
    test_gateway: TestGateway | None  # None where only real gateways are
    payment_returned: PaymentReturned
    return_parameter: Callable[[str], str]  # of a payment gateway, by its name
    case_roles: Mapping[str, object]  # labels of the roles that exist only within a case
    demo_people: DemoPeople
    openid: Provider | None  # who signs people in besides; None where only passwords do
    compatibility: Compatibility  # check of running cases against this version of the code
    storage: Storage  # the disks of database and files
    scanner: Clamd | None  # of viruses in uploaded files
    forced: bool = False  # started with --force in spite of its findings

    def deploy(self, *folders: Path, by: Actor = SYSTEM) -> checking.Bundle:
        """Check the diagrams of the folders (else the shipped ones) and deploy changed ones; with an error none."""
        with self.engine.transaction() as session:
            organised = organisation.of(session)
        bundle = checking.check_folders(folders or (DIAGRAMS,), seam(organised))
        if bundle.sound:
            with self.engine.transaction() as session:
                advisory_lock.acquire(session, "deployment")  # two processes of a new version may start at once
                definitions.deploy_decisions(session, bundle.decisions, now=self.clock(), by=by)
                definitions.deploy(session, bundle.diagrams, now=self.clock(), by=by)
                remember_names(session, seam())
        return bundle

    def incompatible(self) -> list[Incompatible]:
        """Forms, operations, roles, tables and gateways that running cases rely on and that are missing."""
        with self.engine.transaction() as session:
            return [
                *self.compatibility.findings(session),
                *gateways.waiting_elsewhere(session, self.engine.services),
            ]


def install() -> None:
    """Correct SpiffWorkflow and attach the session listeners in this process; a second call changes nothing."""
    corrections.install()
    write_behind.install()
    trail.install()


def build(
    settings: Settings, chosen: Chosen | None = None, *, now: Clock = utc_now, services: Services | None = None
) -> Application:
    """Wire an application with the providers that were ``chosen``, else with the stand-ins.

    Tests hand in their own clock and services.
    """
    install()
    database = open_database(settings.database_url)
    sessions = session_factory(database)
    accounts, factors = Accounts(settings), SecondFactors(settings.secret_key, now)
    staging_clock = StagingClock(now, sessions) if settings.clock_moves else None
    now = staging_clock or now
    services = services or make_services(settings, chosen or providers.stand_ins(), sessions, now)
    renames.read(tasks=forms.former_tasks(), processes=forms.former_processes())
    engine = Engine(
        sessions=sessions,
        operations=operations,
        briefings=briefings,
        printouts=printouts,
        services=services,
        environment=SafeEnvironment(language(services.calendar)),
        clock=now,
        form_for=forms.form_for,
        offers=Offers(undecided=settings.demo),
        renames=renames,
        handovers=handovers,
    )
    return Application(
        settings=settings,
        database=database,
        sessions=sessions,
        engine=engine,
        accounts=accounts,
        second_factors=factors,
        second_step=SecondStep(accounts, factors),
        sms_arrives=settings.demo or not services.sms.shows_text,
        confirmation=Confirmation(accounts, factors, settings.confirm_minutes),
        worker=Worker(engine, tick=settings.worker_tick),
        clock=now,
        staging_clock=staging_clock,
        listings=listings,
        sheets=sheets,
        office_rules=office_rules,
        print_list=partial(render_pdf, "list.typ", fonts=services.fonts_path),
        certificates=certificate_check,
        test_gateway=test_gateway if gateways.gateway_of(services, test_gateway.BuiltInTestGateway.name) else None,
        payment_returned=gateway_return.returned,
        return_parameter=providers.payment_gateways.return_parameter,
        case_roles=roles.CASE_ROLES,
        demo_people=demo_people if settings.demo else list,
        openid=_openid_provider(settings),
        storage=Storage(database, settings.files_path),
        scanner=Clamd(settings.virus_scanner) if settings.virus_scanner else None,
        compatibility=Compatibility(seam(), decisions=[path.stem for path in DIAGRAMS.glob("*.dmn")]),
    )


def _openid_provider(settings: Settings) -> Provider | None:
    """The organisation's OpenID provider. Imported here: it needs the extra ``oidc``, which its settings ask for."""
    if not settings.openid_issuer:
        return None
    from engine.identity.openid import provider

    return provider.Provider(settings, clock=utc_now)


def demo_people() -> list[dict[str, str]]:
    """Accounts on the sign-in page of a demo. Imported here: production imports nothing of the demo."""
    from workflows.demo import filling

    return filling.people()


def make_services(settings: Settings, chosen: Chosen, sessions: sessionmaker[Session], now: Clock) -> Services:
    """The chosen outside services."""
    wiring = Wiring(sessions=sessions, public_url=settings.public_url, clock=now)
    return Services(
        settings=settings,
        payment_gateway=chosen.payment_gateway.make(wiring),
        other_gateways={one.provider.name: one.make(wiring) for one in chosen.other_gateways},
        sms=chosen.sms.make(wiring),
        public_url=settings.public_url,
        calendar=office_calendar(sessions),
        fonts_path=FONTS,
    )


def office_calendar(sessions: sessionmaker[Session] | None = None) -> OfficeCalendar:
    """The organisation's working time by its tables; before they are filled, the initial calendar (CAL-1)."""
    return OfficeCalendar(holiday_import.initial_calendar(), sessions)


def language(calendar: OfficeCalendar) -> Language:
    """The functions that expressions of diagrams may call besides the built-in ones."""
    return Language({"working_days": calendar.working_days})


def seam(organised: Organisation | None = None) -> checking.Seam:
    """Operations, roles, forms and functions for diagrams. Without an organisation: with the delivered roles."""
    known = (organised or roles.organisation()).roles.values()
    return checking.Seam(
        operations=operations,
        roles=frozenset(role.key for role in known if role.active) | roles.CASE_ROLES.keys(),
        inactive_roles=frozenset(role.key for role in known if not role.active),
        form_fields=_form_fields,
        functions=language(office_calendar()).functions,
        questions=questions,
    )


def _form_fields(process_key: str, task_key: str) -> frozenset[str] | None:
    form = forms.form_for(process_key, task_key)
    return None if form is None else frozenset(form.unbound().data)


# ---------------------------------------------------------------- the command line

SWEEP_EVERY = 3600  # seconds between two purges
SCAN_EVERY = 1  # second between two looks for files to have checked
MOVE_EVERY = 5  # seconds between two checks for deadlines of a changed calendar
FORCE_HELP = "Start although running cases rely on something that this version does not have."
RECONCILE_EVERY = 300  # seconds between two reconciliations of payments with the gateway


def application_from_environment() -> Application:
    """The application of the ``KARTABL_…`` variables. Exits with all their problems at once, or without a database."""
    try:
        settings, chosen = read_settings(os.environ)
    except SettingsInvalid as problem:
        raise click.ClickException(str(problem)) from None
    try:
        application = build(settings, chosen)
        with application.database.connect():
            return application
    except (DBAPIError, OSError) as problem:
        reason = str(problem.orig if isinstance(problem, DBAPIError) else problem).partition("\n")[0]
        raise click.ClickException(
            f"The database of KARTABL_DATABASE_URL cannot be opened: {without_password(reason, settings.database_url)}"
        ) from None


def read_settings(environment: Mapping[str, str]) -> tuple[Settings, Chosen]:
    """Read the ``KARTABL_…`` variables of an installation. Raises SettingsInvalid: with all problems at once."""
    reading = Reading(environment, sections())
    settings = reading.read(Settings)
    chosen = providers.read(reading, production=reading.given("mode", "production") == "production")
    reading.finish()
    if settings is None or chosen is None:
        raise AssertionError("Settings were refused without a problem")
    return settings, chosen


def sections() -> list[type[Section]]:
    """All sections of settings."""
    return [Settings, *providers.sections()]


class Commands(click.Group):
    """Says in one line why a command was refused, where the command itself has no better words."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidSubmission as refused:
            raise click.ClickException(" ".join(text for texts in refused.errors.values() for text in texts)) from None
        except EngineError as refused:
            raise click.ClickException(str(refused)) from None
        except OSError as problem:
            if problem.filename is None:
                raise
            raise click.ClickException(f"{problem.filename}: {problem.strerror}") from None


@click.group(cls=Commands)
def main() -> None:
    """Kartabl (کارتابل): case management on BPMN."""
    install()
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("alembic", "apscheduler", "httpx", "spiff", "waitress.queue"):
        logging.getLogger(name).setLevel(logging.ERROR)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, envvar="PORT")
@click.option("--threads", default=8, show_default=True, help="In each process.")
@click.option("--worker/--no-worker", default=True, help="Run the worker inside each process.")
@click.option("--force", is_flag=True, help=FORCE_HELP)
def run(host: str, port: int, threads: int, worker: bool, force: bool) -> None:
    """Prepare the database, deploy the diagrams and serve the pages, the API and (by default) the worker.

    Refuses to start when running cases rely on something that this version does not have (see check --database).
    SIGTERM takes no more requests and ends when those under way are answered.
    """
    application = prepare(application_from_environment(), force=force)
    try:
        listening = server.handed_down() or server.listen(host, port)
    except OSError as problem:
        raise click.ClickException(f"Port {port} of {host} cannot be opened: {problem.strerror or problem}") from None
    click.echo(f"کارتابل / Kartabl: http://{host}:{port}")
    _say_when_nothing_is_offered(application)
    if application.settings.demo:
        _print_people()
    if application.settings.processes == 1:
        serve(application, listening, threads=threads, worker=worker)
        return

    def one_of_several() -> None:
        own = application_from_environment()  # nothing that is open is shared with another process
        serve(replace(own, forced=application.forced), listening, threads=threads, worker=worker)

    application.database.dispose()
    run_several(application.settings.processes, one_of_several, listening)


def serve(application: Application, listening: socket.socket, *, threads: int, worker: bool) -> None:
    """Serve pages on a socket, and the worker beside them.

    SIGTERM or SIGINT end it, once what is under way has been answered.
    """
    pages = server.create_server(webapp.create_app(application), listening, threads=threads)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_signal: pages.stop())
    if worker:
        _add_regular_work(application)
        application.worker.start()
    server.tell_ready()
    try:
        pages.run()
    finally:
        if worker:
            application.worker.stop()


def _say_when_nothing_is_offered(application: Application) -> None:
    engine = application.engine
    with engine.transaction() as session:
        processes = engine.offers.overview(session, engine.definitions, by=SYSTEM)
    if not any(process.offered for process in processes if process.startable):
        click.echo(
            "No process is offered yet: an admin switches them on at /office/processes, or kartabl process offer KEY…"
        )


def prepare(application: Application, *, force: bool = False) -> Application:
    """Bring the database up to date, hold its running cases against this version, and then deploy changed diagrams.

    Exits before it deploys anything if running cases do not fit and not ``force``, or if a diagram is not sound: the
    version that serves at the moment goes on with the definitions that it knows. With ``force`` and cases that do not
    fit, diagrams that are not sound are logged and none is deployed.
    """
    bring_up_to_date(application)
    application = hold_against_cases(application, force=force)
    _deploy(application)
    return application


def _deploy(application: Application) -> None:
    """Deploy changed diagrams. Exits if one is not sound; an application that was forced logs it and goes on."""
    bundle = application.deploy(by=operator())
    if not bundle.sound:
        problems = "\n".join(("The diagrams were not deployed:", *_bundle_lines(application, DIAGRAMS)))
        if not application.forced:
            raise click.ClickException(problems)
        log.warning("%s", problems)


def _prepare_for_command(application: Application) -> None:
    """Prepare the database for a command that may come before the first start; what does not fit is not deployed."""
    bring_up_to_date(application)
    if any(finding.severity == "error" for finding in application.incompatible()):
        log.warning("Running cases do not fit this version: its diagrams were not deployed (kartabl check --database)")
    else:
        _deploy(application)


def _bundle_lines(application: Application, *folders: Path) -> list[str]:
    """The findings about the diagrams of the folders, in every language, with the running cases of their processes."""
    with application.engine.transaction() as session:
        ours, running = seam(organisation.of(session)), running_cases(session)
    findings = {}
    for language in LANGUAGES:
        with reading(language):
            findings[language] = checking.check_folders(folders, ours).findings
    return list(printing.bundle_lines(findings, running))


def hold_against_cases(application: Application, *, force: bool) -> Application:
    """Return the application, or exit with the findings if running cases rely on parts that this version lacks.

    With ``force`` it returns in spite of errors and logs the findings.
    """
    findings = application.incompatible()
    fits = all(finding.severity != "error" for finding in findings)
    if fits or force:
        for line in compatibility_report.lines(findings, ("en",)):
            log.warning("%s", line)
    if fits:
        return application
    if force:
        log.warning("Started with --force: at the elements above running cases cannot go on")
        return replace(application, forced=True)
    raise click.ClickException(
        "\n".join(
            (
                "Running cases rely on forms, operations, roles, tables or gateways that this version does not have:",
                *compatibility_report.lines(findings, LANGUAGES),
                'Put back what is missing, or name what it is called now (CONTRIBUTING.md, "Renaming"), or install the'
                " version before this one. Nothing was deployed. With --force it goes on all the same; these cases then"
                " wait at the elements named above.",
            )
        )
    )


def bring_up_to_date(application: Application) -> None:
    """Migrate the schema, and add missing years of the working calendar and missing delivered roles."""
    before = migrate.revision(application.database)
    migrate.upgrade(application.database)
    after = migrate.revision(application.database)
    by = operator()
    with application.engine.transaction() as session:
        if before != after:
            trail.record(
                session,
                events.SCHEMA_CHANGED,
                by,
                subject=("installation", ""),
                before={"revision": before} if before else None,
                after={"revision": after},
            )
        holiday_import.fill(session, now=application.clock(), by=by)
        delivered = roles.organisation()
        organisation_changes.fill(
            session, delivered.roles.values(), delivered.divisions.values(), now=application.clock(), by=by
        )


@main.command()
@click.option("--force", is_flag=True, help=FORCE_HELP)
def worker(force: bool) -> None:
    """Run a worker alone, beside web processes started with --no-worker.

    Refuses to start when running cases rely on something that this version does not have (see check --database).
    """
    application = application_from_environment()
    demand_schema(application)
    application = hold_against_cases(application, force=force)
    _add_regular_work(application)
    application.worker.run()


def _add_regular_work(application: Application) -> None:
    engine, now = application.engine, application.clock
    application.worker.every(RECONCILE_EVERY, lambda: gateway_return.reconcile(engine, now()))
    application.worker.every(MOVE_EVERY, lambda: reschedule_deadlines.move_deadlines(engine))
    application.worker.every(SWEEP_EVERY, lambda: purge.sweep(engine))
    if (scanner := application.scanner) is not None:
        worker = application.worker.name
        application.worker.every(SCAN_EVERY, lambda: file_scans.run_due(engine, scanner, owner=worker))
    application.worker.every(SWEEP_EVERY, lambda: audit_retention.sweep(engine))


def demand_schema(application: Application) -> None:
    """Exit unless the database has the schema of this version."""
    if not migrate.is_current(application.database):
        raise click.ClickException("The database does not have the schema of this version: run kartabl migrate first.")


@main.command(name="migrate")
def migrate_command() -> None:
    """Bring the database to the newest schema, and the working calendar to this version's years."""
    with _opened() as application:
        bring_up_to_date(application)


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(["fa", "en", "both"]), default="both", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--strict", is_flag=True, help="Hold every file to what a diagram of ours has to be; normalise nothing.")
@click.option("--database", is_flag=True, help="Hold this version of the code against the running cases instead.")
def check(files: tuple[Path, ...], language: str, as_json: bool, strict: bool, database: bool) -> None:
    """Check the shipped diagrams and decision tables, or each of the FILES by itself, and say what is wrong and where.

    A file whose process has the key of a shipped one is checked as one of ours; any other is imported first.
    With --database: every version that has running cases is checked for forms, operations, roles, functions and
    tables that this version of the code does not have any more. Exits with 1 when a running case would fail.
    """
    languages = LANGUAGES if language == "both" else (language,)
    if database:
        _check_database(languages, as_json=as_json)
    if files:
        verdicts = [look_at(path, languages, strict=strict) for path in files]
        click.echo(
            printing.as_json(verdicts)
            if as_json
            else "\n".join(line for verdict in verdicts for line in printing.lines(verdict, languages))
        )
        sys.exit(0 if all(verdict.deployable for verdict in verdicts) else 1)
    bundle = checking.check_folders([DIAGRAMS], seam())
    for finding in bundle.findings:
        click.echo(f"{finding.severity}: {finding}")
    click.echo(
        f"{len(bundle.diagrams)} diagrams, {len(bundle.decisions)} decision tables: "
        f"{'sound' if bundle.sound else 'not deployable'}"
    )
    sys.exit(0 if bundle.sound else 1)


def _check_database(languages: tuple[str, ...], *, as_json: bool) -> NoReturn:
    application = application_from_environment()
    demand_schema(application)
    findings = application.incompatible()
    if as_json:
        click.echo(compatibility_report.as_json(findings, languages))
    else:
        for line in compatibility_report.lines(findings, languages):
            click.echo(line)
        click.echo(
            f"{len(findings)} findings about running cases" if findings else "every running case finds what it needs"
        )
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def look_at(path: Path, languages: tuple[str, ...] = LANGUAGES, *, strict: bool = False) -> guarded.Verdict:
    """Check a file in a separate process and return its verdict."""
    ours, content = installation(), path.read_bytes()
    return guarded.look(path.name, lambda: check_file(path.name, content, ours, strict=strict), languages=languages)


@cache
def installation() -> Installation:
    """The base of a file's check: the seam, the shipped files, and the labels of roles."""
    shipped = {path.name: path.read_bytes() for path in sorted(DIAGRAMS.iterdir()) if path.suffix in (".bpmn", ".dmn")}
    labels = {role.name.fa: role.key for role in roles.organisation().roles.values()}
    labels |= {label.message: role for role, label in roles.CASE_ROLES.items()}
    return Installation(seam=seam(), files=shipped, labels=labels)


@main.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the result goes.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="One deployable file per process.")
@click.option("--language", type=click.Choice(["fa", "en", "both"]), default="both", show_default=True)
def import_command(file: Path, output: Path | None, folder: Path | None, language: str) -> None:
    """Normalise a diagram of another tool, and say what was changed. FILE itself is never touched."""
    languages = LANGUAGES if language == "both" else (language,)
    verdict = look_at(file, languages)
    click.echo("\n".join(printing.lines(verdict, languages)))
    files = {output: verdict.document} if output and verdict.document else {}
    if folder:
        files |= {folder / f"{key}.bpmn": xml for key, xml in (verdict.processes or {}).items()}
    for path, xml in files.items():
        if path.resolve() == file.resolve():
            raise click.ClickException(f"{path} is the analyst's file; name another one")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xml)
        click.echo(f"→ {path}")
    sys.exit(0 if verdict.deployable else 1)


@main.command()
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Diagrams and decision tables besides the shipped ones (repeatable).",
)
@click.option("--force", is_flag=True, help="Deploy although running cases rely on something that is missing.")
def deploy(folders: tuple[Path, ...], force: bool) -> None:
    """Check the bundle and deploy what changed as new versions.

    Deploys nothing when running cases rely on something that this version does not have (see check --database).
    """
    with _opened() as application:
        demand_schema(application)
        application = hold_against_cases(application, force=force)
        bundle = application.deploy(DIAGRAMS, *folders, by=operator())
        for line in _bundle_lines(application, DIAGRAMS, *folders) if bundle.findings else ():
            click.echo(line)
    sys.exit(0 if bundle.sound else 1)


@main.command()
@click.argument("to", type=click.Path(path_type=Path))
def backup(to: Path) -> None:
    """Back up the database, the files and the public keys into the new folder TO, while people work.

    The folder appears when the backup is whole. It holds everything but KARTABL_SECRET_KEY, which is kept elsewhere:
    without it the keys that sign certificates cannot be read (docs/backup.md).
    """
    settings = _settings_from_environment()
    try:
        made = taking.take(
            to,
            database_url=settings.database_url,
            files_path=settings.files_path,
            secret_key=settings.secret_key,
            version=version("kartabl"),
            now=utc_now(),
            public_keys=lambda session: signing_keys.published(signing_keys.public_keys(session).values()),
        )
    except (BackupRefused, OSError) as problem:
        raise click.ClickException(str(problem)) from None
    _record(settings, events.BACKUP_TAKEN, str(to), made)
    click.echo(f"{to}: {len(made.parts)} parts, {made.size / 1e6:,.1f} MB, {made.rows.get('cases', 0)} cases")
    if made.missing:
        click.echo(f"{len(made.missing)} files are missing or damaged in {settings.files_path}:", err=True)
        for digest in made.missing:
            click.echo(f"  {digest}", err=True)
    for left in taking.unfinished(to):
        click.echo(f"{left} was left by a backup that was broken off, or is being made; it is no backup", err=True)


@main.command()
@click.argument("source", metavar="FROM", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Check that the backup is whole and ours, and restore nothing.")
@click.option("--other-secret-key", is_flag=True, help="Take a backup that was made under another secret key.")
def restore(source: Path, verify: bool, other_secret_key: bool) -> None:
    """Restore the backup FROM into the empty database and the empty folder of files that the settings name.

    Refuses a backup that is not whole, was changed, or has another schema. Everybody is signed out afterwards.
    """
    settings = _settings_from_environment()
    secret_key = None if other_secret_key else settings.secret_key
    try:
        if verify:
            listed = restoring.verify(source, secret_key=secret_key)
        else:
            listed = restoring.restore(
                source,
                database_url=settings.database_url,
                files_path=settings.files_path,
                secret_key=secret_key,
                version=version("kartabl"),
                revision=migrate.head(),
            )
    except (BackupRefused, OSError) as problem:
        raise click.ClickException(str(problem)) from None
    what = f"the backup of {listed.made_at:%Y-%m-%d %H:%M} UTC by Kartabl {listed.version}, schema {listed.revision}"
    if verify:
        click.echo(f"{what}, is whole: {len(listed.parts)} parts, {listed.rows.get('cases', 0)} cases")
        return
    _record(settings, events.BACKUP_RESTORED, str(source), listed)
    click.echo(f"{what}, is restored: {len(listed.files)} files, {listed.rows.get('cases', 0)} cases")
    click.echo("Next: kartabl keys list (can every key be read?), kartabl check --database, kartabl run")


def _record(settings: Settings, event: str, folder: str, listed: Manifest) -> None:
    """Leave a trace in the audit log, unless the database has an older schema: it is upgraded after the backup."""
    database = open_database(settings.database_url)
    try:
        if migrate.is_current(database):
            with session_factory(database).begin() as session:
                after = {"made_at": listed.made_at.isoformat(), "cases": listed.rows.get("cases", 0)}
                trail.record(session, event, operator(), subject=("backup", folder), after=after)
    finally:
        database.dispose()


def _settings_from_environment() -> Settings:
    """The settings of the ``KARTABL_…`` variables. Exits with all their problems at once."""
    try:
        return read_settings(os.environ)[0]
    except SettingsInvalid as problem:
        raise click.ClickException(str(problem)) from None


@main.command(name="settings")
def show_settings() -> None:
    """Print every setting with its default and what it means."""
    for section in sections():
        click.echo(f"# {inspect.getdoc(section)}")
        for setting in section.documented():
            click.echo(f"{setting.variable}{' must be given' if setting.required else f' = {setting.default}'}")
            click.echo(f"    {setting.meaning}\n    allowed: {setting.allowed}")


@main.command(name="demo")
@click.option("--list", "listed", is_flag=True, help="Print the demo people instead of making data.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
@click.option("--cases", default=200, show_default=True, help="How many cases to make.")
def demo_command(listed: bool, as_json: bool, cases: int) -> None:
    """Fill an empty database with realistic people and cases; a second run changes nothing."""
    application = application_from_environment()
    if not application.settings.demo:
        raise click.ClickException("Demo people exist in demo mode only: KARTABL_MODE=demo")
    if listed:
        _print_people(as_json)
        return
    prepare(application)
    from workflows.demo import filling

    count = filling.fill(application.engine, submit=submit, begin=begin, cases=cases)
    click.echo(f"{count} cases made" if count else "the demo data is there already")


def submit(engine: Engine, session: Session, task_id: int, by: Actor, values: dict[str, object]) -> StepResult:
    """Complete a task with plain values through its own form, as pages and API do: for commands and tests."""
    view = engine.open_task(session, task_id, by=by, typed=values)
    form_class = forms.form_for(view.task.process_key, view.task.key) or forms.declared_form(
        view.task.process_key, view.task.key, view.fields
    )
    form = form_class.from_values(values, preset=view.briefing.values, choices=view.briefing.choices)
    return engine.complete_task(session, task_id, by=by, form=form)


def begin(engine: Engine, session: Session, process_key: str, by: Actor, values: dict[str, object]) -> StepResult:
    """Start a case with plain values through the form of its start event."""
    start = engine.definitions.newest(session, process_key).diagrams[process_key].start
    form_class = forms.form_for(process_key, start.id)
    form = form_class.from_values(values) if form_class is not None else None
    return engine.start_case(session, process_key, by=by, form=form)


def _print_people(as_json: bool = False) -> None:
    listed = demo_people()
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for person in listed:
        click.echo(f"  {person['role']:<22} {person['username']:<16} {person['password']:<18} {person['name']}")


class ClockCommands(click.Group):
    """The commands of the demo's clock, imported when one of them is named: production imports nothing of the demo."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from workflows.demo import clock_commands

        clock_commands.add_to(self, application_from_environment)


@main.group(cls=ClockCommands)
def clock() -> None:
    """The clock that the application goes by; only in demo and staging mode, never in production."""


@main.group()
def process() -> None:
    """Which processes this installation offers; admins see and change the same at /office/processes."""


@process.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_processes(as_json: bool) -> None:
    """Print every deployed process: its key, newest version, running cases, and whether it is offered."""
    with _prepared() as application, application.engine.transaction() as session:
        processes = application.engine.offers.overview(session, application.engine.definitions, by=SYSTEM)
    if as_json:
        rows = [
            {"key": entry.key, "version": entry.version, "running": entry.running, "offered": entry.offered}
            | {"startable": entry.startable}
            for entry in processes
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for entry in processes:
        state = ("offered" if entry.offered else "not offered") if entry.startable else "follows from other cases"
        click.echo(f"{entry.key:<28} v{entry.version:<4} {entry.running:>8} running  {state}")


@process.command()
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every deployed process that can be started.")
def offer(keys: tuple[str, ...], everything: bool) -> None:
    """Let new cases of the processes KEYS start from now on."""
    _switch(keys, everything=everything, offered=True)


@process.command()
@click.argument("keys", nargs=-1, required=True)
def withdraw(keys: tuple[str, ...]) -> None:
    """Let no new cases of the processes KEYS start; running ones go on."""
    _switch(keys, everything=False, offered=False)


@contextmanager
def _opened() -> Iterator[Application]:
    """The application of the environment for one command; its database is closed at the end."""
    application = application_from_environment()
    try:
        yield application
    finally:
        application.database.dispose()


@contextmanager
def _prepared() -> Iterator[Application]:
    """An application with an up-to-date database, for a command."""
    with _opened() as application:
        _prepare_for_command(application)
        yield application


def _switch(keys: tuple[str, ...], *, everything: bool, offered: bool) -> None:
    try:
        with _prepared() as application, application.engine.transaction() as session:
            offers, now = application.engine.offers, application.clock()
            if everything:
                keys = tuple(offers.startable(session, application.engine.definitions, by=SYSTEM))
            changed = [key for key in keys if _switched(session, offers, key, offered, now)]
    except NotFound as unknown:
        raise click.ClickException(f"{unknown.key} is not deployed; see kartabl process list") from None
    done = "offered" if offered else "withdrawn"
    click.echo(f"{len(changed)} processes {done}")
    if unchanged := [key for key in keys if key not in changed]:
        click.echo(f"{', '.join(unchanged)}: {done} already")


def _switched(session: Session, offers: Offers, key: str, offered: bool, now: datetime) -> bool:
    """Returns True if the process was not offered, or withdrawn, already. Exits if it cannot be switched."""
    try:
        return offers.switch(session, key, offered, by=operator(), now=now) is not None
    except InvalidSubmission:
        raise click.ClickException(
            f"{key} only follows from other cases: it is neither offered nor withdrawn. Nothing was changed."
        ) from None


@main.group()
def audit() -> None:
    """The audit log: who did what, when and from where; admins read it at /audit."""


@audit.command(name="verify")
@click.option("--head", "known", metavar="NUMBER:HASH", help="A head that was printed earlier and kept elsewhere.")
def verify_audit(known: str | None) -> None:
    """Read the whole log and say whether it is as it was written; print its head, to be kept elsewhere.

    Rows whose time of retention is over may be gone. With --head: also that nothing was cut off the end since.
    Exits with 1 at the first row that is wrong.
    """
    try:
        head = verification.read_head(known) if known is not None else None
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--head") from None
    application = application_from_environment()
    try:
        demand_schema(application)
        with unhurried(), application.engine.transaction() as session:
            verdict = verification.verify(session, known=head)
    finally:
        application.database.dispose()
    click.echo(f"{verdict.links} links, {verdict.rows} with their rows")
    if not verdict.holds:
        raise click.ClickException(f"number {verdict.broken_at}: {verdict.problem}")
    click.echo(f"head {verdict.head}")


@audit.command(name="prune")
def prune_audit() -> None:
    """Remove the rows whose time of retention is over now, as the worker does once a day (/office/rules)."""
    application = application_from_environment()
    try:
        demand_schema(application)
        rows = audit_retention.sweep(application.engine, by=operator(), leeway=timedelta(0))
    finally:
        application.database.dispose()
    click.echo(f"{rows} rows removed")


@main.group()
def user() -> None:
    """Accounts."""


def _grant(organised: Organisation, named: str) -> RoleGrant:
    """The grant of ``ROLE`` or ``ROLE:DIVISION``. Raises ``click.BadParameter``."""
    key, _colon, scope = named.partition(":")
    known = {role.key: role for role in organised.active_roles}
    if key not in known:
        raise click.BadParameter(f"{key}: not a role; there are {', '.join(known)}")
    kind = known[key].divided_by
    there = [one.key for one in organised.divisions_of(kind)] if kind else [""]
    if scope not in there:
        requirement = f"divided by {kind}: write {key}:DIVISION, one of {', '.join(there)}" if kind else "not divided"
        raise click.BadParameter(f"{named}: the role is {requirement}")
    return RoleGrant(role=key, scope=scope)


def _mobile(_context: click.Context, _parameter: click.Parameter, typed: str | None) -> str | None:
    """A mobile number as the database has it. Raises ``click.BadParameter``."""
    try:
        return identifiers.mobile(typed) if typed else None
    except ValueError:
        raise click.BadParameter(f"{typed}: not a mobile number such as 09123456789") from None


def _name(_context: click.Context, _parameter: click.Parameter, typed: str) -> str:
    """Part of a person's name. Raises ``click.BadParameter``."""
    if not 0 < len(cleaned := clean(typed)) <= 100:
        raise click.BadParameter("a name has 1 to 100 letters")
    return cleaned


@user.command(name="create")
@click.argument("username")
@click.option("--first-name", required=True, callback=_name)
@click.option("--last-name", required=True, callback=_name)
@click.option("--mobile", callback=_mobile)
@click.option("--role", "held", multiple=True, required=True, help="ROLE, or ROLE:DIVISION by keys (repeatable).")
def create_user(username: str, first_name: str, last_name: str, mobile: str | None, held: tuple[str, ...]) -> None:
    """Make an account; its first password is printed once and has to be changed at the first sign-in (ACC-3)."""
    try:
        name = new_username(username)
    except Refusal:
        allowed = "a user name has 3 to 60 characters: Latin letters, digits, dots, dashes, underscores, @; no spaces"
        raise click.BadParameter(allowed, param_hint="USERNAME") from None
    with _prepared() as application, application.engine.transaction() as session:
        grants = [_grant(organisation.of(session), one) for one in dict.fromkeys(held)]
        advisory_lock.acquire(session, name)
        if session.scalar(select(Person.id).where(Person.username == name)) is not None:
            raise click.ClickException(f"There is an account {name} already.")
        person = Person(
            username=name,
            first_name=first_name,
            last_name=last_name,
            mobile=mobile,
            created_at=application.clock(),
            roles=grants,
        )
        password = application.accounts.give_first_password(person, now=application.clock())
        session.add(person)
        by, about = operator(), ("person", person.username)
        trail.record(session, events.ACCOUNT_CREATED, by, subject=about, after={"kind": person.kind})
        for grant in grants:
            given = {"role": grant.role, "scope": grant.scope}
            trail.record(session, events.ROLE_GRANTED, by, subject=about, after=given)
    click.echo(f"{person.username}: {password}")


@user.command(name="reset-second-factor")
@click.argument("username")
def reset_second_factor(username: str) -> None:
    """Remove the second factor of USERNAME: for an admin who lost it, when no other admin is there to do it.

    Their sessions and tokens end; they sign in with the password alone and can enrol again.
    """
    application = application_from_environment()
    try:
        demand_schema(application)
        name = fold_username(username)
        with application.engine.transaction() as session:
            person = session.scalars(select(Person).where(Person.username == name)).first()
            if person is None:
                raise click.ClickException(f"There is no account {name}")
            people.reset_second_factor(session, application.accounts, person.id, by=operator(), now=application.clock())
    except InvalidSubmission:
        raise click.ClickException(f"{name} has no second factor") from None
    finally:
        application.database.dispose()
    click.echo(f"{name}: the second factor is removed, and every session has ended")


commands.add_to(main, application_from_environment)

if __name__ == "__main__":
    main()
