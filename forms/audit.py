"""The filters of the audit log's page."""

from forms.fields import JalaliDateField, TextField
from forms.list_filters import AnyOrOneField, FiltersForm
from models.language import lazy

_LATIN = {"dir": "ltr", "autocomplete": "off"}


class AuditFilters(FiltersForm):
    """Who did what, on what, from where and when."""

    date_keys = ("since", "until")

    person = TextField(lazy("نام کاربری انجام‌دهنده"), most=60, render_kw=_LATIN)
    event = AnyOrOneField(lazy("کار"))
    subject = TextField(
        lazy("موضوع"),
        most=100,
        render_kw={**_LATIN, "placeholder": lazy("پرونده یا نام کاربری")},
    )
    address = TextField(lazy("نشانی شبکه"), most=100, render_kw=_LATIN)
    since = JalaliDateField(lazy("از تاریخ"))
    until = JalaliDateField(lazy("تا تاریخ"))
