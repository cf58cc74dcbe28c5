"""The admin's page of office rules: the numbers in force, a form to change them, and who changed them before."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.contributions import office_rules
from engine.contributions.office_rules import OfficeRules
from engine.errors import ChangedMeanwhile, InvalidSubmission
from engine.identity.permissions import demand
from forms.base import TaskForm
from forms.office_rules import rules_form
from models.language import gettext as _
from models.office_rule import UNIT_LABELS, OfficeRuleChange
from webapp.shell import current
from webapp.shell.confirmation import dangerous

bp = Blueprint("office_rules", __name__)

SEEN = "seen."  # before a rule's key: the hidden field with the number that the page was opened with
Page = tuple[str, int] | str | Response


@bp.route("/office/rules", methods=["GET", "POST"])
@dangerous
def edit() -> Page:
    """The rules in force; a change of them counts from the next step on."""
    demand(current.actor(), "change_office_rules")
    rules = current.application().office_rules
    form_class = rules_form(rules)
    if request.method == "GET":
        with current.transaction() as session:
            in_force = {rule.key: office_rules.value_of(session, rule) for rule in rules}
        return _show(form_class.unbound(preset=in_force), in_force)
    form = form_class.from_request(request.form)
    seen = _seen(rules)
    if not form.validate():
        return _show(form, seen), 422
    values = dict(form.submission)
    reason = values.pop("reason")
    try:
        with current.transaction() as session:
            office_rules.change(session, rules, values, by=current.actor(), reason=reason, now=current.now(), seen=seen)
    except ChangedMeanwhile as error:
        form.add_errors(error.errors)
        with current.transaction() as session:  # now the admin sees the present number, and may save theirs over it
            seen |= {key: office_rules.value_of(session, rules[key]) for key in error.errors}
        return _show(form, seen), 422
    except InvalidSubmission as error:
        form.add_errors(error.errors)
        return _show(form, seen), 422
    flash(_("قواعد تغییر کرد و از گام بعدی هر پرونده اجرا می‌شود."), "success")
    return redirect(f"{request.script_root}/office/rules", 303)


def _seen(rules: OfficeRules) -> dict[str, int]:
    """The numbers in force when the page was opened, as it sends them back; a rule without one is not compared."""
    sent = {rule.key: request.form.get(f"{SEEN}{rule.key}", "") for rule in rules}
    return {key: int(text) for key, text in sent.items() if text.isascii() and text.isdigit() and len(text) < 19}


def _show(form: TaskForm, seen: Mapping[str, int]) -> str:
    with current.transaction() as session:
        changes = office_rules.changes(session, by=current.actor())
    return render_template(
        "office/rules.html",
        form=form,
        seen={f"{SEEN}{key}": value for key, value in seen.items()},
        changes=changes,
        in_words=_in_words,
        failed_page=bool(form.errors),
    )


def _in_words(change: OfficeRuleChange) -> str:
    """A change in one line; one of a rule that is gone is named by its key."""
    rules = current.application().office_rules
    if change.key not in rules:
        return f"{change.key}: {change.before} → {change.after}"
    rule = rules[change.key]
    return _(
        "%(rule)s: از %(before)s به %(after)s %(unit)s",
        rule=rule.label,
        before=change.before,
        after=change.after,
        unit=UNIT_LABELS[rule.unit],
    )
