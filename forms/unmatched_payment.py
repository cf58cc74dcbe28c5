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

    decision = ChoiceField(lazy("تصمیم"), [Required(lazy("تصمیم دربارهٔ این مبلغ را انتخاب کنید."))], options=DECISIONS)
    reference = TextField(
        lazy("شمارهٔ پیگیری"),
        [RequiredWhen("decision", "refunded", lazy("شمارهٔ پیگیری استرداد وجه را وارد کنید."))],
        most=60,
        render_kw={"dir": "ltr"},
        description=lazy("شمارهٔ حوالهٔ بانکی؛ برای استرداد وجه لازم است"),
    )
    note = LongTextField(lazy("توضیح"), [Required(lazy("دلیل این تصمیم را بنویسید."))], most=1000)
