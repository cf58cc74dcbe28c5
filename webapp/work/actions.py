"""The list of open actions: what the person may do with cases besides the tasks that wait."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from engine.queries import actions
from engine.queries.actions import Kind
from models.language import stored
from webapp.shell import current, query_string
from webapp.work.worklist import processes

bp = Blueprint("actions", __name__)


@bp.get("/actions")
def show() -> str:
    arguments = query_string.read("process", "action", "q", "cursor")
    with current.transaction() as session:
        actor = current.actor()
        result = actions.actions_page(
            session,
            actor,
            process=arguments.get("process", ""),
            action=arguments.get("action", ""),
            q=arguments.get("q", ""),
            cursor=arguments.get("cursor"),
        )
        kinds = actions.kinds(session, current.engine().definitions, actor)
        return render_template(
            "work/actions.html",
            page=result,
            arguments=arguments,
            named=_named(kinds),
            processes=_with_actions(session, kinds),
        )


def _named(kinds: list[Kind]) -> dict[str, str]:
    """The actions by their keys, each once: processes may have the same one."""
    return {kind.key: stored(kind.name) for kind in sorted(kinds, key=lambda kind: kind.name)}


def _with_actions(session: Session, kinds: list[Kind]) -> list[tuple[str, str]]:
    keys = {kind.process_key for kind in kinds}
    return [(one.key, one.name) for one in processes(session, current.actor()) if one.key in keys]
