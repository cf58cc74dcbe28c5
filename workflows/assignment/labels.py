"""Texts and tables that explain an assignment to readers who may see its reasons (ASG-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, Facts, Table
from models.account import Person
from models.gas import Assignment, GasProject
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy
from workflows.formatting import label, number, yes_no
from workflows.rules.assignment import REASONS

ENDINGS = {"": "—", "withdrawn": lazy("انصراف بازرس"), "dismissed": lazy("عزل بازرس")}


def why_table(session: Session, project: GasProject) -> list[Block]:
    """Blocks for each assignment of the project, newest first: inspector, time, reason, candidates at that time."""
    assignments = session.scalars(
        select(Assignment).where(Assignment.project_id == project.id).order_by(Assignment.id.desc())
    )
    return [block for assignment in assignments for block in _explained(session, assignment)]


def _explained(session: Session, assignment: Assignment) -> list[Block]:
    if assignment.by_hand_by_id is None:
        why = label(REASONS, assignment.note)
        by = _("سامانه")
    else:
        person = session.get(Person, assignment.by_hand_by_id)
        why = assignment.note or "—"
        by = person.name if person else "—"
    facts = Facts(
        _("دلیل ارجاع پروژه به بازرس"),
        [
            (_("بازرس"), assignment.inspector.name),
            (_("زمان"), format_moment(assignment.at)),
            (_("تعیین‌کننده"), by),
            (_("دلیل"), why),
            (_("وزن (تعداد کنتورها)"), number(assignment.weight)),
            (_("پایان"), _ending(assignment)),
        ],
    )
    if not assignment.loads:
        return [facts]
    return [facts, loads_table(assignment.loads)]


def _ending(assignment: Assignment) -> str:
    how = label(ENDINGS, assignment.ended)
    return f"{how}: {assignment.ended_why}" if assignment.ended_why else how


def loads_table(loads: list[Mapping[str, Any]]) -> Table:
    """Table of the candidates at one moment; ``loads`` is ``Assignment.loads``."""
    columns = [_("بازرس"), _("سهمیه (کنتور)"), _("ارجاع‌شده"), _("آخرین ارجاع"), _("ظرفیت کافی")]
    rows = [
        [
            load["name"],
            number(load["quota"]),
            number(load["assigned"]),
            _moment(load["last_assigned_at"]),
            yes_no(load["has_room"]),
        ]
        for load in loads
    ]
    return Table(_("نامزدها در آن هنگام"), columns, rows)


def _moment(text: str | None) -> str:
    return format_moment(datetime.fromisoformat(text)) if text else _("هرگز")
