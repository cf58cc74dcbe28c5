"""Fields of a step between form and table: what is saved, and what an edit begins with, by one list of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect

from models.base import Base
from workflows.formatting import plain_number


def column_values(model: type[Base], submission: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The submitted values of the fields ``names`` as the model's columns have them: JSON numbers as ``Decimal``."""
    columns = inspect(model).columns
    return {
        name: Decimal(str(submission[name])) if columns[name].type.python_type is Decimal else submission[name]
        for name in names
    }


def save(submission: Mapping[str, Any], record: Base, names: Iterable[str]) -> None:
    """Write the submitted values of the fields ``names`` into the record's columns of the same names."""
    for name, value in column_values(type(record), submission, names).items():
        setattr(record, name, value)


def form_values(record: Base, names: Iterable[str]) -> dict[str, Any]:
    """The record's columns ``names`` as presets of the form's fields of the same names."""
    values = ((name, getattr(record, name)) for name in names)
    return {name: plain_number(value) if isinstance(value, Decimal) else value for name, value in values}
