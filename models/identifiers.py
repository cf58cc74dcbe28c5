"""Parses national codes, company ids, mobiles and postal codes; computes our own check digits.

The parsing functions return the stored form and raise ``ValueError`` with a message, in the reader's language, for the
person who typed the number. Digits of any kind are folded first: the checksum of ``۱۱۱`` would pass on unfolded ones.
"""

import re

from models.digits import clean
from models.language import gettext as _

MAX_LENGTH = 40  # characters that are parsed; every number is shorter

_COMPANY_WEIGHTS = (29, 27, 23, 19, 17, 29, 27, 23, 19, 17)
_MOBILE = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def code_digits(text: str) -> str:
    """``text`` in one form: ASCII digits and no spaces."""
    return re.sub(r"\s", "", clean(text[:MAX_LENGTH]))


def national_code(text: str) -> str:
    """A person's ten-digit national code (کد ملی). Lost leading zeros (8 or 9 digits) come back."""
    code = code_digits(text).replace("-", "")
    if not re.fullmatch(r"[0-9]{8,10}", code):
        raise ValueError(_("کد ملی ده رقم است. آن را بدون فاصله و کامل وارد کنید."))
    code = code.zfill(10)
    remainder = sum(int(digit) * (10 - i) for i, digit in enumerate(code[:9])) % 11
    check = remainder if remainder < 2 else 11 - remainder
    if len(set(code)) == 1 or check != int(code[9]):
        raise ValueError(_("این کد ملی درست نیست. رقم‌ها را با کارت ملی مقایسه کنید."))
    return code


def company_id(text: str) -> str:
    """A company's eleven-digit national id (شناسه ملی)."""
    code = code_digits(text).replace("-", "")
    if not re.fullmatch(r"[0-9]{11}", code):
        raise ValueError(_("شناسهٔ ملی شرکت یازده رقم است. آن را بدون فاصله و کامل وارد کنید."))
    shift = int(code[9]) + 2
    remainder = sum((int(digit) + shift) * weight for digit, weight in zip(code[:10], _COMPANY_WEIGHTS, strict=True))
    if len(set(code)) == 1 or remainder % 11 % 10 != int(code[10]):
        raise ValueError(_("این شناسهٔ ملی درست نیست. رقم‌ها را با آگهی ثبت شرکت مقایسه کنید."))
    return code


def mobile(text: str) -> str:
    """An Iranian mobile number as ``09…``, typed as 0912…, +98912…, 0098912…, 98912… or 912…."""
    match = _MOBILE.fullmatch(re.sub(r"[()\-.]", "", code_digits(text)))
    if match is None:
        raise ValueError(_("شمارهٔ همراه را با یازده رقم و به شکل ۰۹۱۲۳۴۵۶۷۸۹ وارد کنید."))
    return f"0{match[1]}"


def postal_code(text: str) -> str:
    """A ten-digit postal code, as ``1234567890``."""
    code = code_digits(text).replace("-", "")
    if not re.fullmatch(r"[0-9]{10}", code):
        raise ValueError(_("کد پستی ده رقم است. آن را کامل وارد کنید."))
    if code[0] == "0" or len(set(code)) == 1:
        raise ValueError(_("این کد پستی درست نیست. آن را با قبض یا سند مالکیت مقایسه کنید."))
    return code


def damm_digit(digits: str) -> str:
    """The check digit of ``digits`` (Damm): finds every single wrong digit and swap of neighbours."""
    state = 0
    for digit in digits:
        if digit not in "0123456789":
            raise ValueError(f"Not an ASCII digit: {digit!r}")
        state = int(_DAMM[state][int(digit)])
    return str(state)


def damm_valid(digits: str) -> bool:
    """Returns True if the last of ``digits`` is the check digit of the others."""
    return len(digits) > 1 and digits.isascii() and digits.isdigit() and damm_digit(digits) == "0"
