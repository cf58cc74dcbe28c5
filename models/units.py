"""The organisation's units, which tickets go to and ``department_staff`` work in (domain section 0)."""

from typing import Any

from models.language import lazy

UNITS: dict[str, Any] = {
    "education": lazy("آموزش، توسعه و پژوهش"),
    "information_technology": lazy("فناوری اطلاعات"),
    "regulations": lazy("کنترل مقررات"),
    "gas_inspection": lazy("بازرسی گاز"),
    "technical_inspection": lazy("بازرسی فنی"),
    "membership": lazy("پروانه عضویت"),
    "employment_licence": lazy("پروانه اشتغال"),
    "surveying": lazy("نقشه برداری"),
    "administration": lazy("اداری و پشتیبانی"),
    "secretariat": lazy("دبیرخانه"),
    "public_relations": lazy("روابط عمومی"),
    "branch_offices": lazy("دفتر نمایندگی ها"),
    "disciplinary_council": lazy("شورای انتظامی"),
    "finance": lazy("مالی"),
    "qualified_contractors": lazy("مجریان ذی صلاح و شناسنامه فنی"),
    "article_27": lazy("ماده 27"),
    "president": lazy("رئیس"),
}
DISTRICTS: dict[str, Any] = {  # written out: a text to translate cannot be put together
    "1": lazy("منطقه ۱"),
    "2": lazy("منطقه ۲"),
    "3": lazy("منطقه ۳"),
    "4": lazy("منطقه ۴"),
    "5": lazy("منطقه ۵"),
    "6": lazy("منطقه ۶"),
    "7": lazy("منطقه ۷"),
    "8": lazy("منطقه ۸"),
    "9": lazy("منطقه ۹"),
    "10": lazy("منطقه ۱۰"),
}
