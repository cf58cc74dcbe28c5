"""One choice of a select or radio field, offered at run time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """``value`` is what is submitted, ``label`` what the reader sees."""

    value: str
    label: str
    description: str = ""
