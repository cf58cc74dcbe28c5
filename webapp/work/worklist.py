"""The worklist (کارتابل): what waits for the person and for the person's groups."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.actor import Actor
from engine.identity.permissions import allowed
from engine.queries import worklist
from engine.versions import newest_processes
from models.language import gettext as _
from models.language import stored
from webapp.lists.reading import home_parts
from webapp.shell import current, labels, query_string
from webapp.work import starting

bp = Blueprint("worklist", __name__)

WHOSE = ("all", "mine", "group")


@dataclass(frozen=True)
class Process:
    """A deployed process as lists name it."""

    key: str
    name: str
    may_start: bool
    asks: bool  # for something before it starts: it has a page for that

    @property
    def choice(self) -> tuple[str, str]:
        """What a list is narrowed down to it by, and how that is called."""
        return self.key, self.name


@bp.get("/")
def home() -> Response:
    return redirect(f"{request.script_root}/worklist", 303)


@bp.get("/worklist")
def show() -> str:
    arguments = query_string.read("whose", "process", "q", "sort", "cursor")
    whose = arguments.get("whose", "all")
    engine = current.engine()
    with current.transaction() as session:
        actor = current.actor()
        page = worklist.tasks_page(
            session,
            actor,
            mine=whose != "group",
            group=whose != "mine",
            process=arguments.get("process", ""),
            q=arguments.get("q", ""),
            sort=arguments.get("sort", ""),
            cursor=arguments.get("cursor"),
        )
        counts = worklist.worklist_counts(session, actor, now=current.now())
        return render_template(
            "work/worklist.html",
            page=page,
            counts=counts,
            whose=whose,
            arguments=arguments,
            processes=processes(session, actor),
            orders=_orders(),
            sort=arguments.get("sort") or worklist.DEFAULT_SORT,
            urgent_up_to=labels.URGENT_UP_TO,
            home=[] if arguments else home_parts(session, actor),
            nothing_offered=allowed(actor, "offer_processes") and not engine.offers.any_offered(session),
        )


def _orders() -> list[tuple[str, str]]:
    return [(key, _("به ترتیب %(what)s", what=sort.label)) for key, sort in worklist.SORTS.items()]


def processes(session: Session, actor: Actor) -> list[Process]:
    """Every process that is offered or has cases by its newest name, with whether the person may start it."""
    newest = newest_processes(session)
    in_use = current.engine().offers.in_use(session, [row.key for row in newest])
    deployed = [_process(session, actor, row.key, stored(row.name)) for row in newest if row.key in in_use]
    return sorted(deployed, key=lambda process: process.name)


def _process(session: Session, actor: Actor, key: str, name: str) -> Process:
    engine = current.engine()
    if not engine.may_start(session, key, actor):
        return Process(key, name, may_start=False, asks=False)
    fields = starting.form_class(engine.start_view(session, key, by=actor)).unbound()
    return Process(key, name, may_start=True, asks=bool(list(fields)))
