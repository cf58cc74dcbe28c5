"""Forms of the admin's pages of the working calendar (CAL-1)."""

from forms.base import TaskForm
from forms.fields import ChoiceField, JalaliDateField, LongTextField, ManyOfField, TextField, TimeOfDayField
from forms.validators import Required, RequiredWhen
from models.choice import Choice
from models.language import lazy

HOLIDAY = Choice("holiday", lazy("تعطیل است"))
RENAMED = Choice("holiday", lazy("تعطیل می‌ماند، با مناسبتی دیگر"))
ORDINARY = Choice("ordinary", lazy("مانند همان روز هفته است و تعطیلی آن حذف می‌شود"))
WORKED = Choice("worked", lazy("روز کاری است، هرچند آخر هفته یا تعطیل باشد"))
MOVED = Choice("moved", lazy("تعطیلی آن به روز دیگری می‌رود"))
WEEKDAYS = [
    Choice("saturday", lazy("شنبه")),
    Choice("sunday", lazy("یکشنبه")),
    Choice("monday", lazy("دوشنبه")),
    Choice("tuesday", lazy("سه‌شنبه")),
    Choice("wednesday", lazy("چهارشنبه")),
    Choice("thursday", lazy("پنجشنبه")),
    Choice("friday", lazy("جمعه")),
]
REASON = lazy("در تاریخچهٔ پرونده‌هایی که مهلت آن‌ها جابه‌جا می‌شود و در پیام به افراد نوشته می‌شود")


class ReasonedForm(TaskForm):
    """A change of the calendar, with its reason."""

    submit_label = lazy("پیش‌نمایش")


class DayForm(ReasonedForm):
    """What a day is to be."""

    action = ChoiceField(lazy("این روز"), [Required(lazy("وضعیت این روز را انتخاب کنید."))], options=[HOLIDAY, WORKED])
    name = TextField(
        lazy("مناسبت"),
        [RequiredWhen("action", "holiday", lazy("نام یا مناسبت تعطیلی را وارد کنید."))],
        most=200,
        shown_when=("action", "holiday"),
    )
    to = JalaliDateField(
        lazy("به روز"),
        [RequiredWhen("action", "moved", lazy("روز جدید را وارد کنید."))],
        shown_when=("action", "moved"),
    )
    reason = LongTextField(lazy("دلیل"), [Required(lazy("دلیل تغییر را بنویسید."))], most=500, description=REASON)


class HoursForm(ReasonedForm):
    """What holds for every week (CAL-1, CAL-2)."""

    weekend = ManyOfField(lazy("روزهای تعطیل هفته"), options=WEEKDAYS)
    opens = TimeOfDayField(lazy("شروع ساعت اداری"), [Required(lazy("ساعت شروع را وارد کنید."))])
    closes = TimeOfDayField(lazy("پایان ساعت اداری"), [Required(lazy("ساعت پایان را وارد کنید."))])
    zone = TextField(lazy("منطقهٔ زمانی"), [Required(lazy("منطقهٔ زمانی را وارد کنید."))], most=60)
    reason = LongTextField(lazy("دلیل"), [Required(lazy("دلیل تغییر را بنویسید."))], most=500, description=REASON)
