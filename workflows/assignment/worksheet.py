"""The inspection worksheet (کاربرگ بازرسی): an inspector's readiness, regions and preferences (INR-5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from engine.contributions.briefings import Block, Briefing, Facts, Notice
from engine.contributions.listings import ListingContext
from engine.errors import Refusal
from models.gas import GasProject, Inspector, InspectorQuota, InspectorRegion
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.assignment.operations import period_of, withdrawals_of_month
from workflows.formatting import label, localized, number, rials
from workflows.gas import districts
from workflows.gas.inspections import FINAL_INSPECTION, PRE_INSPECTION
from workflows.gas.labels import STAGES
from workflows.gas.list_columns import GROUP, PROCESSES
from workflows.registry import sheets
from workflows.rules.assignment import FREE_WITHDRAWALS, quota_left


def read(context: ListingContext) -> Briefing:
    """Values of the inspector's worksheet, beside the quota of the period (meters) and the work in hand."""
    inspector = context.session.get(Inspector, context.actor.person_id)
    blocks: list[Block] = []
    if inspector is None or not inspector.active:
        text = _("امور گاز هنوز شما را بازرس فعال ثبت نکرده است. تا آن زمان پروژه‌ای به شما ارجاع نمی‌شود.")
        blocks.append(Notice("warning", text))
    values: dict[str, Any] = {"ready": False, "regions": [], "preferences": ""}
    regions: list[int] = []
    if inspector is not None:
        regions = sorted(row.region for row in inspector.regions)
        values = {"ready": inspector.ready, "regions": regions, "preferences": inspector.preferences}
    offered = {"regions": districts.choices(context.session, saved=regions)}
    return Briefing(values=values, choices=offered, blocks=[*blocks, _quota(context), _work(context)])


@sheets.register(
    key="worksheet",
    label=lazy("کاربرگ بازرسی"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    form="worksheet.worksheet",
    read=read,
    group=GROUP,
)
def write(context: ListingContext, submission: Mapping[str, Any]) -> str:
    """Save the worksheet, which the next assignment reads. Returns the text of success.

    Raises Refusal: the person has no inspector's record.
    """
    session = context.session
    inspector = session.scalars(
        select(Inspector)
        .where(Inspector.person_id == context.actor.person_id)
        .with_for_update()  # the regions of two pages sent at once must not mix
        .execution_options(populate_existing=True)
    ).one_or_none()
    if inspector is None:
        raise Refusal({"": [_("امور گاز هنوز برای شما کاربرگی باز نکرده است.")]})
    inspector.ready, inspector.preferences = bool(submission["ready"]), submission["preferences"] or ""
    regions = {int(region) for region in submission["regions"]}
    remaining = [row for row in inspector.regions if row.region in regions]
    known = {row.region for row in remaining}
    inspector.regions = [*remaining, *(InspectorRegion(region=region) for region in sorted(regions - known))]
    session.flush()
    if inspector.ready:
        return _("کاربرگ ذخیره شد. پروژه‌های جدید این مناطق به نوبت به شما ارجاع می‌شود.")
    return _("کاربرگ ذخیره شد. تا اعلام آمادگی پروژهٔ جدیدی به شما ارجاع نمی‌شود.")


def _quota(context: ListingContext) -> Facts:
    """The quota of the period in meters: total, lost to withdrawals (ASG-5), used."""
    period = period_of(context.now)
    quota = context.session.get(InspectorQuota, (context.actor.person_id, period))
    given, lost = (quota.quota, quota.lost_twelfths) if quota else (0, 0)
    left, assigned = quota_left(given, lost), quota.assigned if quota else 0
    last = quota.last_assigned_at if quota else None
    items = [
        (_("دوره"), localized(period)),
        (_("سهمیه (کنتور)"), number(given)),
        *([(_("کم‌شده برای انصراف‌ها (کنتور)"), number(given - left))] if lost else []),
        (_("ارجاع‌شده (کنتور)"), number(assigned)),
        (_("ظرفیت خالی (کنتور)"), number(max(0, left - assigned))),
        (_("آخرین ارجاع"), format_moment(last) if last else _("هرگز")),
        (_("انصراف‌های این ماه"), _withdrawals(context)),
    ]
    return Facts(_("سهمیهٔ دوره"), items)


def _withdrawals(context: ListingContext) -> str:
    count = withdrawals_of_month(context.session, context.actor.person_id or 0, context.now)
    return _("%(count)s (بیش از %(free)s از سهمیه کم می‌کند)", count=number(count), free=number(FREE_WITHDRAWALS))


def _work(context: ListingContext) -> Facts:
    """Number of projects in hand in each stage, and their debt in Rials."""
    counts = context.session.execute(
        select(GasProject.stage, func.count(), func.coalesce(func.sum(GasProject.debt), 0))
        .where(
            GasProject.inspector_id == context.actor.person_id,
            GasProject.stage.in_([PRE_INSPECTION, FINAL_INSPECTION]),
        )
        .group_by(GasProject.stage)
    )
    counted = {stage: (projects, int(debt)) for stage, projects, debt in counts}
    items = [
        (label(STAGES, stage), number(counted.get(stage, (0, 0))[0])) for stage in (PRE_INSPECTION, FINAL_INSPECTION)
    ]
    debt = sum(owed for _projects, owed in counted.values())
    return Facts(_("کار در دست"), [*items, (_("بدهی این پروژه‌ها"), rials(debt))])
