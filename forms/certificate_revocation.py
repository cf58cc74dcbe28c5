"""The form of ``bpmn_diagrams/certificate_revocation.bpmn``: the gas office revokes a certificate (CNF-5)."""

from forms.base import TaskForm, user_task
from forms.fields import CodeField, LongTextField
from forms.validators import Required
from models.language import lazy


@user_task("revocation_asked")
class RevocationAsked(TaskForm):
    """Which certificate, and why."""

    submit_label = lazy("ابطال تاییدیه")
    confirm = lazy("این تاییدیه برای همیشه باطل می‌شود و صفحهٔ بررسی همان دم آن را می‌گوید. آیا اطمینان دارید؟")

    certificate = CodeField(
        lazy("شمارهٔ تاییدیه"),
        [Required(lazy("شمارهٔ تاییدیه را بنویسید."))],
        description=lazy("همان گونه که روی برگه است؛ با ۹ آغاز می‌شود"),
        most=40,
    )
    reason = LongTextField(
        lazy("دلیل ابطال"),
        [Required(lazy("دلیل ابطال را بنویسید."))],
        most=500,
        description=lazy("در پرونده می‌ماند و به مجری گفته می‌شود؛ در صفحهٔ همگانی دیده نمی‌شود"),
    )
