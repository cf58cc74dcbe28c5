"""Forms of ``bpmn_diagrams/gas_inspection.bpmn``: visits, reports, debt, wrong meters, leaving (INS)."""

from forms.base import TaskForm, user_task
from forms.fields import (
    CheckField,
    ChoiceField,
    DocumentsField,
    IntegerField,
    JalaliDateField,
    LongTextField,
    ManyOfField,
    RowForm,
    RowsField,
    SelectField,
    TimeOfDayField,
)
from forms.project_registration import AssignByHand as ChosenInspector
from forms.project_registration import MeterFields
from forms.validators import NumberBetween, Required
from models.choice import Choice
from models.language import lazy

OUTCOMES = [
    Choice("approved", lazy("تایید")),
    Choice("sub_work", lazy("ثبت زیرکار")),
    Choice("defects", lazy("عدم تایید با اشکال")),
    Choice("absent_with_fee", lazy("عدم حضور با هزینه")),
    Choice("absent_without_fee", lazy("عدم حضور بدون هزینه")),
]


@user_task("schedule_visit")
class ScheduleVisit(TaskForm):
    """When the inspector comes; the contractor gets a message at once (INS-2)."""

    submit_label = lazy("ثبت زمان بازدید و اطلاع به مجری")

    visit_date = JalaliDateField(lazy("تاریخ بازدید"), [Required(lazy("تاریخ بازدید را وارد کنید."))])
    visit_time = TimeOfDayField(
        lazy("ساعت بازدید"),
        [Required(lazy("ساعت بازدید را وارد کنید."))],
        description=lazy("در ساعت اداری سازمان"),
    )


@user_task("withdraw")
class Withdraw(TaskForm):
    """The inspector gives the project up; there is no way back (INS-3)."""

    inline = True
    submit_label = lazy("انصراف از بازرسی")
    confirm = lazy("انصراف از بازرسی ثبت شود؟ این پروژه برای همیشه از شما گرفته می‌شود.")

    confirmed = CheckField(
        lazy("می‌دانم که انصراف برگشت ندارد"),
        [Required(lazy("برای انصراف این گزینه را علامت بزنید."))],
    )


@user_task("change_visit")
class ChangeVisit(TaskForm):
    """The time that was set does not suit; another one is set (INS-2)."""

    inline = True
    submit_label = lazy("تعیین زمان دیگر")


class MismatchRow(RowForm):
    """A meter that is not as it was registered (INS-11)."""

    meter = SelectField(lazy("کنتور"), [Required(lazy("کنتور را انتخاب کنید."))])
    remark = LongTextField(
        lazy("مغایرت با مشخصات ثبت‌شده"),
        [Required(lazy("مغایرت با مشخصات ثبت‌شده را بنویسید."))],
        most=500,
        render_kw={"rows": 2},
    )


@user_task("record_report")
class RecordReport(TaskForm):
    """The inspector's report of a visit (INS-4, INS-5, INS-11)."""

    submit_label = lazy("ثبت گزارش")

    outcome = ChoiceField(lazy("نتیجه"), [Required(lazy("نتیجهٔ بازدید را انتخاب کنید."))], options=OUTCOMES)
    report_text = LongTextField(lazy("متن گزارش"), [Required(lazy("متن گزارش را بنویسید."))], most=5000)
    meters = ManyOfField(
        lazy("کنتورهایی که این نتیجه دربارهٔ آن‌هاست"),
        description=lazy("برای عدم تایید و عدم حضور حداقل یکی را علامت بزنید؛ برای تایید و زیرکار هیچ‌کدام را"),
    )
    mismatches = RowsField(
        MismatchRow,
        lazy("کنتورهایی که با مشخصات ثبت‌شده یکی نیستند"),
        min_rows=0,
        max_rows=100,
        blank=False,
        add_label=lazy("افزودن مغایرت"),
        remove_label=lazy("حذف مغایرت"),
    )
    photos = DocumentsField(lazy("عکس‌ها"), accept=["jpg", "jpeg", "png"])


@user_task("correct_report")
class CorrectReport(TaskForm):
    """A new report that corrects an earlier one, which stays as it was (INS-14)."""

    submit_label = lazy("ثبت اصلاح گزارش")

    report = IntegerField(
        lazy("شمارهٔ گزارشی که اصلاح می‌شود"),
        [Required(lazy("شمارهٔ گزارش را وارد کنید.")), NumberBetween(1, 1_000_000)],
    )
    report_text = LongTextField(lazy("متن اصلاح"), [Required(lazy("متن اصلاح را بنویسید."))], most=5000)
    photos = DocumentsField(lazy("عکس‌ها"), accept=["jpg", "jpeg", "png"])


@user_task("dismiss_inspector")
class DismissInspector(TaskForm):
    """The gas office takes the project from its inspector (INS-13)."""

    inline = True
    submit_label = lazy("عزل بازرس")
    confirm = lazy("بازرس عزل شود؟ این پروژه از او گرفته می‌شود.")

    reason = LongTextField(lazy("دلیل عزل"), [Required(lazy("دلیل عزل را بنویسید."))], most=500, render_kw={"rows": 3})


@user_task("assign_by_hand")
class AssignByHand(ChosenInspector):
    """The gas office chooses the next inspector where the automatic choice had no candidate (ASG-3)."""


@user_task("pay_debt")
class PayDebt(TaskForm):
    """The debt was read; its payment comes next, all of it (INS-10)."""

    submit_label = lazy("رفتن به پرداخت بدهی")


@user_task("correct_meter")
class CorrectMeter(MeterFields, TaskForm):
    """The one meter that differs from the inspector's report; a decision table classes it anew (INS-11)."""

    submit_label = lazy("ثبت مشخصات درست کنتور")
