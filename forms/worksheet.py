"""The form of the inspector's worksheet, which is outside any case (INR-5)."""

from typing import Any

from forms.base import TaskForm, user_task
from forms.fields import CheckField, LongTextField, ManyOfField
from models.language import gettext as _
from models.language import lazy


@user_task("worksheet")
class Worksheet(TaskForm):
    """Where and whether an inspector takes new projects. The districts are the run-time choices of ``regions``."""

    submit_label = lazy("ذخیرهٔ کاربرگ")

    ready = CheckField(
        lazy("آماده به کار هستم"), description=lazy("تا زمانی که آماده نباشید پروژهٔ جدیدی به شما ارجاع نمی‌شود.")
    )
    regions = ManyOfField(lazy("مناطقی که در آن‌ها بازرسی می‌کنم"))
    preferences = LongTextField(
        lazy("ترجیحات"),
        most=500,
        render_kw={"rows": 3},
        description=lazy("برای اطلاع امور گاز، مانند روزها یا نوع کار؛ در ارجاع خودکار اثری ندارد"),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        accepted = super().validate(extra_validators)
        if self.ready.data and self.regions.is_empty and not self.regions.errors:
            self.regions.errors = [_("برای اعلام آمادگی حداقل یک منطقه را انتخاب کنید.")]
            return False
        return accepted
