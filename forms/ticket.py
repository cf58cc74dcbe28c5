"""Forms of ``bpmn_diagrams/ticket.bpmn``: a request to a unit, its answers, and the way to the president (TKT)."""

from forms.base import TaskForm, user_task
from forms.fields import ChoiceField, CodeField, DocumentsField, LongTextField, SelectField, TextField
from forms.validators import Required
from models.choice import Choice
from models.language import lazy

LONGEST = 20_000  # characters of what is written at once
PRIORITIES = [
    Choice("very_urgent", lazy("خیلی فوری")),
    Choice("urgent", lazy("فوری")),
    Choice("normal", lazy("عادی")),
    Choice("low", lazy("ضعیف")),
]
FILES = lazy("فایل‌ها")


@user_task("submit_ticket")
class SubmitTicket(TaskForm):
    """A request to a unit, and how urgent it is (TKT-1)."""

    submit_label = lazy("ارسال درخواست")

    unit = SelectField(
        lazy("نوع درخواست"),
        [Required(lazy("واحد پاسخ‌دهنده را انتخاب کنید."))],
        description=lazy("واحدی که به درخواست شما پاسخ می‌دهد"),
    )
    priority = ChoiceField(lazy("اولویت"), [Required(lazy("اولویت درخواست را انتخاب کنید."))], options=PRIORITIES)
    title = TextField(lazy("عنوان"), [Required(lazy("عنوان درخواست را وارد کنید."))])
    body = LongTextField(
        lazy("متن درخواست"), [Required(lazy("متن درخواست را بنویسید."))], most=LONGEST, render_kw={"rows": 8}
    )
    files = DocumentsField(FILES)


@user_task("discard_ticket")
class DiscardTicket(TaskForm):
    """The requester does not send the request after all."""

    inline = True
    submit_label = lazy("انصراف از ارسال")
    confirm = lazy("درخواست کنار گذاشته شود؟ آنچه نوشته‌اید حذف می‌شود و چیزی ارسال نمی‌شود.")


class Answer(TaskForm):
    """What somebody of the organisation answers."""

    body = LongTextField(
        lazy("متن پاسخ"), [Required(lazy("متن پاسخ را بنویسید."))], most=LONGEST, render_kw={"rows": 8}
    )
    files = DocumentsField(FILES)


@user_task("answer_ticket")
class AnswerTicket(Answer):
    """The unit's answer; it closes nothing, the requester may reply (TKT-3)."""

    submit_label = lazy("ارسال پاسخ")


@user_task("transfer_ticket")
class TransferTicket(TaskForm):
    """Another unit has to answer; the deadline stays (TKT-3)."""

    inline = True
    submit_label = lazy("ارجاع به واحد دیگر")

    unit = SelectField(
        lazy("واحد مقصد"),
        [Required(lazy("واحد پاسخ‌دهنده را انتخاب کنید."))],
    )
    note = LongTextField(
        lazy("یادداشت ارجاع"),
        [Required(lazy("بنویسید چرا این درخواست به آن واحد مربوط است."))],
        most=1000,
        render_kw={"rows": 3},
        description=lazy("مهلت پاسخ تغییر نمی‌کند."),
    )


@user_task("reply_ticket")
class ReplyTicket(TaskForm):
    """The requester is not done with the answer: it goes back to the unit (TKT-4)."""

    submit_label = lazy("ارسال پاسخ جدید به این درخواست")

    body = LongTextField(
        lazy("متن پاسخ"), [Required(lazy("متن پاسخ را بنویسید."))], most=LONGEST, render_kw={"rows": 6}
    )
    files = DocumentsField(FILES)


@user_task("escalate_ticket")
class EscalateTicket(TaskForm):
    """The unit did not answer in time: a request to the president (TKT-5)."""

    submit_label = lazy("ارسال به رئیس سازمان")

    tracking_number = CodeField(
        lazy("شمارهٔ رهگیری درخواست"),
        most=40,
        render_kw={"readonly": True},
        description=lazy("همهٔ درخواست شما همراه آن ارسال می‌شود."),
    )
    body = LongTextField(
        lazy("توضیحات"),
        [Required(lazy("برای رئیس سازمان بنویسید چه می‌خواهید."))],
        most=LONGEST,
        render_kw={"rows": 6},
    )
    files = DocumentsField(FILES)


@user_task("answer_escalation")
class AnswerEscalation(Answer):
    """The president's answer; it closes the request to the unit and that to the president (TKT-6)."""

    submit_label = lazy("ارسال پاسخ و بستن درخواست")
