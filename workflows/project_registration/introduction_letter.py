"""Printouts of ``project_registration``: the inspector's introduction letter as a PDF (REG-12)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.briefings import BriefingContext, Facts
from models.account import Person
from models.gas import Assignment, GasProject
from models.jalali import format_date, tehran_day
from models.language import current, lazy
from models.language import gettext as _
from workflows.formatting import code, localized
from workflows.gas.projects import building_facts, meters_table, owner_facts, project_of, property_facts
from workflows.printing import render_pdf
from workflows.registry import printouts

MAX_PAGES = 100  # page numbers written in the reader's digits; more meters than a project may have


def no_inspector_yet(context: BriefingContext) -> str | None:
    """Reason why the letter cannot be printed, in the reader's language; ``None`` once an inspector is assigned."""
    if project_of(context.session, context.case).inspector_id is not None:
        return None
    return _("هنوز بازرسی برای این پروژه تعیین نشده است. معرفی‌نامه پس از پرداخت و تعیین بازرس چاپ می‌شود.")


@printouts.register(
    key="introduction_letter",
    label=lazy("معرفی‌نامهٔ بازرس"),
    process="project_registration",
    unavailable=no_inspector_yet,
)
def introduction_letter(context: BriefingContext) -> bytes:
    """The letter in the reader's language, with the date of the assignment."""
    project = project_of(context.session, context.case)
    assignment = context.session.scalars(
        select(Assignment)
        .where(Assignment.project_id == project.id, Assignment.ended == "")
        .order_by(Assignment.id.desc())
    ).first()
    if assignment is None or project.inspector is None:
        raise LookupError(f"{project.case} has no inspector")
    return render_pdf(
        "introduction_letter.typ", letter_data(context.session, project, assignment), fonts=context.services.fonts_path
    )


def letter_data(session: Session, project: GasProject, assignment: Assignment) -> dict[str, Any]:
    """Every text of the letter, ready to print, in the reader's language."""
    inspector = assignment.inspector
    meters = meters_table(project.meters)
    return {
        "lang": current(),
        "rtl": current() == "fa",
        "organisation": _("سازمان نظام مهندسی ساختمان"),
        "unit": _("واحد بازرسی گاز"),
        "title": _("معرفی‌نامهٔ بازرس گاز"),
        "head": [
            [_("شماره"), localized(project.case.number)],
            [_("تاریخ"), format_date(tehran_day(assignment.at))],
            [_("پیوست"), "—"],
        ],
        "addressee": _("مجری گرامی گازرسانی، %(name)s", name=project.contractor.name),
        "greeting": _("با سلام و احترام،"),
        "body": _(
            "بدین‌وسیله %(inspector)s به شمارهٔ عضویت %(membership)s به‌عنوان بازرس گاز پروژهٔ شمارهٔ %(number)s با"
            " مشخصات زیر معرفی می‌شود. خواهشمند است برای زمان بازدید و انجام بازرسی با ایشان هماهنگ شوید.",
            inspector=inspector.name,
            membership=code(inspector.username),
            number=code(project.case.number),
        ),
        "columns": [
            [{"title": part.title, "items": part.items} for part in column]
            for column in (_first_column(session, project, inspector), _second_column(project))
        ],
        "meters": {"title": meters.title, "columns": meters.columns, "rows": meters.rows},
        "signatures": [_("مهر و امضای امور گاز سازمان"), _("امضای بازرس"), _("مهر و امضای مجری")],
        "footer": _("پروژهٔ %(number)s", number=code(project.case.number)),
        "page": _("صفحهٔ"),
        "digits": [localized(page) for page in range(MAX_PAGES)],
    }


def _first_column(session: Session, project: GasProject, inspector: Person) -> list[Facts]:
    """Facts on the inspector and the project."""
    known = Facts(
        _("بازرس"),
        [
            (_("نام"), inspector.name),
            (_("شمارهٔ عضویت"), localized(inspector.username)),
            (_("شمارهٔ همراه"), localized(inspector.mobile or "—")),
        ],
    )
    return [known, property_facts(session, project.property)] if project.property else [known]


def _second_column(project: GasProject) -> list[Facts]:
    """Facts on the contractor and the property."""
    contractor = [
        (_("نام"), project.contractor.name),
        (_("شمارهٔ همراه"), localized(project.contractor.mobile or "—")),
    ]
    owner = [owner_facts(project.owner)] if project.owner else []
    return [Facts(_("مجری گاز"), contractor), *owner, building_facts(project)]
