"""Search for registered properties by code, by region and plate, or by renovation code (REG-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.building import Property
from models.digits import clean
from models.identifiers import code_digits, damm_valid
from models.language import gettext as _
from models.organisation import NUMBER

MAX_HITS = 20  # of the result


class EmptySearch(Exception):
    """Every search field is empty."""


@dataclass(frozen=True)
class Hits:
    hits: Sequence[Property]
    more: bool  # there are others beyond these


def search(session: Session, typed: Mapping[str, Any]) -> Hits:
    """Properties that match all typed values.

    Raises EmptySearch: every field is empty. Raises ValueError: a value is malformed; its text is for the searcher.
    """
    conditions = _conditions(typed)
    if not conditions:
        raise EmptySearch
    hits = session.scalars(select(Property).where(*conditions).order_by(Property.id).limit(MAX_HITS + 1)).all()
    return Hits(hits[:MAX_HITS], len(hits) > MAX_HITS)


def _conditions(typed: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    code = code_digits(str(typed.get("property_code") or "")).replace("-", "")
    if code:
        if not damm_valid(code):
            raise ValueError(_("این کد ثبتی درست نیست. رقم‌های آن را بررسی کنید؛ شاید رقمی جابه‌جا نوشته شده باشد."))
        conditions.append(Property.code == f"{code[:-1]}-{code[-1]}")
    region = clean(str(typed.get("region") or ""))
    if region:
        conditions.append(Property.region == (int(region) if NUMBER.fullmatch(region) else 0))
    for name, column in (("main_plate", Property.main_plate), ("sub_plate", Property.sub_plate)):
        plate = code_digits(str(typed.get(name) or "")).replace("-", "")
        if plate:
            conditions.append(column == plate)
    renovation = code_digits(str(typed.get("renovation_code") or "")).upper()
    if renovation:
        conditions.append(Property.renovation_code == renovation)
    return conditions
