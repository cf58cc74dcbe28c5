"""The pages: they show cases and tasks, read forms and call the engine. No rule of the domain lives here."""

from __future__ import annotations

import jinja2
from flask import Flask

from models import language
from webapp import errors, gallery, navigation
from webapp.accounts import routes as accounts
from webapp.api import routes as api
from webapp.lists import listings, sheets, weeks
from webapp.monitor import pages
from webapp.office import (
    audit,
    calendar,
    leaving,
    office_rules,
    openid,
    organisation,
    outbox,
    people,
    person_openid,
    processes,
)
from webapp.public import payments, verification
from webapp.shell import access_log, filters, health, labels, query_string, script_texts, security
from webapp.shell.current import Application
from webapp.shell.request import read_within_limits
from webapp.work import actions, cases, documents, notices, starting, tasks, worklist

BLUEPRINTS = (
    worklist.bp,
    tasks.bp,
    actions.bp,
    cases.bp,
    starting.bp,
    documents.bp,
    notices.bp,
    pages.bp,
    payments.bp,
    outbox.bp,
    health.bp,
    script_texts.bp,
    gallery.bp,
    navigation.bp,
    listings.bp,
    weeks.bp,
    sheets.bp,
    accounts.bp,
    people.bp,
    organisation.bp,
    verification.bp,
    api.bp,
    calendar.bp,
    office_rules.bp,
    openid.bp,
    person_openid.bp,
    leaving.bp,
    processes.bp,
    audit.bp,
)


class Missing(jinja2.StrictUndefined):
    """A name that a template does not have: it is false in ``{% if caller %}``; printing or looping over it raises."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


def create_app(application: Application) -> Flask:
    """The web application for an application that is wired already."""
    app = Flask(__name__)
    app.extensions["kartabl"] = application
    access_log.add_access_log(app)
    read_within_limits(app, application.settings.public_url)
    _prepare_templates(app)
    security.protect(app, application.settings)
    navigation.add_shell(app)
    filters.add_filters(app)
    script_texts.add_script_texts(app)
    errors.add_error_pages(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _prepare_templates(app: Flask) -> None:
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    environment.globals["ngettext"] = language.ngettext  # the extension's own fills in nothing but the number
    environment.autoescape = True
    environment.undefined = Missing
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals.update(
        role_label=labels.role_label, status_label=labels.status_label, link_with=query_string.link_with
    )
