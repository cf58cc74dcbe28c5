"""Municipal districts: properties and inspectors hold their numbers, the organisation's table their names."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from engine.identity import organisation
from models.choice import Choice
from models.organisation import NUMBER, DivisionKind
from workflows.formatting import localized


def choices(session: Session, *, saved: Collection[int] = ()) -> list[Choice]:
    """The districts in use as options of a field, their numbers as values, named in the reader's language.

    ``saved``: numbers that the record has already. They stay options when their districts are out of use.
    """
    every = organisation.of(session).divisions_of(DivisionKind.DISTRICT, active=False)
    numbered = [(int(one.key), one) for one in every if NUMBER.fullmatch(one.key)]
    return [Choice(number, str(one.name)) for number, one in numbered if one.active or number in saved]


def name(session: Session, number: int) -> str:
    """What a district is called, also one out of use; its number, when the table does not have it."""
    known = organisation.of(session).divisions.get((DivisionKind.DISTRICT, str(number)))
    return str(known.name) if known else localized(number)
