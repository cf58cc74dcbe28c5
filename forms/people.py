"""Forms of the admin's pages of people and roles."""

from forms.accounts import UsernameField
from forms.base import TaskForm
from forms.fields import MobileField, SelectField, TextField
from forms.validators import Required
from models.account import Role
from models.choice import Choice
from models.language import lazy
from models.role_names import ROLE_LABELS
from models.units import DISTRICTS, UNITS

ROLES = [Choice(role.value, ROLE_LABELS[role]) for role in Role]
UNIT_CHOICES = [Choice(key, name) for key, name in UNITS.items()]
DISTRICT_CHOICES = [Choice(key, name) for key, name in DISTRICTS.items()]
KINDS = [
    Choice("staff", lazy("کارکنان")),
    Choice("contractor", lazy("مجری")),
    Choice("engineer", lazy("مهندس یا کاردان")),
    Choice("citizen", lazy("شهروند")),
]


class RoleForm(TaskForm):
    """A role to be granted, within a unit or district where the role is divided so."""

    role = SelectField(lazy("نقش"), [Required(lazy("نقش را برگزینید."))], options=ROLES)
    unit = SelectField(lazy("واحد"), options=UNIT_CHOICES, shown_when=("role", "department_staff"))
    district = SelectField(lazy("منطقه"), options=DISTRICT_CHOICES, shown_when=("role", "district_engineering"))

    @property
    def scope(self) -> str:
        """The unit or district chosen, empty for an undivided role."""
        return str(self.submission["unit"] or self.submission["district"] or "")


class NewPerson(RoleForm):
    """An account made by the organisation (ACC-3)."""

    submit_label = lazy("ساختن حساب")

    username = UsernameField(
        lazy("نام کاربری"),
        [Required(lazy("نام کاربری را بنویسید."))],
        most=60,
        description=lazy("شمارهٔ عضویت با خط تیره، شمارهٔ همراه شهروند، یا نامی برای کارکنان"),
    )
    first_name = TextField(lazy("نام"), [Required(lazy("نام را بنویسید."))], most=100)
    last_name = TextField(lazy("نام خانوادگی"), [Required(lazy("نام خانوادگی را بنویسید."))], most=100)
    company = TextField(lazy("نام شرکت"), description=lazy("تنها برای شخص حقوقی"))
    mobile = MobileField(lazy("شمارهٔ همراه"), description=lazy("برای پیامک‌ها و بازیابی رمز"))
    kind = SelectField(lazy("نوع کاربر"), [Required(lazy("نوع کاربر را برگزینید."))], options=KINDS, default="staff")
