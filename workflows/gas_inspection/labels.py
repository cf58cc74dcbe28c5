"""Labels of inspections: outcomes, their explanations, stages."""

from models.inspection import InspectionReport
from models.language import gettext as _
from models.language import lazy
from workflows.formatting import label, number
from workflows.gas.labels import STAGES

OUTCOMES = {
    "approved": lazy("تایید"),
    "sub_work": lazy("ثبت زیرکار"),
    "defects": lazy("عدم تایید با اشکال"),
    "absent_with_fee": lazy("عدم حضور با هزینه"),
    "absent_without_fee": lazy("عدم حضور بدون هزینه"),
    "correction": lazy("اصلاح گزارش قبلی"),
}
ENDED_STAGES = {"approved": lazy("تایید نهایی شد"), "expired": lazy("منقضی شد")}


def stage_name(stage: str) -> str:
    """Label of a project's stage, or of the end after both stages."""
    return label(ENDED_STAGES, stage) if stage in ENDED_STAGES else label(STAGES, stage)


def outcome_name(report: InspectionReport) -> str:
    """Label of a report's outcome; a sub-work with its number."""
    if report.sub_work_number is None:
        return label(OUTCOMES, report.outcome)
    return _("زیرکار شمارهٔ %(number)s", number=number(report.sub_work_number))
