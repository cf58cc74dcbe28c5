"""The text of an SMS as telephones take it: no sign that is not seen, and at most two parts (SMS-1)."""

import re

PARTS = 2
# Signs of one part of several: 67 where any letter is not Latin, else 153 (3GPP TS 23.040).
SIGNS, LATIN_SIGNS = 67, 153

_MARKS_OF_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def sms_text(text: str) -> str:
    """``text`` without marks of direction, which telephones may draw as boxes; too long, it ends at a word with «…».

    A number with hyphens is drawn in its order when it stands first in its line, so the texts put it there.
    """
    text = _MARKS_OF_DIRECTION.sub("", text)
    room, ellipsis = (LATIN_SIGNS * PARTS, "...") if text.isascii() else (SIGNS * PARTS, "…")
    if signs(text) <= room:
        return text
    shortened = text[: room - len(ellipsis) + 1]
    while signs(shortened) > room - len(ellipsis):
        shortened = shortened[:-1]
    at_word = shortened.rsplit(None, 1)[0] if not text[len(shortened)].isspace() else shortened
    return at_word.rstrip(" \n،؛.:") + ellipsis


def signs(text: str) -> int:
    """How many signs ``text`` counts for: UTF-16 units, so an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
