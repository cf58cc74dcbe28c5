"""Forms of ``bpmn_diagrams/confirmation_issuance.bpmn``: requesting and reviewing a certificate (CNF)."""

from forms.base import TaskForm, user_task
from forms.fields import ChoiceField, CodeField, LongTextField
from forms.validators import Required, RequiredWhen
from models.choice import Choice
from models.language import lazy

DECISIONS = [
    Choice("approve", lazy("تایید و صدور تاییدیه")),
    Choice("reject", lazy("رد درخواست")),
]


@user_task("confirmation_requested")
class ConfirmationRequested(TaskForm):
    """The contractor asks for the certificate of a project that was finally approved (CNF-1)."""

    submit_label = lazy("ارسال درخواست تاییدیه")

    project = CodeField(
        lazy("شمارهٔ پروژه"),
        [Required(lazy("شمارهٔ پروژه را وارد کنید."))],
        description=lazy("پروژه‌ای که بازرسی نهایی آن تایید شده است و بدهی ندارد"),
        most=40,
    )
    remarks = LongTextField(lazy("توضیحات"), most=1000, description=lazy("آنچه بازرس باید بداند"))


@user_task("review_confirmation")
class ReviewConfirmation(TaskForm):
    """The inspector approves or rejects (CNF-2)."""

    submit_label = lazy("ثبت نظر")

    decision = ChoiceField(
        lazy("نظر بازرس"), [Required(lazy("نظر خود را انتخاب کنید: تایید یا رد."))], options=DECISIONS
    )
    reason = LongTextField(
        lazy("دلیل رد"),
        [RequiredWhen("decision", "reject", lazy("دلیل رد را بنویسید. مجری آن را می‌خواند."))],
        shown_when=("decision", "reject"),
        most=1000,
    )
