"""Values of S-FEEL: numbers in one form, comparing, arithmetic, dates and durations from text; null for nonsense."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

Value = Any

WHOLE_DIGITS = 34  # as many digits as the standard's numbers have
EXACT = Context(prec=WHOLE_DIGITS)


def number(value: Value) -> Value:
    """A number in its one form: int when whole, else Decimal (not-a-number: null); everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, int):
        return value
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        return None
    return int(exact) if exact.adjusted() < WHOLE_DIGITS and exact == exact.to_integral_value() else exact


def _same_kind(left: Value, right: Value) -> bool:
    numbers = (int, Decimal)
    for kind in (bool, numbers, str, datetime, date, time, timedelta):
        if isinstance(left, kind) or isinstance(right, kind):
            return isinstance(left, kind) and isinstance(right, kind)
    return False


def compare(work: Callable[[Any, Any], bool], left: Value, right: Value) -> bool:
    """Compare as FEEL does: values of different kinds, and null, are never greater or less, nor equal."""
    left, right = number(left), number(right)
    if left is None or right is None:
        return work is operator.eq and left is right
    if not _same_kind(left, right):
        return False
    if isinstance(left, bool) and work is not operator.eq:
        return False
    try:
        return bool(work(left, right))
    except TypeError:  # a moment with a time zone and one without
        return False


ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


def arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Value, Value], Value]:
    """The operator over FEEL values: null for operands it cannot combine."""

    def run(left: Value, right: Value) -> Value:
        if left is None or right is None:
            return None
        if isinstance(left, bool) or isinstance(right, bool):
            return None
        try:
            with localcontext(EXACT):
                return number(work(number(left), number(right)))
        except (TypeError, ArithmeticError):
            return None

    return run


def multiply(left: Value, right: Value) -> Value:
    """The product of two numbers, or of a number and a duration; else null."""
    left, right = number(left), number(right)
    scalable = (int, Decimal, timedelta)  # never a text or a list, which would only be repeated
    return _times(left, right) if isinstance(left, scalable) and isinstance(right, scalable) else None


_times = arithmetic(operator.mul)


def divide(left: Value, right: Value) -> Value:
    """The quotient of two numbers; null for a division by zero."""
    if not all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in (left, right)):
        return None
    return None if right == 0 else number(EXACT.divide(Decimal(left), Decimal(right)))


def power(left: Value, right: Value) -> Value:
    """The power of two numbers; null beyond the bounds of the engine."""
    if not all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in (left, right)):
        return None
    if abs(right) > 1000 or abs(left) > 10**12:
        return None
    try:
        return number(EXACT.power(Decimal(left), Decimal(right)))
    except ArithmeticError:  # a root of a negative number, 0 ** -1
        return None


def both(left: Value, right: Value) -> Value:
    """FEEL ``and``: three-valued."""
    if left is False or right is False:
        return False
    return True if left is True and right is True else None


def either(left: Value, right: Value) -> Value:
    """FEEL ``or``: three-valued."""
    if left is True or right is True:
        return True
    return False if left is False and right is False else None


def opposite(value: Value) -> Value:
    """FEEL ``not``: null for everything but a boolean."""
    return not value if isinstance(value, bool) else None


def negative(value: Value) -> Value:
    """The value with the other sign; null for everything but numbers and durations."""
    value = number(value)
    return -value if isinstance(value, int | Decimal | timedelta) and not isinstance(value, bool) else None


DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def _duration(text: str) -> timedelta:
    match = DURATION.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise ValueError(text)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups()[1:])
    try:
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(text) from None
    return -length if match[1] else length


LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None}
CONVERSIONS: dict[str, Callable[[str], Value]] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "date and time": datetime.fromisoformat,
    "duration": _duration,
}
