"""The built-in functions and operators of expressions: plain JSON data in and out, sizes capped."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from models.digits import ascii_digits
from models.language import gettext as _
from models.language import lazy

Json = Any  # None, bool, int, float, str, list, dict
Functions = Mapping[str, Callable[..., Json]]

MAX_TEXT, MAX_ITEMS, MAX_NUMBER = 10_000, 1_000, 10**15
MAX_PLACES = 12  # decimal places that ``round`` keeps at most
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_MARKS = str.maketrans({"٫": ".", "٬": None, "−": "-"})  # as Persian writes them

_KINDS = {
    "number": lazy("عدد"),
    "text": lazy("متن"),
    "truth": lazy("درست/نادرست"),
    "list": lazy("فهرست"),
    "record": lazy("مجموعهٔ نام و مقدار"),
    "nothing": lazy("تهی"),
}


class Wrong(Exception):
    """Why an expression cannot be read or worked out; ``engine.expressions.language`` adds which one it is."""


def is_number(value: Json) -> bool:
    """Whether a value is a number; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain(value: Json) -> bool:
    """Whether a value is JSON data, looking at its outermost layer only."""
    return value is None or isinstance(value, str | int | float | list | tuple | dict)


def kind(value: Json) -> str:
    """The kind of a value (number, text, list, …) in the reader's language."""
    if value is None:
        return str(_KINDS["nothing"])
    if isinstance(value, bool):
        return str(_KINDS["truth"])
    if is_number(value):
        return str(_KINDS["number"])
    if isinstance(value, str):
        return str(_KINDS["text"])
    return str(_KINDS["record" if isinstance(value, dict) else "list"])


def capped(value: Json) -> Json:
    """The value itself, unless it is no plain data or larger than an expression may make it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not -MAX_NUMBER <= value <= MAX_NUMBER:  # also not-a-number
            raise Wrong(_("عدد بیش از اندازه بزرگ است."))
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Wrong(_("متن بیش از اندازه بلند است."))
    elif isinstance(value, list | tuple | dict):
        if len(value) > MAX_ITEMS:
            raise Wrong(_("فهرست بیش از اندازه بلند است."))
    else:
        raise Wrong(_("مقدار دادهٔ ساده نیست."))
    return value


# ---------------------------------------------------------------- operators


def _arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Json, Json], Json]:
    def run(left: Json, right: Json) -> Json:
        if not (is_number(left) and is_number(right)):
            raise Wrong(_("برای حساب دو عدد لازم است، نه %(left)s و %(right)s.", left=kind(left), right=kind(right)))
        try:
            return capped(work(left, right))
        except ZeroDivisionError:
            raise Wrong(_("تقسیم بر صفر ممکن نیست.")) from None

    return run


def _quotient(left: Any, right: Any) -> Any:
    """A whole number where it divides without remainder, so that money stays whole."""
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


_sum_of_numbers = _arithmetic(operator.add)
subtract = _arithmetic(operator.sub)
multiply = _arithmetic(operator.mul)
divide = _arithmetic(_quotient)
divide_whole = _arithmetic(operator.floordiv)
remainder = _arithmetic(operator.mod)


def add(left: Json, right: Json) -> Json:
    """Adds numbers, joins texts."""
    if isinstance(left, str) and isinstance(right, str):
        return capped(left + right)
    return _sum_of_numbers(left, right)


def ordering(work: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    """``<`` and its like: of two numbers or two texts."""

    def run(left: Json, right: Json) -> bool:
        if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return work(left, right)
        raise Wrong(_("%(left)s و %(right)s را نمی‌توان با هم مقایسه کرد.", left=kind(left), right=kind(right)))

    return run


def is_in(part: Json, whole: Json) -> bool:
    """``in``: an item of a list, a name of a record, a part of a text."""
    if isinstance(whole, list | tuple):
        return part in whole
    if isinstance(whole, str | dict) and isinstance(part, str):
        return part in whole
    raise Wrong(_("عملگر in در فهرست یا متن می‌گردد، نه در %(kind)s.", kind=kind(whole)))


def item(holder: Json, at: Json) -> Json:
    """``holder[at]``: an item by its place (from 0), a value by its name."""
    by_place = isinstance(holder, list | tuple | str) and isinstance(at, int) and not isinstance(at, bool)
    if not by_place and not (isinstance(holder, dict) and isinstance(at, str)):
        raise Wrong(_("از %(kind)s نمی‌توان جزئی خواند.", kind=kind(holder)))
    try:
        return holder[at]
    except (KeyError, IndexError):
        raise Wrong(_("جزء «%(name)s» وجود ندارد.", name=str(at)[:40])) from None


# ---------------------------------------------------------------- functions


def _number(value: Json) -> Json:
    if is_number(value):
        return value
    digits = ascii_digits(value.strip()).translate(_MARKS) if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(digits):
        raise Wrong(_("«%(value)s» عدد نیست.", value=str(value)[:40]))
    return int(digits) if "." not in digits else float(digits)


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Wrong(_("از %(kind)s متن ساخته نمی‌شود.", kind=kind(value)))


def _one_kind(values: tuple[Json, ...]) -> list[Json]:
    items = list(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else list(values)
    if items and (all(map(is_number, items)) or all(isinstance(value, str) for value in items)):
        return items
    raise Wrong(_("اینجا یک یا چند عدد (یا متن) لازم است."))


def _sum(values: Json) -> Json:
    if not isinstance(values, list | tuple) or not all(map(is_number, values)):
        raise Wrong(_("تابع sum فهرستی از عددها را جمع می‌زند."))
    return sum(values)


def _length(value: Json) -> int:
    if isinstance(value, str | list | tuple | dict):
        return len(value)
    raise Wrong(_("تابع len تعداد کاراکترهای متن یا اجزای فهرست را می‌شمارد، نه %(kind)s را.", kind=kind(value)))


def _round(value: Json, places: Json = 0) -> Json:
    """Half goes away from zero, as at school."""
    if not is_number(value) or not isinstance(places, int) or not 0 <= places <= MAX_PLACES:
        raise Wrong(_("تابع round یک عدد و تعداد رقم‌های اعشار (۰ تا ۱۲) می‌گیرد."))
    exact = Decimal(str(capped(value))).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return int(exact) if places == 0 else float(exact)


def _absolute(value: Json) -> Json:
    if not is_number(value):
        raise Wrong(_("اینجا عدد لازم است."))
    return abs(value)


def _contains(whole: Json, part: Json) -> bool:
    return whole is not None and is_in(part, whole)


def _get(where: Json, key: Json, default: Json = None) -> Json:
    return where.get(key, default) if isinstance(where, dict) and isinstance(key, str) else default


BUILT_IN: dict[str, Callable[..., Json]] = {
    "len": _length,
    "min": lambda *values: min(_one_kind(values)),
    "max": lambda *values: max(_one_kind(values)),
    "round": _round,
    "abs": _absolute,
    "sum": _sum,
    "number": _number,
    "text": _text,
    "lower": lambda value: _text(value).lower(),
    "contains": _contains,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "is_empty": lambda value: value is None or value in ("", [], (), {}),
    "get": _get,
}
LENIENT = frozenset({"coalesce", "is_empty"})  # to them a name without a value is null
