"""Forms of the admin's pages of sign-in by the organisation's OpenID provider."""

from forms.base import TaskForm
from forms.fields import TextField
from forms.people import MembershipForm
from forms.validators import Required
from models.language import lazy

AS_WRITTEN = {"dir": "ltr", "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}


class ClaimRoleForm(MembershipForm):
    """Which value of the claim gives which role."""

    submit_label = lazy("افزودن")

    value = TextField(lazy("مقدار"), [Required(lazy("مقدار را وارد کنید."))], most=200, render_kw=AS_WRITTEN)


class SubjectForm(TaskForm):
    """The subject by which the provider knows a person."""

    submit_label = lazy("وصل کردن")

    subject = TextField(
        lazy("شناسه در سامانهٔ ورود سازمان"),
        [Required(lazy("شناسه را وارد کنید."))],
        most=255,
        description=lazy("آنچه آن سامانه sub می‌نامد؛ نه نام کاربری و نه رایانامه"),
        render_kw=AS_WRITTEN,
    )
