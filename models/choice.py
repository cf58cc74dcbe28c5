"""One entry of a list that a person chooses from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """``value`` is what is stored; ``label`` what the person reads; ``description`` a second line."""

    value: str | int
    label: str
    description: str | None = None
