"""Forms of the second factor: enrolling it, proving it at sign-in, and confirming an act by it or by the password."""

from typing import Any, ClassVar

from forms.accounts import CodeField, PasswordField
from forms.base import TaskForm
from forms.fields import TextField
from forms.validators import Required
from models.language import lazy


class RecoveryCodeField(TextField):
    """A recovery code as it stands on the paper; the engine folds letters and dashes."""

    hint = "code"
    attributes: ClassVar[dict[str, Any]] = {
        "dir": "ltr",
        "autocomplete": "off",
        "autocapitalize": "none",
        "spellcheck": "false",
    }


class AppCode(TaskForm):
    """A code that an authenticator app shows."""

    code = CodeField(lazy("کد شش‌رقمی برنامه"), [Required(lazy("کد را از روی برنامه وارد کنید."))], least=6, most=6)


class SmsCode(TaskForm):
    """A code that came by SMS."""

    code = CodeField(lazy("کد پیامک"), [Required(lazy("کد را از روی پیامک وارد کنید."))], least=6, most=6)


class RecoveryCode(TaskForm):
    """A recovery code in the place of the second factor."""

    code = RecoveryCodeField(lazy("کد بازیابی"), [Required(lazy("یکی از کدهای بازیابی را وارد کنید."))], most=40)


class Confirm(TaskForm):
    """The password again, before an act that is dangerous."""

    confirm_password = PasswordField(lazy("رمز عبور"))


class ConfirmWithFactor(Confirm):
    """The password again, or a code of the second factor."""

    confirm_code = CodeField(lazy("یا کد ورود دومرحله‌ای"))
