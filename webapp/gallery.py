"""The gallery: every part that pages are drawn with, in each of its states, for whoever designs or reviews them.

In demo mode only. A new kind of block or field needs an entry here: ``tests/web/test_gallery.py`` fails without.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, render_template

import forms.accounts
import forms.list_filters
import forms.second_factor
from engine.contributions.briefings import (
    Block,
    Conversation,
    Entry,
    Facts,
    File,
    Link,
    Notice,
    Step,
    Steps,
    Table,
)
from engine.errors import NotFound
from forms import fields
from forms.base import TaskForm
from forms.rows import RowForm
from models.choice import Choice
from models.language import gettext as _
from models.language import lazy
from webapp.shell import current, labels

bp = Blueprint("gallery", __name__)

STATES = ("plain", "help", "wrong", "disabled")
OPTIONS = [
    Choice("first", lazy("گزینهٔ اول"), lazy("با توضیحی کوتاه")),
    Choice("second", lazy("گزینهٔ دوم")),
    Choice("third", lazy("گزینهٔ سوم")),
]
# Every kind of field, with a value that it shows.
FIELDS: dict[type[Any], tuple[dict[str, Any], Any]] = {
    fields.TextField: ({}, lazy("متن نمونه")),
    fields.LongTextField: ({}, lazy("متن نمونه")),
    fields.DigitsField: ({}, "0042"),
    fields.CodeField: ({}, "1-2-3-4"),
    fields.NationalCodeField: ({}, "0499370899"),
    fields.CompanyIdField: ({}, "10380284790"),
    fields.PostalCodeField: ({}, "9185765431"),
    fields.MobileField: ({}, "09123456789"),
    fields.IntegerField: ({}, 1200),
    fields.DecimalField: ({"unit": lazy("مترمربع")}, 120.5),
    fields.RialsField: ({}, 12_500_000),
    fields.JalaliDateField: ({}, "2026-11-21"),
    fields.TimeOfDayField: ({}, "09:30"),
    fields.CheckField: ({}, True),
    fields.ChoiceField: ({"options": OPTIONS}, "first"),
    fields.SelectField: ({"options": OPTIONS}, "second"),
    fields.ManyOfField: ({"options": OPTIONS}, ["first", "third"]),
    fields.DocumentField: ({}, None),
    fields.DocumentsField: ({"accept": ["jpg", "png"]}, None),
    forms.accounts.UsernameField: ({}, "contractor"),
    forms.accounts.PasswordField: ({}, None),
    forms.accounts.CodeField: ({}, "123456"),
    forms.second_factor.RecoveryCodeField: ({}, "k7mq-3xtr"),
    forms.list_filters.AnyOrOneField: ({"options": OPTIONS}, "third"),
}


@bp.get("/gallery")
@current.public
def show() -> str:
    """All parts on one page. Raises ``NotFound`` outside of demo mode."""
    if not current.settings().demo:
        raise NotFound("page", "gallery")
    now = current.now()
    return render_template(
        "gallery.html",
        form=example_form(),
        blocks_shown=example_blocks(),
        moments=[now - timedelta(hours=30), now + timedelta(hours=3), now + timedelta(days=9), None],
        values=[
            (_("متن"), "text", _("متن نمونه")),
            (_("عدد"), "number", 1200),
            (_("مبلغ"), "rials", 12_500_000),
            (_("روز"), "date", date(2026, 11, 21)),
            (_("زمان"), "moment", now),
            (_("لینک"), "link", ("1405-000012-3", "/gallery")),
            (_("بدون مقدار"), "text", None),
        ],
        statuses=labels.STATUSES,
        choices=[(one.value, one.label) for one in OPTIONS],
    )


def example_form() -> TaskForm:
    """A form with every kind of field in every state; the fields of ``STATES[2]`` have an error."""
    members: dict[str, Any] = {}
    preset: dict[str, Any] = {}
    for kind, (settings, value) in FIELDS.items():
        name = f"{kind.__module__.rpartition('.')[2]}_{kind.__name__}".lower()
        for state in STATES:
            members[f"{state}_{name}"] = kind(kind.__name__, **settings, **_of_state(state))
            preset[f"{state}_{name}"] = str(value) if value.__class__.__name__ == "LazyText" else value
    for state in STATES:
        members[f"{state}_rows"] = fields.RowsField(
            _row_form(state), "RowsField", description=_help(state), fixed=state == "disabled"
        )
        preset[f"{state}_rows"] = [{"text": _("متن نمونه"), "count": 3}]
    cls: type[TaskForm] = type("GalleryForm", (TaskForm,), members)
    form = cls.unbound(preset=preset)
    for field in form:
        if field.short_name.startswith("wrong_"):
            field.errors = [_("%(field)s را وارد کنید.", field=field.label.text)]
    return form


def example_blocks() -> list[Block]:
    """Every kind of block: filled, empty, long."""
    columns = [_("ردیف"), _("شرح"), _("مبلغ (ریال)")]
    rows = [[str(number), _("متن نمونه"), f"{number * 690_000:,}"] for number in range(1, 13)]
    at = current.now() - timedelta(hours=5)
    return [
        Steps([Step("a", _("ملک"), "done"), Step("b", _("مالک"), "current"), Step("c", _("کنتورها"), "ahead")]),
        *(Notice(tone, _("متن نمونه")) for tone in ("info", "success", "warning", "danger")),
        Facts(
            _("مشخصات"), [(_("شماره"), "1405-000012-3"), (_("موضوع"), ""), (_("شرح"), " ".join([_("متن نمونه")] * 12))]
        ),
        Table(_("جدول با ردیف"), columns, rows[:3], footer=["", _("جمع"), "4,140,000"], numeric=(2,)),
        Table(_("جدول بدون ردیف"), columns, []),
        Table(_("جدول طولانی"), columns, rows, numeric=(2,)),
        Link(_("دیدن پرونده"), "/gallery", primary=True),
        Link(_("دیدن پرونده"), "/gallery"),
        Link(_("رفتن به درگاه"), "https://example.org/", external=True),
        Conversation(
            _("مکاتبات"),
            [
                Entry(side="asks", heading=_("درخواست"), name=_("شهروند"), unit="", at=at, text=_("متن نمونه")),
                Entry(
                    side="answers",
                    heading=_("پاسخ"),
                    name=_("کارشناس"),
                    unit=_("واحد نمونه"),
                    at=current.now(),
                    text=" ".join([_("متن نمونه")] * 20),
                    own=True,
                    files=[File(0, "plan.pdf", 120_000)],
                ),
            ],
        ),
    ]


def _help(state: str) -> Any:
    return lazy("توضیح زیر عنوان") if state == "help" else ""


def _of_state(state: str) -> dict[str, Any]:
    return {"description": _help(state), "render_kw": {"disabled": True} if state == "disabled" else {}}


def _row_form(state: str) -> type[RowForm]:
    members = {
        "text": fields.TextField(lazy("متن"), **_of_state(state)),
        "count": fields.IntegerField(lazy("تعداد"), **_of_state(state)),
    }
    return type(f"GalleryRow_{state}", (RowForm,), members)
