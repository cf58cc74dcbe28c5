"""Forms of accounts: signing in, registering, codes, passwords (ACC-1 to ACC-3, ACC-5)."""

from typing import Any, ClassVar

from wtforms import widgets
from wtforms.validators import ValidationError

from forms.base import TaskForm
from forms.field import KartablField
from forms.fields import ChoiceField, DigitsField, MobileField, TextField
from forms.validators import Required
from models.choice import Choice
from models.digits import storable
from models.language import gettext as _
from models.language import lazy

KINDS = [
    Choice("citizen", lazy("شهروند"), lazy("مالک، وکیل یا هر کس دیگر")),
    Choice("engineer", lazy("مهندس یا کاردان"), lazy("برای خوداظهاری و احراز هویت")),
]
LONGEST_PASSWORD = 500


class UsernameField(TextField):
    """A membership number, a mobile number or a staff account, as typed; the engine folds it."""

    hint = "code"
    attributes: ClassVar[dict[str, Any]] = {
        "dir": "ltr",
        "autocomplete": "username",
        "autocapitalize": "none",
        "spellcheck": "false",
    }


class PasswordField(KartablField):
    """A password, as typed. It never goes back to the page."""

    hint = "password"
    widget = widgets.PasswordInput()
    attributes: ClassVar[dict[str, Any]] = {"dir": "ltr", "autocomplete": "current-password"}

    def parse(self, text: str) -> str:
        if len(text) > LONGEST_PASSWORD:
            raise ValueError(_("این رمز عبور بیش از اندازه بلند است."))
        return storable(text)

    @property
    def draft_value(self) -> str:
        return ""


NEW = {"autocomplete": "new-password"}
NEW_PASSWORD_HELP = lazy("حداقل ۱۲ کاراکتر؛ چند واژهٔ بی‌ربط کنار هم بهترین است")


class CodeField(DigitsField):
    """A six-digit code from an SMS."""

    attributes: ClassVar[dict[str, Any]] = {
        "inputmode": "numeric",
        "dir": "ltr",
        "autocomplete": "one-time-code",
        "maxlength": 12,
    }


class SignIn(TaskForm):
    username = UsernameField(lazy("نام کاربری"), [Required(lazy("نام کاربری را وارد کنید."))])
    password = PasswordField(lazy("رمز عبور"), [Required(lazy("رمز عبور را وارد کنید."))])


class Register(TaskForm):
    """A citizen's registration (ACC-1)."""

    first_name = TextField(
        lazy("نام"), [Required(lazy("نام خود را وارد کنید."))], most=100, render_kw={"autocomplete": "given-name"}
    )
    last_name = TextField(
        lazy("نام خانوادگی"),
        [Required(lazy("نام خانوادگی خود را وارد کنید."))],
        most=100,
        render_kw={"autocomplete": "family-name"},
    )
    mobile = MobileField(lazy("شمارهٔ همراه"), [Required(lazy("شمارهٔ همراه خود را وارد کنید."))])
    kind = ChoiceField(
        lazy("نوع کاربر"), [Required(lazy("نوع کاربر را انتخاب کنید."))], options=KINDS, default="citizen"
    )
    password = PasswordField(
        lazy("رمز عبور"), [Required(lazy("رمز عبوری انتخاب کنید."))], render_kw=NEW, description=NEW_PASSWORD_HELP
    )


class Code(TaskForm):
    """The code that opens a registration."""

    code = CodeField(lazy("کد"), [Required(lazy("کد را از روی پیامک وارد کنید."))], least=6, most=6)


class Forgot(TaskForm):
    username = UsernameField(
        lazy("شمارهٔ همراه یا نام کاربری"), [Required(lazy("شمارهٔ همراه یا نام کاربری خود را وارد کنید."))]
    )


class Reset(TaskForm):
    """A code and the new password (ACC-3)."""

    code = CodeField(lazy("کد"), [Required(lazy("کد را از روی پیامک وارد کنید."))], least=6, most=6)
    password = PasswordField(
        lazy("رمز عبور جدید"),
        [Required(lazy("رمز عبور جدید را وارد کنید."))],
        render_kw=NEW,
        description=NEW_PASSWORD_HELP,
    )


class ChangePassword(TaskForm):
    old_password = PasswordField(lazy("رمز عبور فعلی"), [Required(lazy("رمز عبور فعلی را وارد کنید."))])
    password = PasswordField(
        lazy("رمز عبور جدید"),
        [Required(lazy("رمز عبور جدید را وارد کنید."))],
        render_kw=NEW,
        description=NEW_PASSWORD_HELP,
    )
    password_again = PasswordField(
        lazy("تکرار رمز عبور جدید"), [Required(lazy("رمز عبور جدید را یک بار دیگر وارد کنید."))], render_kw=NEW
    )

    def validate_password_again(self, field: PasswordField) -> None:
        if self.password.data is not None and field.data != self.password.data:
            raise ValidationError(_("تکرار با رمز عبور جدید یکی نیست."))


class ConfirmPassword(TaskForm):
    """The password once more, before something that whoever finds an open browser must not do."""

    password = PasswordField(lazy("رمز عبور"), [Required(lazy("رمز عبور را وارد کنید."))])
