"""The admin's page of processes: which ones this installation offers, and who decided so."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.deployment import offers
from engine.deployment.offers import Overview
from engine.errors import InvalidSubmission
from engine.identity import permissions
from models.language import gettext as _
from models.language import ngettext, stored
from webapp.shell import current
from webapp.shell.confirmation import dangerous
from webapp.shell.filters import digits

bp = Blueprint("processes", __name__)

PAGE = "/office/processes"


@bp.get(PAGE)
def index() -> str:
    """Every deployed process with its newest version, its running cases and the switch."""
    engine = current.engine()
    with current.transaction() as session:
        found = engine.offers.overview(session, engine.definitions, by=current.actor())
        names = {one.key: stored(one.name) for one in found}
        return render_template(
            "office/processes.html",
            processes=sorted(found, key=lambda one: (not one.startable, names[one.key])),
            names=names,
            changes=offers.changes(session, by=current.actor()),
            question=question,
        )


@bp.post(f"{PAGE}/<process>")
@dangerous
def switch(process: str) -> Response:
    """Offer the process (``offered`` is ``yes``) or stop offering it (``no``), from now on.

    Raises ``InvalidSubmission`` for anything else, ``NotAllowed``, ``NotFound``.
    """
    permissions.demand(current.actor(), "offer_processes")
    answer = request.form.get("offered")
    if answer not in ("yes", "no"):
        raise InvalidSubmission({"offered": [_("فعال کردن یا غیرفعال کردن را انتخاب کنید.")]})
    offered = answer == "yes"
    with current.transaction() as session:
        change = current.engine().offers.switch(session, process, offered, by=current.actor(), now=current.now())
    if change is None:
        flash(_("فرایند از پیش فعال بود.") if offered else _("فرایند از پیش غیرفعال بود."), "info")
    elif offered:
        flash(_("فرایند فعال شد؛ از حالا پروندهٔ جدید شروع می‌شود."), "success")
    else:
        flash(_("فرایند غیرفعال شد؛ پروندهٔ جدیدی شروع نمی‌شود و پرونده‌های در جریان ادامه دارند."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)


def question(process: Overview) -> str:
    """What switching does, asked before it is done."""
    if not process.offered:
        return _(
            "«%(name)s» فعال شود؟ کسانی که نقش شروع‌کننده دارند می‌توانند آن را شروع کنند.", name=stored(process.name)
        )
    if not process.running:
        return _("«%(name)s» غیرفعال شود؟ پروندهٔ جدیدی شروع نمی‌شود.", name=stored(process.name))
    return ngettext(
        "«%(name)s» غیرفعال شود؟ پروندهٔ جدیدی شروع نمی‌شود. %(count)s پروندهٔ در جریان تا پایان ادامه دارد.",
        "«%(name)s» غیرفعال شود؟ پروندهٔ جدیدی شروع نمی‌شود. %(count)s پروندهٔ در جریان تا پایان ادامه دارند.",
        process.running,
        name=stored(process.name),
        count=digits(process.running),
    )
