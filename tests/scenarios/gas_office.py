"""Beginnings of stories of gas projects: inspectors with quotas, and a registration by a contractor."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import select

from models.billing import Invoice, InvoiceStatus
from models.document import Document
from models.gas import Assignment, GasProject, Inspector, InspectorQuota, InspectorRegion
from tests.play import Play

PERIOD = "1405"
PROPERTY = {
    "region": 3,
    "main_plate": "2394",
    "sub_plate": "17",
    "renovation_code": "3-12-45-6",
    "postal_code": "7134567890",
    "address": "خیابان آزادی، کوچهٔ سوم",
    "land_area": 250.5,
    "floors": 4,
}
OWNER = {
    "owner_kind": "person",
    "first_name": "علی",
    "last_name": "کریمی",
    "father_name": "رضا",
    "national_code": "0013542419",
    "mobile": "09123456789",
}
SURFACE = {"building_name": "برج آفتاب", "riser_status": "installed", "work_type": "surface", "is_block": False}
CONCEALED = SURFACE | {"work_type": "concealed"}
METER = {"units": 2, "usage": "residential", "floor_area": 100, "consumption": 6}
MANDATORY = ("ownership_deed", "building_permit", "gas_plan", "contract")


def add_inspector(
    play: Play,
    username: str,
    *,
    regions: tuple[int, ...] = (3,),
    quota: int = 100,
    assigned: int = 0,
    ready: bool = True,
    active: bool = True,
    firm: str = "",
    last_assigned_at: Any = None,
) -> int:
    """An inspector with a worksheet and a quota of this year. Returns the person's id."""
    person = play.people.add(username, "inspector", mobile="09120000001")
    with play.session() as session:
        session.add(Inspector(person_id=person.id, active=active, ready=ready, firm=firm))
        session.flush()
        session.add_all([InspectorRegion(inspector_id=person.id, region=region) for region in regions])
        session.add(
            InspectorQuota(
                inspector_id=person.id, period=PERIOD, quota=quota, assigned=assigned, last_assigned_at=last_assigned_at
            )
        )
    return person.id


def add_document(play: Play, title: str) -> dict[str, Any]:
    """A stored file of the case, as a row of the form."""
    with play.session() as session:
        document = Document(
            case_id=play.case_id,
            sha256=hashlib.sha256(title.encode()).hexdigest(),
            name=f"{title}.pdf",
            media_type="application/pdf",
            size=1000,
            uploaded_at=play.clock.now,
        )
        session.add(document)
        session.flush()
        return {"title": title, "document": document.id}


def start(play: Play, *, by: str = "contractor") -> Play:
    play.people.add(by, "contractor", mobile="09130000001")
    return play.start("project_registration", by=by)


def up_to_owner(play: Play, *, by: str = "contractor", **changes: Any) -> Play:
    """A new property is registered; the owner is next."""
    start(play, by=by)
    play.does(by, "choose_property", source="new")
    return play.does(by, "register_property", **PROPERTY | changes)


def up_to_meters(play: Play, *, by: str = "contractor", building: dict[str, Any] = SURFACE, **changes: Any) -> Play:
    up_to_owner(play, by=by, **changes)
    play.does(by, "register_owner", **OWNER)
    return play.does(by, "register_building", **building)


def up_to_documents(
    play: Play, *meters: dict[str, Any], by: str = "contractor", building: dict[str, Any] = SURFACE, **changes: Any
) -> Play:
    up_to_meters(play, by=by, building=building, **changes)
    return play.does(by, "register_meters", meters=list(meters) or [METER], all_registered=True)


def up_to_invoice(
    play: Play, *meters: dict[str, Any], by: str = "contractor", building: dict[str, Any] = SURFACE, **changes: Any
) -> Play:
    up_to_documents(play, *meters, by=by, building=building, **changes)
    titles = MANDATORY if building["work_type"] == "surface" else (*MANDATORY, "concealed_details")
    return play.does(by, "upload_documents", documents=[add_document(play, title) for title in titles])


def paid(
    play: Play, *meters: dict[str, Any], by: str = "contractor", building: dict[str, Any] = SURFACE, **changes: Any
) -> Play:
    """A whole registration, paid for."""
    up_to_invoice(play, *meters, by=by, building=building, **changes)
    play.does(by, "review_invoice")
    return play.pays()


def go_to(play: Play, step: str, *, by: str = "contractor") -> Play:
    return play.does(by, "change_step", step=step)


def invoices(play: Play) -> list[Invoice]:
    """The case's invoices with their lines, oldest first."""
    with play.session() as session:
        invoices = list(session.scalars(select(Invoice).where(Invoice.case_id == play.case_id).order_by(Invoice.id)))
        for invoice in invoices:
            assert invoice.total == sum(line.amount for line in invoice.lines)
        return invoices


def open_invoice(play: Play) -> Invoice:
    return next(invoice for invoice in invoices(play) if invoice.status is InvoiceStatus.OPEN)


def project(play: Play) -> GasProject:
    """The case's project with what stands around it."""
    with play.session() as session:
        project = session.scalars(select(GasProject).where(GasProject.case_id == play.case_id)).one()
        assert project.property_id is None or project.property is not None
        assert project.owner_id is None or project.owner is not None
        assert project.inspector_id is None or project.inspector is not None
        project.meters  # noqa: B018 - loaded while the session is open
        return project


def assignments(play: Play) -> list[Assignment]:
    with play.session() as session:
        return list(session.scalars(select(Assignment).order_by(Assignment.id)))


def briefing(play: Play, who: str, task: str, **typed: Any) -> Any:
    """The briefing of ``who`` at the open task."""
    with play.session() as session:
        view = play.engine.open_task(session, play.task(task).id, by=play.actor(who))
        return play.engine.brief(session, view, by=play.actor(who), typed=typed).briefing if typed else view.briefing


def case_page(play: Play, who: str) -> list[Any]:
    """The blocks of the case's page, as ``who`` sees them."""
    with play.session() as session:
        case = session.get_one(type(play.case), play.case_id)
        context = play.engine.briefing_context(session, case, play.actor(who))
        return play.engine.briefings.for_case(case.process_key, context)


def texts(blocks: list[Any]) -> str:
    """Everything written in some blocks, for looking whether a word is there."""
    return " ".join(_words(block) for block in blocks).replace("\u2066", "").replace("\u2069", "")


def _words(part: Any) -> str:
    if isinstance(part, list | tuple):
        return " ".join(_words(one) for one in part)
    return _words(list(vars(part).values())) if hasattr(part, "__dict__") else str(part)
