"""What the gas office sees when it chooses an inspector by hand (ASG-3)."""

from engine.contributions.briefings import Block, Briefing, BriefingContext, Notice, Table
from models.choice import Choice
from models.language import gettext as _
from models.language import listed
from workflows.assignment.operations import Standing, choice_now, standings
from workflows.formatting import label, localized, number, yes_no
from workflows.gas.projects import meters_table, project_of, property_facts
from workflows.registry import briefings
from workflows.rules.assignment import REASONS


@briefings.register("gas_inspection", "assign_by_hand")
@briefings.register("project_registration", "assign_by_hand")
def assign_by_hand(context: BriefingContext) -> Briefing:
    """Why nobody was found, the project in short, and every active inspector with what stands in the way."""
    project = project_of(context.session, context.case)
    now = choice_now(context.session, project, context.now)
    blocks: list[Block] = []
    if now.person_id is None:
        blocks.append(Notice("warning", label(REASONS, now.reason)))
    else:
        blocks.append(Notice("info", _("از آن هنگام تاکنون بازرس واجد شرایطی آزاد شده است.")))
    if project.property is not None:
        blocks.append(property_facts(project.property))
    blocks.append(meters_table(project.meters))
    inspectors = standings(context.session, project, context.now)
    blocks.append(_inspectors_table(inspectors))
    choices = [Choice(one.person_id, one.name, one.hindrance) for one in inspectors if not one.forbidden]
    return Briefing(choices={"inspector": choices}, blocks=blocks)


def _inspectors_table(inspectors: list[Standing]) -> Table:
    columns = [_("بازرس"), _("مناطق"), _("آماده به کار"), _("ارجاع‌شده از سهمیه"), _("ترجیحات"), _("چرا خودکار نه")]
    rows = [
        [
            one.name,
            listed(localized(region) for region in one.regions) or "—",
            yes_no(one.ready),
            _("%(assigned)s از %(quota)s", assigned=number(one.assigned), quota=number(one.quota)),
            one.preferences or "—",
            " ".join(part for part in (one.forbidden, one.hindrance) if part) or "—",
        ]
        for one in inspectors
    ]
    return Table(_("بازرس‌های فعال"), columns, rows)
