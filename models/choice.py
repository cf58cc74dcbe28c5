"""One option of a choice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """``value`` is stored; ``label`` is the text for the person; ``description`` a second line."""

    value: str | int
    label: str
    description: str | None = None
