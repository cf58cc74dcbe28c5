"""Forms of the admin's pages of roles and divisions."""

from forms.base import TaskForm
from forms.fields import CheckField, ManyOfField, SelectField, TextField
from forms.validators import Required
from models.choice import Choice
from models.language import lazy
from models.organisation import KIND_LABELS

LABELS = {  # also in the history of changes
    "name_fa": lazy("نام فارسی"),
    "name_en": lazy("نام انگلیسی"),
    "divided_by": lazy("تقسیم بر اساس"),
    "granted_by": lazy("چه نقش‌هایی آن را به افراد می‌دهند؟"),
    "permissions": lazy("دسترسی‌های دیگر این نقش"),
    "on_registration": lazy("به کسی که خودش ثبت‌نام می‌کند داده شود"),
    "second_factor": lazy("ورود دومرحله‌ای برای دارندگان این نقش الزامی است"),
}
LATIN = {"dir": "ltr", "autocomplete": "off"}


class NamesForm(TaskForm):
    """What a role or a division is called in both languages."""

    submit_label = lazy("ذخیرهٔ تغییرات")

    name_fa = TextField(LABELS["name_fa"], [Required(lazy("نام فارسی را وارد کنید."))], most=100)
    name_en = TextField(
        LABELS["name_en"], [Required(lazy("نام انگلیسی را وارد کنید."))], most=100, render_kw={"dir": "ltr"}
    )


class SystemRoleForm(NamesForm):
    """What an admin changes of a role of the system itself."""

    second_factor = CheckField(
        LABELS["second_factor"],
        description=lazy("تا کسی آن را فعال نکند، پس از ورود صفحهٔ دیگری برایش باز نمی‌شود."),
    )


class RoleForm(NamesForm):
    """A role: by what it is divided, who may grant it and what else its holders may do."""

    divided_by = SelectField(
        LABELS["divided_by"],
        options=[Choice(str(kind), label) for kind, label in KIND_LABELS.items()],
        description=lazy("عضو این نقش فقط کارهای واحد، منطقه یا ناحیهٔ خود را می‌بیند. بدون انتخاب، نقش تقسیم نمی‌شود."),
    )
    granted_by = ManyOfField(
        LABELS["granted_by"],
        description=lazy("مدیر سامانه همیشه می‌تواند."),
    )
    permissions = ManyOfField(LABELS["permissions"])
    on_registration = CheckField(LABELS["on_registration"])
    second_factor = CheckField(
        LABELS["second_factor"],
        description=lazy("تا کسی آن را فعال نکند، پس از ورود صفحهٔ دیگری برایش باز نمی‌شود."),
    )


class NewRole(RoleForm):
    """A role that is added: its key cannot be changed later."""

    submit_label = lazy("افزودن نقش")

    key = TextField(
        lazy("شناسه"),
        [Required(lazy("شناسه را وارد کنید."))],
        most=40,
        render_kw=LATIN,
        description=lazy("همان که خط‌های نمودار نام می‌برند؛ حرف‌های کوچک لاتین، رقم و خط زیر. بعداً تغییر نمی‌کند."),
    )


class NewDivision(NamesForm):
    """A unit, district or region that is added."""

    submit_label = lazy("افزودن")

    key = TextField(
        lazy("شناسه"),
        [Required(lazy("شناسه را وارد کنید."))],
        most=40,
        render_kw=LATIN,
        description=lazy("حرف‌های کوچک لاتین، رقم و خط زیر. بعداً تغییر نمی‌کند."),
    )


class NewNumberedDivision(NewDivision):
    """A district that is added: its key is its number."""

    key = TextField(
        lazy("شناسه"),
        [Required(lazy("شناسه را وارد کنید."))],
        most=40,
        render_kw=LATIN,
        description=lazy("شمارهٔ آن، مانند ۱۱. بعداً تغییر نمی‌کند."),
    )
