"""The form of the admin's page of office rules: a number for each rule, and why it changes."""

from collections.abc import Iterable
from typing import Any

from forms.base import TaskForm
from forms.fields import IntegerField, LongTextField
from forms.validators import NumberBetween, Required, number_text
from models.language import gettext as _
from models.language import lazy
from models.office_rule import UNIT_LABELS, OfficeRule


def rules_form(rules: Iterable[OfficeRule]) -> type[TaskForm]:
    """A form with a field for each rule, named by its key, and ``reason``; texts in the reader's language."""
    members: dict[str, Any] = {rule.key: _field(rule) for rule in rules}
    members["reason"] = LongTextField(lazy("دلیل"), [Required(lazy("دلیل تغییر را بنویسید."))], most=500)
    members["submit_label"] = lazy("ثبت تغییر")
    form: type[TaskForm] = type("OfficeRulesForm", (TaskForm,), members)
    return form


def _field(rule: OfficeRule) -> IntegerField:
    limits = _(
        "از %(least)s تا %(most)s؛ مقدار اولیه %(default)s",
        least=number_text(rule.least),
        most=number_text(rule.most),
        default=number_text(rule.default),
    )
    return IntegerField(
        rule.label,
        [Required(), NumberBetween(rule.least, rule.most)],
        unit=UNIT_LABELS[rule.unit],
        description=f"{rule.meaning} {limits}",
    )
