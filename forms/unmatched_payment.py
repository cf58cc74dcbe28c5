"""Forms of ``bpmn_diagrams/unmatched_payment.bpmn``: money that came without an open invoice (PAY-2)."""

from forms.base import TaskForm, user_task
from forms.fields import ChoiceField, LongTextField, TextField
from forms.validators import Required, RequiredWhen
from models.choice import Choice
from models.language import lazy

DECISIONS = [
    Choice("refunded", lazy("به پرداخت‌کننده برگردانده شد")),
    Choice("credited", lazy("به حساب پرداخت‌کننده بستانکار شد")),
]


@user_task("settle_unmatched")
class SettleUnmatched(TaskForm):
    """Finance says what became of the money."""

    decision = ChoiceField(lazy("تصمیم"), [Required(lazy("بگویید با این مبلغ چه شد."))], options=DECISIONS)
    reference = TextField(
        lazy("شمارهٔ پیگیری"),
        [RequiredWhen("decision", "refunded", lazy("شمارهٔ پیگیری بازگشت وجه را بنویسید."))],
        most=60,
        render_kw={"dir": "ltr"},
        description=lazy("شمارهٔ حواله یا سند؛ برای بازگشت وجه لازم است"),
    )
    note = LongTextField(lazy("توضیح"), [Required(lazy("دلیل این تصمیم را بنویسید."))], most=1000)
