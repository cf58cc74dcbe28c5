"""The shell around every page: the sections a person sees, the counts beside them, the language switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, g, redirect, request
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.actor import Actor
from engine.identity import organisation
from engine.identity.organisation import Organisation
from engine.identity.permissions import allowed
from engine.queries import actions, messages, worklist
from models import language
from models.account import Person
from models.language import gettext as _
from webapp.lists.reading import active_only, listing_context
from webapp.office import clock
from webapp.shell import current

bp = Blueprint("preferences", __name__)

VERSION = Path(__file__).parent / "static" / "dist" / "version.txt"


@bp.post("/language/<code>")
@current.public
def choose_language(code: str) -> Response:
    """Read in another language from now on: this browser, and the person everywhere."""
    chosen = code if code in language.LANGUAGES else language.SOURCE
    cookie["language"] = chosen
    person = current.person()
    if person is not None:
        with current.transaction() as session:
            session.get_one(Person, person.actor.person_id).language = chosen
    return redirect(current.safe_next(request.form.get("next")), 303)


def add_shell(app: Flask) -> None:
    """Give every template what ``base.html`` asks for."""
    app.jinja_env.globals["assets_version"] = _assets_version()
    app.context_processor(_shell)


def _assets_version() -> str:
    return VERSION.read_text().strip() if VERSION.is_file() else "0"


def _shell() -> dict[str, Any]:
    person = current.person()
    shell: dict[str, Any] = {
        "current_language": language.current(),
        "demo": current.settings().demo,
        "now": current.now(),
        "clock": clock.read(),
        "person": person,
        "navigation": [],
        "unread_messages": 0,
        "failed_page": False,
    }
    if person is None or person.must_change_password or person.must_enrol or g.get("database_away"):
        return shell
    actor = person.actor
    with current.transaction() as session:
        unread = messages.unread_count(session, actor)
        counts = worklist.worklist_counts(session, actor, now=current.now())
        own = _own(session, actor)
        acts = actions.any_open(session, actor)
        organised = g.organisation = organisation.of(session)
    shell["unread_messages"] = unread
    shell["navigation"] = [
        *_sections(actor, waiting=counts.mine + counts.group, unread=unread, acts=acts, organised=organised),
        *own,
    ]
    return shell


def _sections(actor: Actor, *, waiting: int, unread: int, acts: bool, organised: Organisation) -> list[dict[str, Any]]:
    sections = [
        _section(_("کارتابل"), "/worklist", "inbox", waiting),
        _section(_("پرونده‌ها"), "/cases", "folders"),
        _section(_("پیام‌ها"), "/messages", "mail", unread),
    ]
    if acts:
        sections.insert(1, _section(_("اقدام‌ها"), "/actions", "adjustments"))
    if allowed(actor, "see_all_cases"):
        sections.append(_section(_("پایش"), "/monitor", "gauge"))
    if allowed(actor, "see_incidents"):
        sections.append(_section(_("خطاهای اجرا"), "/incidents", "alert-triangle"))
    sections += _of_admins(actor, organised)
    if current.settings().demo or allowed(actor, "see_outbox"):
        sections.append(_section(_("پیامک‌ها"), "/outbox", "device-mobile-message"))
    return sections


def _of_admins(actor: Actor, organised: Organisation) -> list[dict[str, Any]]:
    """The pages of the installation itself."""
    sections = []
    if allowed(actor, "manage_people") or organised.grantable(actor):
        sections.append(_section(_("کاربران"), "/people", "users"))
    if allowed(actor, "manage_organisation"):
        sections.append(_section(_("نقش‌ها و واحدها"), "/organisation", "sitemap"))
    if allowed(actor, "change_calendar"):
        sections.append(_section(_("تقویم کاری"), "/calendar", "calendar"))
    if allowed(actor, "change_office_rules"):
        sections.append(_section(_("قواعد سازمان"), "/office/rules", "settings"))
    if allowed(actor, "offer_processes"):
        sections.append(_section(_("فرایندها"), "/office/processes", "schema"))
    if current.application().openid is not None and allowed(actor, "manage_sign_in"):
        sections.append(_section(_("ورود سازمانی"), "/office/openid", "login"))
    if allowed(actor, "see_audit"):
        sections.append(_section(_("تاریخچهٔ سامانه"), "/audit", "history"))
    return sections


def _own(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """The lists, weeks and own sheets of the actor's roles; those of one heading stand together."""
    listings, sheets = current.application().listings, current.application().sheets
    context = listing_context(session, actor)
    sections = [
        _section(one.label, f"/lists/{one.key}", "clipboard-list", one.badge(context) if one.badge else 0, one.group)
        for one in active_only(session, listings.for_roles(actor.roles))
    ]
    weeks = active_only(session, listings.weeks_for_roles(actor.roles))
    own = active_only(session, sheets.for_roles(actor.roles))
    sections += [_section(one.label, f"/weeks/{one.key}", "calendar-event", group=one.group) for one in weeks]
    sections += [_section(one.label, f"/sheets/{one.key}", "adjustments", group=one.group) for one in own]
    headings = list(dict.fromkeys(entry["group"] for entry in sections))
    return sorted(sections, key=lambda entry: headings.index(entry["group"]))


def _section(label: str, path: str, icon: str, badge: int = 0, group: str = "") -> dict[str, Any]:
    active = request.path == path or request.path.startswith(f"{path}/")
    url = request.script_root + path
    return {"label": label, "url": url, "icon": icon, "active": active, "badge": badge, "group": str(group)}
