"""The printout of all reports of an inspection, without a limit of number (INS-14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import joinedload

from engine.contributions.briefings import BriefingContext
from models.gas import GasProject
from models.inspection import InspectionReport
from models.jalali import format_moment
from models.language import current, lazy, listed
from models.language import gettext as _
from workflows.formatting import code, localized, number
from workflows.gas.inspections import PROCESS
from workflows.gas.projects import project_of
from workflows.gas_inspection.labels import outcome_name, stage_name
from workflows.printing import render_pdf
from workflows.registry import printouts

ALL_REPORTS = "inspection_reports"
WIDTHS = [7, 14, 14, 11, 14, 9, 40]  # relative widths of the columns


def no_report_yet(context: BriefingContext) -> str | None:
    """Reason why nothing can be printed, in the reader's language; ``None`` once there is a report."""
    conditions = reports_printed(context, project_of(context.session, context.case))
    if context.session.scalar(select(exists().where(*conditions))):
        return None
    return _("هنوز گزارشی برای این پروژه ثبت نشده است.")


@printouts.register(
    key=ALL_REPORTS, label=lazy("همهٔ گزارش‌های بازرسی"), process=PROCESS, unavailable=no_report_yet, after_leaving=True
)
def all_reports(context: BriefingContext) -> bytes:
    """PDF of every report with its whole text, in the order of recording; of one's own for whoever left (INS-17)."""
    project = project_of(context.session, context.case)
    return render_pdf("list.typ", printed(context, project), fonts=context.services.fonts_path)


def reports_printed(context: BriefingContext, project: GasProject) -> list[ColumnElement[bool]]:
    """Conditions on ``InspectionReport``: those of the project that this reader may read."""
    of_project = InspectionReport.project_id == project.id
    return [of_project, InspectionReport.inspector_id == context.actor.person_id] if context.left else [of_project]


def printed(context: BriefingContext, project: GasProject) -> dict[str, Any]:
    """Every text of the printout, in the reader's language."""
    reports = context.session.scalars(
        select(InspectionReport)
        .where(*reports_printed(context, project))
        .order_by(InspectionReport.number)
        .options(joinedload(InspectionReport.inspector), joinedload(InspectionReport.corrects))
    ).all()
    columns = [
        _("گزارش"),
        _("زمان ثبت"),
        _("بازرس"),
        _("مرحله"),
        _("نتیجه"),
        _("کنتورها"),
        _("متن گزارش"),
    ]
    persian = current() == "fa"
    return {
        "lang": current(),
        "rtl": persian,
        "numbering": "۱" if persian else "1",
        "page": _("صفحهٔ"),
        "title": _("گزارش‌های بازرسی پروژهٔ %(number)s", number=code(project.case.number)),
        "head": [
            (_("مجری گاز"), project.contractor.name),
            (_("تعداد گزارش‌ها"), number(len(reports))),
            (_("تهیه در"), format_moment(context.now)),
        ],
        "columns": columns,
        "widths": WIDTHS,
        "numeric": [False] * len(columns),
        "rows": [_row(report) for report in reports],
        "marks": [""] * len(reports),
        "totals": None,
        "empty": "",
    }


def _row(report: InspectionReport) -> Sequence[str]:
    outcome = outcome_name(report)
    if report.corrects is not None:
        outcome = f"{outcome} ({localized(report.corrects.number)})"
    different = [
        f"{_('مغایرت کنتور %(number)s', number=localized(row['meter']))}: {localized(row['remark'])}"
        for row in report.mismatches
    ]
    return [
        localized(report.number),
        format_moment(report.at),
        report.inspector.name,
        stage_name(report.stage),
        outcome,
        listed(localized(meter) for meter in report.meters) or "—",
        "\n".join([localized(report.text), *different]),
    ]
