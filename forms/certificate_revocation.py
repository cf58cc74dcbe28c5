"""The form of ``bpmn_diagrams/certificate_revocation.bpmn``: the gas office revokes a certificate (CNF-5)."""

from forms.base import TaskForm, user_task
from forms.fields import CodeField, LongTextField
from forms.validators import Required
from models.language import lazy


@user_task("revocation_asked")
class RevocationAsked(TaskForm):
    """Which certificate, and why."""

    submit_label = lazy("ابطال تاییدیه")
    confirm = lazy("تاییدیه باطل شود؟ ابطال برگشت ندارد و صفحهٔ بررسی آن را باطل نشان می‌دهد.")

    certificate = CodeField(
        lazy("شمارهٔ تاییدیه"),
        [Required(lazy("شمارهٔ تاییدیه را وارد کنید."))],
        description=lazy("همان شماره که روی تاییدیه است و با ۹ شروع می‌شود"),
        most=40,
    )
    reason = LongTextField(
        lazy("دلیل ابطال"),
        [Required(lazy("دلیل ابطال را بنویسید."))],
        most=500,
        description=lazy("در پرونده می‌ماند و به مجری اطلاع داده می‌شود؛ در صفحهٔ عمومی دیده نمی‌شود"),
    )
