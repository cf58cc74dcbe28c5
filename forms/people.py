"""Forms of the admin's pages of people and their roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from forms.accounts import UsernameField
from forms.base import TaskForm
from forms.fields import MobileField, SelectField, TextField
from forms.validators import Required
from models.choice import Choice
from models.language import lazy
from models.organisation import KIND_LABELS, DivisionKind

KINDS = [
    Choice("staff", lazy("کارکنان")),
    Choice("contractor", lazy("مجری")),
    Choice("engineer", lazy("مهندس یا کاردان")),
    Choice("citizen", lazy("شهروند")),
]
F = TypeVar("F", bound="MembershipForm")
L = TypeVar("L", bound="LeavingForm")


class MembershipForm(TaskForm):
    """A role to be granted; ``for_roles`` adds a field for each kind of division by which one is divided."""

    role = SelectField(lazy("نقش"), [Required(lazy("نقش را انتخاب کنید."))])

    @classmethod
    def for_roles(cls: type[F], divided: Mapping[str, str]) -> type[F]:
        """The form for these roles. ``divided``: role key → kind of division, "" when it is not divided.

        The options of ``role`` and of each kind of division are given at run time.
        """
        fields: dict[str, Any] = {}
        for kind, label in KIND_LABELS.items():
            keys = [role for role, by in divided.items() if by == kind]
            if keys:
                needed = Required(lazy("%(kind)s این نقش را انتخاب کنید.", kind=label))
                fields[str(kind)] = SelectField(label, [needed], shown_when=("role", " ".join(keys)))
        return type(cls.__name__, (cls,), fields)

    @property
    def scope(self) -> str:
        """The division chosen; empty for a role that is not divided."""
        given = (self.submission.get(str(kind)) for kind in KIND_LABELS)
        return next((str(key) for key in given if key), "")


class NewPerson(MembershipForm):
    """An account that the organisation opens (ACC-3)."""

    submit_label = lazy("ساختن حساب")

    username = UsernameField(
        lazy("نام کاربری"),
        [Required(lazy("نام کاربری را وارد کنید."))],
        most=60,
        description=lazy("شمارهٔ عضویت با خط تیره، شمارهٔ همراه شهروند، یا نامی برای کارکنان"),
    )
    first_name = TextField(lazy("نام"), [Required(lazy("نام را وارد کنید."))], most=100)
    last_name = TextField(lazy("نام خانوادگی"), [Required(lazy("نام خانوادگی را وارد کنید."))], most=100)
    company = TextField(lazy("نام شرکت"), description=lazy("فقط برای شخص حقوقی"))
    mobile = MobileField(lazy("شمارهٔ همراه"), description=lazy("برای پیامک‌ها و بازیابی رمز عبور"))
    kind = SelectField(lazy("نوع کاربر"), [Required(lazy("نوع کاربر را انتخاب کنید."))], options=KINDS, default="staff")


class LeavingForm(TaskForm):
    """What becomes of a person's open work when a role, a division or the account is taken from them."""

    @classmethod
    def for_work(cls: type[L], ways: Iterable[Way], *, moves_in: str = "") -> type[L]:
        """The form with a choice for each kind of work. ``moves_in``: the kind of division that is chosen anew."""
        fields: dict[str, Any] = {}
        if moves_in:
            label = KIND_LABELS[DivisionKind(moves_in)]
            fields["scope"] = SelectField(label, [Required(lazy("%(kind)s جدید را انتخاب کنید.", kind=label))])
        for way in ways:
            fields[way.key] = SelectField(
                way.label, [Required()], options=way.options, default=way.default, description=way.description
            )
        return type(cls.__name__, (cls,), fields)


@dataclass(frozen=True)
class Way:
    """One kind of open work in a ``LeavingForm``, in the reader's language."""

    key: str
    label: str
    description: str
    options: list[Choice]
    default: str
