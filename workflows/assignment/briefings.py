"""Briefing of the task in which the gas office chooses an inspector by hand (ASG-3)."""

from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, Briefing, BriefingContext, Notice, Table
from models.choice import Choice
from models.language import gettext as _
from models.language import listed
from workflows.assignment.operations import Standing, choice_now, standings
from workflows.formatting import label, number, yes_no
from workflows.gas import districts
from workflows.gas.projects import meters_table, project_of, property_facts
from workflows.registry import briefings
from workflows.rules.assignment import REASONS


@briefings.register("gas_inspection", "assign_by_hand")
@briefings.register("project_registration", "assign_by_hand")
def assign_by_hand(context: BriefingContext) -> Briefing:
    """Reason for the task, the project in short, and every active inspector with the obstacles to an assignment."""
    project = project_of(context.session, context.case)
    now = choice_now(context.session, project, context.now)
    blocks: list[Block] = []
    if now.person_id is None:
        blocks.append(Notice("warning", label(REASONS, now.reason)))
    else:
        blocks.append(Notice("info", _("از آن هنگام تاکنون بازرس واجد شرایطی آزاد شده است.")))
    if project.property is not None:
        blocks.append(property_facts(context.session, project.property))
    blocks.append(meters_table(project.meters))
    inspectors = standings(context.session, project, context.now)
    blocks.append(_inspectors_table(context.session, inspectors))
    choices = [
        Choice(standing.person_id, standing.name, standing.hindrance)
        for standing in inspectors
        if not standing.forbidden
    ]
    return Briefing(choices={"inspector": choices}, blocks=blocks)


def _inspectors_table(session: Session, inspectors: list[Standing]) -> Table:
    columns = [_("بازرس"), _("مناطق"), _("آماده به کار"), _("ارجاع‌شده از سهمیه"), _("ترجیحات"), _("چرا خودکار نه")]
    rows = [
        [
            standing.name,
            listed(districts.name(session, region) for region in standing.regions) or "—",
            yes_no(standing.ready),
            _("%(assigned)s از %(quota)s", assigned=number(standing.assigned), quota=number(standing.quota)),
            standing.preferences or "—",
            " ".join(part for part in (standing.forbidden, standing.hindrance) if part) or "—",
        ]
        for standing in inspectors
    ]
    return Table(_("بازرس‌های فعال"), columns, rows)
