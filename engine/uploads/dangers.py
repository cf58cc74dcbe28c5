"""Why a file is refused by its content. A file is refused for the first reason that is found."""

from __future__ import annotations

import enum

from models.language import LazyText, lazy


class Danger(enum.Enum):
    """A reason, with its words: ``%(name)s`` is the file's name."""

    BROKEN = lazy("فایل «%(name)s» خراب است و باز نمی‌شود. آن را دوباره بسازید و بارگذاری کنید.")
    MACRO = lazy("فایل «%(name)s» ماکرو دارد و پذیرفته نمی‌شود. آن را بدون ماکرو ذخیره و بارگذاری کنید.")
    EMBEDDED = lazy("در فایل «%(name)s» فایل دیگری جا داده شده است و پذیرفته نمی‌شود. آن را جداگانه بارگذاری کنید.")
    CONTROL = lazy("فایل «%(name)s» برنامه‌ای (ActiveX) در خود دارد و پذیرفته نمی‌شود.")
    REMOTE = lazy("فایل «%(name)s» هنگام باز شدن چیزی را از جای دیگری می‌خواند و پذیرفته نمی‌شود.")
    LYING = lazy("اندازه‌های درون فایل «%(name)s» با محتوای آن یکی نیست و پذیرفته نمی‌شود.")
    TOO_BIG = lazy("فایل «%(name)s» پس از باز شدن بیش از اندازه بزرگ است و پذیرفته نمی‌شود.")
    TOO_MANY = lazy("فایل «%(name)s» بیش از اندازه بخش دارد و پذیرفته نمی‌شود.")
    PATH = lazy("نام یکی از بخش‌های فایل «%(name)s» مجاز نیست و فایل پذیرفته نمی‌شود.")
    ENCRYPTED = lazy(
        "فایل «%(name)s» با رمز عبور بسته شده است و بررسی آن ممکن نیست. آن را بدون رمز عبور ذخیره و بارگذاری کنید."
    )
    HIDDEN = lazy("بخشی از فایل «%(name)s» چنان فشرده است که بررسی آن ممکن نیست. آن را دوباره به PDF تبدیل کنید.")
    TWO_KINDS = lazy("فایل «%(name)s» هم‌زمان فایل نوع دیگری هم هست و پذیرفته نمی‌شود.")
    SCRIPT = lazy("فایل «%(name)s» برنامه (JavaScript) دارد و پذیرفته نمی‌شود. آن را بدون آن ذخیره و بارگذاری کنید.")
    ACTION = lazy("فایل «%(name)s» هنگام باز شدن کاری انجام می‌دهد و پذیرفته نمی‌شود. آن را دوباره به PDF تبدیل کنید.")
    LAUNCH = lazy("فایل «%(name)s» برنامهٔ دیگری را اجرا می‌کند و پذیرفته نمی‌شود.")
    MEDIA = lazy("فایل «%(name)s» فیلم، صدا یا فرم پویا دارد و پذیرفته نمی‌شود. آن را دوباره به PDF تبدیل کنید.")

    def words(self, name: str) -> str:
        """The reason in the reader's language."""
        text: LazyText = self.value
        return str(text) % {"name": name}


class Dangerous(Exception):
    """The content is refused."""

    def __init__(self, danger: Danger) -> None:
        super().__init__(danger.name)
        self.danger = danger
