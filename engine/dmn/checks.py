"""Checks of decision tables before they are deployed: overlaps, gaps, values of the wrong type.

Every bound a column mentions is tried, and a value between each two neighbours: no more is needed for ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from engine.dmn import feel
from engine.dmn.decision import LISTS, TYPE_NAMES, Decision, DecisionModel, Input, fits
from engine.findings import Finding, error, warning
from models.language import gettext as _
from models.language import listed

Value = Any
MAX_TRIES = 400_000  # rows × combinations of values: a second or two
MAX_NAMED = 10  # overlaps named one by one
OTHER_TEXT = "\u2026"  # stands for every text that a column does not mention


def check(model: DecisionModel) -> list[Finding]:
    """The findings about all decision tables of a file.

    Errors: rows that overlap where the policy forbids it (UNIQUE; ANY with different answers), values that are
    not of their column's type, an order by values that are not listed. Warnings: combinations between the
    outermost bounds, or of the values listed, that no row answers; a table for which this cannot be decided.
    """
    return [finding for decision in model.decisions.values() for finding in _check(decision)]


def _check(decision: Decision) -> Iterator[Finding]:
    if decision.literal is not None:
        return
    wrong = [*_wrong_types(decision), *_no_order(decision)]
    yield from wrong
    if wrong or not _wants_an_answer(decision):
        return
    if unknown := _unknown(decision):
        yield warning("dmn.not_checkable", decision.id, unknown)
        return
    tried: list[list[tuple[Value, bool]]] = []
    tries = max(len(decision.rules), 1)
    for place, column in enumerate(decision.columns):
        tried.append(_values([rule.tests[place] for rule in decision.rules], column))
        tries *= len(tried[-1])
        if tries > MAX_TRIES:
            yield warning(
                "dmn.too_large", decision.id, _("جدول برای بررسی کامل بزرگ است. هم‌پوشانی و حالت پوشش‌نیافته بررسی نشد.")
            )
            return
    yield from _overlaps_and_gap(decision, tried)


def _wants_an_answer(decision: Decision) -> bool:
    """Not a list, which may be empty, nor a count, which is 0 then."""
    if decision.policy in LISTS:
        return decision.aggregation not in ("", "COUNT")
    return True


def _unknown(decision: Decision) -> str:
    """The reason why the table alone does not determine which values its columns can have together; "" if it does."""
    seen: set[str] = set()
    for column in decision.columns:
        if not feel.is_name(column.expression) or column.expression in seen:
            return _(
                "ستون «%(column)s» از داده محاسبه می‌شود. هم‌پوشانی و حالت پوشش‌نیافته بررسی نشد.", column=column.label
            )
        seen.add(column.expression)
    for rule in decision.rules:
        if any(test.names for test in rule.tests):
            return _("مرز ردیف %(row)s به داده بستگی دارد. هم‌پوشانی و حالت پوشش‌نیافته بررسی نشد.", row=rule.number)
    return ""


def _no_order(decision: Decision) -> Iterator[Finding]:
    ordered = decision.policy in ("PRIORITY", "OUTPUT ORDER")
    if ordered and not any(result.priorities for result in decision.results):
        message = _(
            "سیاست انتخاب %(policy)s ترتیب خروجی‌ها را لازم دارد. آن‌ها را در ستون خروجی فهرست کنید.",
            policy=decision.policy,
        )
        yield error("dmn.no_order", decision.id, message)


def _wrong_types(decision: Decision) -> Iterator[Finding]:
    for rule in decision.rules:
        for column, test in zip(decision.columns, rule.tests, strict=True):
            for point in test.points:
                if not fits(column.type, point):
                    yield _of_wrong_type(decision, rule.number, rule.id, column.label, column.type, point)
        for result, cell in zip(decision.results, rule.outputs, strict=True):
            if cell and not feel.names_in(cell) and not fits(result.type, value := feel.expression(cell)({})):
                yield _of_wrong_type(decision, rule.number, rule.id, result.name, result.type, value)


def _of_wrong_type(decision: Decision, row: int, rule: str, column: str, kind: str, value: Value) -> Finding:
    message = _(
        "ردیف %(row)s، ستون «%(column)s»: «%(value)s» %(type)s نیست.",
        row=row,
        column=column,
        value=_joined((value,)),
        type=TYPE_NAMES[kind],
    )
    return error("dmn.wrong_type", rule or decision.id, message)


def _overlaps_and_gap(decision: Decision, tried: Sequence[list[tuple[Value, bool]]]) -> Iterator[Finding]:
    overlaps: dict[tuple[int, ...], tuple[Value, ...]] = {}
    gap: tuple[Value, ...] | None = None
    for values, meant in _combinations(tried):
        hits = [place for place, rule in enumerate(decision.rules) if rule.matches(values, {})]
        if len(hits) > 1 and _forbidden(decision, hits):
            overlaps.setdefault(tuple(hits), values)
        if not hits and meant and gap is None:
            gap = values
    for hits_, values in list(overlaps.items())[:MAX_NAMED]:
        rows = listed(str(decision.rules[place].number) for place in hits_)
        message = _("ردیف‌های %(rows)s هم‌پوشانی دارند؛ نمونه: %(values)s", rows=rows, values=_joined(values))
        yield error("dmn.overlap", decision.rules[hits_[-1]].id or decision.id, message)
    if gap is not None and not any(result.default for result in decision.results):
        yield warning("dmn.gap", decision.id, _("برای این ورودی ردیفی نیست: %(values)s", values=_joined(gap)))


def _forbidden(decision: Decision, hits: list[int]) -> bool:
    if decision.policy == "UNIQUE":
        return True
    return decision.policy == "ANY" and len({decision.rules[place].outputs for place in hits}) > 1


def _combinations(tried: Sequence[list[tuple[Value, bool]]]) -> Iterator[tuple[tuple[Value, ...], bool]]:
    if not tried:
        yield (), True
        return
    for values, meant in _combinations(tried[:-1]):
        for value, value_meant in tried[-1]:
            yield (*values, value), meant and value_meant


def _joined(values: tuple[Value, ...]) -> str:
    return listed("—" if value is None else str(value)[:60] for value in values)


def _values(cells: list[feel.Cell], column: Input) -> list[tuple[Value, bool]]:
    """Values to try in a column. The flag: whether the table means such a value, so that it wants an answer."""
    if column.allowed is not None:
        cells = [*cells, column.allowed]
    points = {(type(point), point): point for cell in cells for point in cell.points if point is not None}
    for kinds in ((int, Decimal), datetime, date, time, timedelta):  # a datetime is a date too: it comes first
        ordered = sorted((p for p in points.values() if isinstance(p, kinds) and type(p) is not bool), key=_order)
        if ordered:
            return [(value, meant and _allowed(column, value)) for value, meant in _around(ordered, cells)]
    texts = sorted(point for point in points.values() if isinstance(point, str))
    if texts:
        return [(text, _allowed(column, text)) for text in texts] + [(OTHER_TEXT, False)]
    if column.type == "boolean" or any(isinstance(point, bool) for point in points.values()):
        return [(True, True), (False, True)]
    return [(None, True)]


def _order(point: Value) -> Any:
    """Moments with and without a time zone cannot be compared with each other; as texts they can."""
    return point if not isinstance(point, datetime | time) else point.replace(tzinfo=None)


def _allowed(column: Input, value: Value) -> bool:
    return column.allowed is None or column.allowed.matches(value, {})


def _around(ordered: list[Value], cells: list[feel.Cell]) -> Iterator[tuple[Value, bool]]:
    """Each point, one between each two neighbours, and one beyond each end, which the table need not answer.

    Nor need it answer the end itself, if no cell of the column matches it or a value beyond it (``< 20``).
    """

    def is_covered(*values: Value) -> bool:
        return any(cell.matches(value, {}) for cell in cells for value in values)

    step: Any = timedelta(days=1) if isinstance(ordered[0], date | timedelta) else 1
    if isinstance(ordered[0], time):
        yield from ((point, True) for point in ordered)
        return
    below, above = ordered[0] - step, ordered[-1] + step
    yield below, False
    yield ordered[0], is_covered(below, ordered[0])
    for low, high in pairwise(ordered):
        between = _between(low, high)
        if between is not None:
            yield between, True
        yield high, high != ordered[-1] or is_covered(high, above)
    yield above, False


def _between(low: Value, high: Value) -> Value:
    if isinstance(low, int | Decimal):
        return feel.number((Decimal(low) + Decimal(high)) / 2) if low != high else None
    try:
        middle = low + (high - low) / 2
    except TypeError:
        return None
    return middle if low < middle < high else None
