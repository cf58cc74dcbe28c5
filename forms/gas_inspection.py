"""Forms of ``bpmn_diagrams/gas_inspection.bpmn``: the visit and its report (INS)."""

import re
from datetime import time
from typing import Any, ClassVar

from forms.base import TaskForm, user_task
from forms.field import KartablField, shown_number
from forms.fields import ChoiceField, JalaliDateField, LongTextField
from forms.validators import Required
from models.choice import Choice
from models.digits import clean
from models.language import gettext as _
from models.language import lazy

OUTCOMES = [
    Choice("approved", lazy("تایید")),
    Choice("absent_without_fee", lazy("عدم حضور بدون هزینه")),
]


class TimeOfDayField(KartablField):
    """A time of day in Tehran, ``14:05``. Its JSON value is the same text."""

    hint = "time"
    empty = ""
    attributes: ClassVar[dict[str, Any]] = {
        "dir": "ltr",
        "autocomplete": "off",
        "inputmode": "numeric",
        "placeholder": "۰۹:۳۰",
    }
    _shape = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?")

    def parse(self, text: str) -> time:
        found = self._shape.fullmatch(clean(text[:20]).replace(".", ":").replace("٫", ":"))
        if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
            raise ValueError(_("ساعت را به شکل ۰۹:۳۰ بنویسید."))
        return time(int(found[1]), int(found[2] or 0))

    def to_json(self) -> str:
        return f"{self.data:%H:%M}" if self.data else ""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9])?$"}

    def _value(self) -> str:
        return self.typed if self.data is None else shown_number(f"{self.data:%H:%M}")


@user_task("schedule_visit")
class ScheduleVisit(TaskForm):
    """When the inspector comes; the contractor is told at once (INS-2)."""

    submit_label = lazy("ثبت زمان بازدید و خبر به مجری")

    visit_date = JalaliDateField(lazy("تاریخ بازدید"), [Required(lazy("تاریخ بازدید را بنویسید."))])
    visit_time = TimeOfDayField(
        lazy("ساعت بازدید"),
        [Required(lazy("ساعت بازدید را بنویسید."))],
        description=lazy("در ساعت کاری سازمان"),
    )


@user_task("record_report")
class RecordReport(TaskForm):
    """The inspector's report of a visit (INS-4)."""

    report_text = LongTextField(lazy("متن گزارش"), [Required(lazy("متن گزارش را بنویسید."))])
    outcome = ChoiceField(lazy("نتیجه"), [Required(lazy("نتیجه بازدید را برگزینید."))], options=OUTCOMES)
