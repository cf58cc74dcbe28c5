"""A running Kartabl for browsers: served as ``kartabl run`` does, with the worker, the real clock and an office."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import kartabl
import webapp
from engine.settings import Settings
from models.case import Case
from models.gas import Inspector, InspectorQuota, InspectorRegion
from models.job import Incident
from tests.play import People, Play
from tests.scenarios import certificates, gas_office, inspections
from tests.secret import SECRET_KEY
from webapp.serving import server as serving
from workflows.assignment.operations import period_of
from workflows.certificates.records import address_of

INSPECTOR = "12-30-01234"
NAME_OF_INSPECTOR = "سارا مرادی"
ELSEWHERE = "12-30-01301"  # an inspector of a region in which nothing happens
NAME_OF_OTHER = "امیر حسینی"
OWNER = "contractor-2"  # whose cases stand at the places
WITH_INSPECTOR, WITHOUT_INSPECTOR, OTHER_REGION = 3, 9, 7
KNOWN_PLATE = "2394"
STAFF = {
    "gas_office": ("شهلا", "ابراهیمی"),
    "supervisor": ("هومن", "راد"),
    "admin": ("بیتا", "مقدم"),
    "finance": ("هادی", "سلیمی"),
    "citizen": ("محمد", "رضایی"),
    "contractor": ("فرهاد", "یوسفی"),
}


class Site:
    """The running application, its address, and cases at places that pages are to be seen at."""

    def __init__(self, application: kartabl.Application) -> None:
        self.application = application
        self.url = application.settings.public_url
        self.places: dict[str, str] = {}  # what is there to see → path
        self.people = People(application)

    def fill(self) -> None:
        """People of every kind and one case at each interesting place. Before the worker runs beside it."""
        for role, (first_name, last_name) in STAFF.items():
            self.people.add(role, role, first_name=first_name, last_name=last_name, mobile="09120000002")
        self.people.add(OWNER, "contractor", first_name="مهدی", last_name="صالحی", mobile="09120000003")
        self._add_inspector(INSPECTOR, NAME_OF_INSPECTOR, WITH_INSPECTOR)
        self._add_inspector(ELSEWHERE, NAME_OF_OTHER, OTHER_REGION)
        self._finished_registration()
        self._open_registrations()
        self._open_inspections()
        self._certificates()

    def story(self) -> Play:
        clock = SimpleNamespace(now=self.application.clock())
        return Play(self.application, clock)  # type: ignore[arg-type]

    def path_of(self, play: Play, task: str) -> str:
        return f"/tasks/{play.task(task).id}"

    def _add_inspector(self, username: str, name: str, region: int) -> None:
        first_name, last_name = name.split()
        names = {"first_name": first_name, "last_name": last_name}
        person = self.people.add(username, "inspector", mobile="09120000001", **names)
        now: datetime = self.application.clock()
        with self.application.engine.transaction() as session:
            session.add(Inspector(person_id=person.id, active=True, ready=True, firm=""))
            session.flush()
            session.add(InspectorRegion(inspector_id=person.id, region=region))
            session.add(InspectorQuota(inspector_id=person.id, period=period_of(now), quota=500))

    def _finished_registration(self) -> None:
        play = gas_office.paid(self.story(), by=OWNER)
        self.places["finished case"] = f"/cases/{play.case.number}"
        play.follow("gas_inspection")
        self.places |= {
            "inspection": f"/cases/{play.case.number}",
            "schedule_visit": self.path_of(play, "schedule_visit"),
        }
        with self.application.engine.transaction() as session:
            session.add(
                Incident(
                    case_id=play.case_id,
                    element_id="visit",
                    operation="gas_inspection.tell_contractor",
                    message="the provider did not answer",
                    at=self.application.clock(),
                    last_at=self.application.clock(),
                )
            )

    def _open_registrations(self) -> None:
        by = OWNER
        lost = gas_office.paid(self.story(), by=by, region=WITHOUT_INSPECTOR, renovation_code="9-1-1-1")
        self.places["assign_by_hand"] = self.path_of(lost, "assign_by_hand")
        self.places["case that waits"] = f"/cases/{lost.case.number}"
        choosing = gas_office.start(self.story(), by=by)
        self.places["choose_property"] = self.path_of(choosing, "choose_property")
        searching = gas_office.start(self.story(), by=by).does(by, "choose_property", source="existing")
        self.places["find_property"] = self.path_of(searching, "find_property")
        owner = gas_office.up_to_owner(self.story(), by=by, renovation_code="3-1-1-2")
        self.places["register_owner"] = self.path_of(owner, "register_owner")
        meters = gas_office.up_to_meters(self.story(), by=by, renovation_code="3-1-1-3")
        self.places["register_meters"] = self.path_of(meters, "register_meters")
        documents = gas_office.up_to_documents(self.story(), by=by, renovation_code="3-1-1-4")
        self.places["upload_documents"] = self.path_of(documents, "upload_documents")
        invoice = gas_office.up_to_invoice(self.story(), by=by, renovation_code="3-1-1-5")
        self.places["review_invoice"] = self.path_of(invoice, "review_invoice")
        paying = gas_office.up_to_invoice(self.story(), by=by, renovation_code="3-1-1-6").does(by, "review_invoice")
        [task] = [key for key in paying.waits_for()]
        self.places["payment"] = self.path_of(paying, task)
        self.places["test gateway"] = f"/test-gateway/{paying.payment().authority}"

    def _inspected(self, code: str) -> Play:
        """A paid project of the second contractor, whose inspection has begun."""
        return gas_office.paid(self.story(), by=OWNER, renovation_code=code).follow("gas_inspection")

    def _open_inspections(self) -> None:
        visited = inspections.visits(self._inspected("3-1-1-7"), INSPECTOR)
        self.places |= {
            "record_report": self.path_of(visited, "record_report"),
            "dismiss_inspector": self.path_of(visited, "dismiss_inspector"),
        }
        owing = inspections.reports(self._inspected("3-1-1-8"), "defects", 1, by=INSPECTOR)
        self.places |= {
            "case in debt": f"/cases/{owing.case.number}",
            "pay_debt": self.path_of(owing, "pay_debt"),
            "locked visit": self.path_of(owing, "schedule_visit"),
            "correct_report": self.path_of(owing, "correct_report"),
        }
        wrong = {1: "زیربنا ۱۵۰ متر است."}
        wronged = inspections.reports(self._inspected("3-1-1-9"), "defects", 1, by=INSPECTOR, mismatches=wrong)
        self.places["correct_meter"] = self.path_of(wronged, "correct_meter")

    def _certificates(self) -> None:
        """One that is asked for, and one that was issued."""
        for code in ("3-1-1-10", "3-1-1-11"):
            play = self._inspected(code)
            for _stage in range(2):
                inspections.reports(play, "approved", by=INSPECTOR)
            project = inspections.project(play).case_id
            with play.session() as session:
                number = session.get_one(Case, project).number
            certificates.ask(play, number, by=OWNER)
            self.places["review_confirmation"] = self.path_of(play, "review_confirmation")
            if "approved project" not in self.places:
                play.does(INSPECTOR, "review_confirmation", decision="approve")
                issued = certificates.certificate(play)
                self.places |= {
                    "approved project": f"/cases/{number}",
                    "certificate": f"/cases/{play.case.number}",
                    "verify": address_of(issued, ""),
                    "revoke": f"/start/certificate_revocation?certificate={issued.number}",
                }


@contextmanager
def running(database_url: str, files: Path, fill: Callable[[Site], None] = Site.fill, **more: str) -> Iterator[Site]:
    """The site on a free port of this machine, until the block is left; ``fill`` says who and what is there.

    ``more``: further settings.
    """
    listening = serving.listen("127.0.0.1", 0)
    settings = Settings(
        secret_key=SECRET_KEY,
        database_url=database_url,
        files_path=files,
        mode="demo",
        worker_tick=0.2,
        public_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
        **more,  # type: ignore[arg-type]
    )
    application = kartabl.build(settings)
    site = Site(application)
    fill(site)
    server = serving.create_server(webapp.create_app(application), listening, threads=4)
    thread = threading.Thread(target=server.run, name="pages", daemon=True)
    application.worker.start()
    thread.start()
    try:
        yield site
    finally:
        application.worker.stop()
        server.stop()
        thread.join(timeout=10)
        application.database.dispose()
