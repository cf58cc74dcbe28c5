"""Invented values of demo cases: owners, properties, buildings, meters, scanned papers.

Invented from common names and street names. National codes begin with digits that no registry office has, and
mobiles with a prefix that no operator has: nobody real is meant.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy.orm import Session

from models.building import Property
from models.identifiers import company_id, national_code
from workflows.demo.people import DISTRICTS, MOBILES, NOBODY_FREE
from workflows.project_registration.operations import property_code

PROPERTIES = 60

MEN = (
    "محمد",
    "علی",
    "حسین",
    "رضا",
    "مهدی",
    "امیر",
    "حسن",
    "عباس",
    "احمد",
    "سعید",
    "جواد",
    "حمید",
    "مجید",
    "محسن",
    "بهروز",
    "داریوش",
    "کورش",
    "ایرج",
    "منصور",
    "نادر",
    "فرشاد",
    "شاهین",
    "آرمان",
    "سینا",
    "میلاد",
    "پدرام",
    "کاوه",
    "سیاوش",
)
WOMEN = (
    "فاطمه",
    "زهرا",
    "مریم",
    "معصومه",
    "نرگس",
    "لیلا",
    "سارا",
    "زینب",
    "مهناز",
    "شهناز",
    "پروین",
    "اکرم",
    "طاهره",
    "ناهید",
    "سیمین",
    "نسترن",
    "نازنین",
    "شیوا",
    "آزاده",
    "مینو",
    "گیتی",
    "هما",
    "یاسمن",
    "ترانه",
)
FAMILIES = (
    "احمدی",
    "محمدی",
    "حسینی",
    "رضایی",
    "کریمی",
    "موسوی",
    "جعفری",
    "صادقی",
    "رحیمی",
    "ابراهیمی",
    "قاسمی",
    "حیدری",
    "نوری",
    "امینی",
    "شریفی",
    "باقری",
    "یزدانی",
    "عزیزی",
    "سلیمانی",
    "اکبری",
    "فلاحی",
    "صفری",
    "طالبی",
    "نیکنام",
    "مظفری",
    "خسروی",
    "بیات",
    "افشار",
    "پورمند",
    "دهقان",
    "سعادت",
    "فروتن",
    "گودرزی",
    "شاهرخی",
    "میرزاده",
    "توکلی",
)
STREETS = (
    "امام خمینی",
    "ولیعصر",
    "آزادی",
    "شریعتی",
    "طالقانی",
    "بهشتی",
    "مطهری",
    "سعدی",
    "حافظ",
    "فردوسی",
    "مولوی",
    "فلسطین",
    "جمهوری",
    "کاشانی",
    "مدرس",
    "چمران",
    "بهارستان",
    "نیلوفر",
    "ملاصدرا",
    "دانشگاه",
    "معلم",
    "گلستان",
    "پاسداران",
    "هنرستان",
)
ALLEYS = (
    "لاله",
    "نسترن",
    "یاس",
    "بهار",
    "سرو",
    "شقایق",
    "ارغوان",
    "پونه",
    "نرگس",
    "صنوبر",
    "مهر",
    "آرام",
    "باران",
    "سپیده",
    "ساحل",
    "نسیم",
    "کوثر",
    "میخک",
)
BUILDINGS = (
    "مجتمع مسکونی آفتاب",
    "ساختمان سپیدار",
    "برج باران",
    "مجتمع پردیس",
    "ساختمان مهتاب",
    "ساختمان نگین",
    "مجتمع تجاری گلستان",
    "ساختمان پزشکان سلامت",
    "ساختمان ارکیده",
    "مجتمع آرامش",
    "ساختمان صدف",
    "",
)
COMPANIES = (
    "آبادگران افق",
    "سازه‌گستر البرز",
    "تعاونی مسکن فرهنگیان",
    "پایاسازان شرق",
    "توسعهٔ عمران مهر",
    "آرمان‌شهر سبز",
    "خانه‌سازی نوآوران",
    "عمران و مسکن پارسیان",
)
CANCEL_REASONS = (
    "مالک از اجرای کار منصرف شد.",
    "قرارداد با مالک فسخ شد.",
    "کنتورها در پروژهٔ دیگری ثبت شده‌اند.",
    "پلاک ثبتی اشتباه بود و پروژه دوباره ثبت می‌شود.",
)
REPORTS = {
    "approved": (
        "آزمون نشتی انجام شد و افت فشاری دیده نشد. لوله‌کشی با نقشه می‌خواند و بست‌ها درست نصب شده‌اند.",
        "مسیر لوله‌ها، شیرهای قطع و دودکش‌ها بررسی و تایید شد.",
        "همهٔ کنتورها بازدید شدند؛ فاصله‌ها و رنگ‌آمیزی لوله‌ها مطابق مقررات است.",
    ),
    "sub_work": (
        "لوله‌های زیرکار پیش از پوشاندن دیده شد؛ نوارپیچی و عمق کار درست است.",
        "بخشی از لوله‌های توکار دیده شد. پس از پایان بخش دیگر دوباره اطلاع داده شود.",
    ),
    "defects": (
        "شیر قطع پیش از اجاق نصب نشده و دودکش آبگرمکن به کلاهک نرسیده است.",
        "فاصلهٔ لولهٔ گاز از کابل برق کمتر از اندازهٔ مجاز است و دو بست نصب نشده.",
    ),
    "absent_with_fee": ("در زمان تعیین‌شده کسی در محل نبود و شمارهٔ همراه مجری پاسخ داده نشد.",),
    "absent_without_fee": (
        "مجری با هماهنگی قبلی حاضر نشد؛ ساختمان به علت قطع برق در دسترس نبود.",
        "به علت بارندگی شدید بازدید ممکن نشد و با مجری برای روز دیگری قرار گذاشته می‌شود.",
    ),
}
DISMISSALS = (
    "بازرس دو بار در زمان بازدید حاضر نشد و مجری شکایت کرد.",
    "بازرس به مأموریت رفته و تا ماه آینده در دسترس نیست.",
)
REMARKS = ("برای وصل گاز پیش از سرما", "مدارک نزد شرکت گاز آماده است.", "")
REJECTION = "دریچهٔ موتورخانه پس از بازرسی نهایی بسته شده است؛ ابتدا آن را باز کنید."
REVOCATION = "شرکت گاز در بازدید خود تغییر مسیر لوله پس از صدور تاییدیه را گزارش کرد."
NO_OFFICE = "990"  # the first digits of a national code say which registry office gave it; this is none


@dataclass(frozen=True)
class MeterKind:
    """A meter as such a building has it: area in m² and consumption in m³/h, within what REG-7 permits."""

    usage: str
    areas: tuple[int, ...]
    consumptions: tuple[float, ...]
    most: int  # such meters in one project


METERS = (
    MeterKind("residential", (68, 74, 82, 95, 104, 118), (2.5, 3.2, 4, 5, 5.8), 6),
    MeterKind("residential", (125, 140, 165, 190, 240), (4, 6, 7.5, 9), 4),
    MeterKind("commercial", (36, 48, 60, 90), (3, 4.5, 6), 3),
    MeterKind("office", (180, 220, 310, 420), (8, 10, 14), 2),
    MeterKind("motor_room", (650, 780, 1100, 1250), (25, 32, 40), 1),
    MeterKind("public", (900, 1400, 1900), (30, 48, 65), 1),
    MeterKind("workshop", (520, 700, 760), (16, 22, 25), 1),
)


@dataclass
class Invention:
    """Invents values; the same seed and the same order of calls give the same values."""

    random: Random
    _count: int = field(default=0, init=False)

    def number(self) -> int:
        """The next number of a counter, the source of unique values."""
        self._count += 1
        return self._count

    def property(self, region: int | None = None) -> dict[str, Any]:
        """A property that is new to the organisation, as ``register_property`` takes it (REG-2)."""
        count, random = self.number(), self.random
        region = region or random.choice([number for number in DISTRICTS if number != NOBODY_FREE])
        street, alley = random.choice(STREETS), random.choice(ALLEYS)
        return {
            "region": region,
            "main_plate": str(random.randrange(12, 9800)),
            "sub_plate": str(random.randrange(1, 2400)),
            "renovation_code": f"{region}-{random.randrange(1, 40)}-{random.randrange(1, 60)}-{count}-0-0-0",
            "postal_code": f"{random.randrange(3000, 9000)}{count:06d}",
            "address": f"خیابان {street}، کوچهٔ {alley} {random.randrange(2, 40)}، پلاک {random.randrange(1, 180)}",
            "land_area": random.choice([150, 180, 200, 212.5, 240, 260, 300, 325.75, 400, 520, 750]),
            "floors": random.randrange(1, 9),
        }

    def owner(self) -> dict[str, Any]:
        """An owner as ``register_owner`` takes it: one in five is a company (REG-4)."""
        count, random = self.number(), self.random
        mobile = f"{MOBILES}{3000 + count:07d}"
        if random.random() < 0.2:
            return {
                "owner_kind": "company",
                "company_name": random.choice(COMPANIES),
                "national_id": company_number(1_400_000_000 + 37 * count),
                "mobile": mobile,
                "registration_number": str(random.randrange(1200, 98_000)),
                "agent_name": self.full_name(),
            }
        return {
            "owner_kind": "person",
            "first_name": random.choice(MEN + WOMEN),
            "last_name": random.choice(FAMILIES),
            "father_name": random.choice(MEN),
            "national_code": national_number(137 * count),
            "mobile": mobile,
        }

    def full_name(self) -> str:
        return f"{self.random.choice(MEN + WOMEN)} {self.random.choice(FAMILIES)}"

    def building(self) -> dict[str, Any]:
        random = self.random
        return {
            "building_name": random.choice(BUILDINGS),
            "riser_status": random.choice(["none", "requested", "installed", "installed"]),
            "work_type": random.choice(["surface", "surface", "concealed"]),
            "is_block": random.random() < 0.25,
        }

    def meters(self) -> list[dict[str, Any]]:
        """The meters of a building: mostly of a single kind."""
        random = self.random
        main = random.choice(METERS)
        kinds = [main] * random.randrange(1, main.most + 1)
        if random.random() < 0.3:
            kinds.append(random.choice(METERS))
        return [
            {
                "units": 1 if kind.most > 1 else random.randrange(4, 24),
                "usage": kind.usage,
                "floor_area": random.choice(kind.areas),
                "consumption": random.choice(kind.consumptions),
            }
            for kind in kinds
        ]


def national_number(count: int) -> str:
    """A national code with its check digit that nobody holds."""
    return _checked(f"{NO_OFFICE}{count:06d}", national_code)


def company_number(count: int) -> str:
    """A company's national id with its check digit."""
    return _checked(f"{count:010d}", company_id)


def _checked(digits: str, reads: Any) -> str:
    for check in "0123456789":
        try:
            accepted: str = reads(digits + check)
        except ValueError:
            continue
        return accepted
    raise ValueError(f"No check digit fits {digits}")


def add_properties(session: Session, invention: Invention, *, until: datetime) -> list[Property]:
    """Properties that the organisation knows already, registered over the year before ``until``."""
    properties = []
    for count in range(PROPERTIES):
        values = invention.property(region=DISTRICTS[count % len(DISTRICTS)])
        area = Decimal(str(values.pop("land_area")))
        entry = Property(
            code=f"demo-{count}",
            land_area=area,
            registered_at=until - timedelta(days=6 * (PROPERTIES - count)),
            **values,
        )
        session.add(entry)
        session.flush()
        entry.code = property_code(entry.id)
        properties.append(entry)
    session.flush()
    return properties


def paper(title: str, *, variant: int) -> tuple[str, bytes]:
    """A scanned paper under a document title: a file name and its content, PDF or, for photos, PNG."""
    page = Image.new("RGB", (420, 594), (250, 249, 244))
    draw = ImageDraw.Draw(page)
    if title == "photos":
        return f"{title}-{variant + 1}.png", _png(_facade(page, draw, variant))
    draw.rectangle((24, 24, 396, 570), outline=(90, 90, 110), width=2)
    for line in range(4 + variant % 3, 26):
        right, length = 372, 150 + (line * 53 + variant * 31) % 170
        draw.line((right - length, 60 + line * 17, right, 60 + line * 17), fill=(60, 62, 70), width=3)
    draw.ellipse((60, 470, 140, 550), outline=(40, 70, 150), width=4)
    out = io.BytesIO()
    page.save(out, "PDF", resolution=72, title=title)
    return f"{title}-{variant + 1}.pdf", out.getvalue()


def _facade(page: Image.Image, draw: ImageDraw.ImageDraw, variant: int) -> Image.Image:
    """A house with windows, for a photo of the building."""
    floors = 3 + variant % 3
    top = 560 - 110 * floors if floors < 5 else 20
    draw.rectangle((0, 0, 420, 594), fill=(176, 205, 228))
    draw.rectangle((70, top, 350, 594), fill=(206, 188, 160))
    for floor in range(floors):
        for window in range(3):
            left, upper = 95 + window * 85, top + 25 + floor * 110
            draw.rectangle((left, upper, left + 55, upper + 60), fill=(70, 92, 112))
    return page


def _png(page: Image.Image) -> bytes:
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return out.getvalue()
