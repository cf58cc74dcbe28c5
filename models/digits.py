"""One written form for Persian text: digits, letters, invisible characters (ACC-5).

``clean`` gives the stored form, ``search_key`` the searched form. NFKC does not suffice: it leaves ي beside ی.
"""

import re
import unicodedata

ZWNJ = "\u200c"
WORD_LENGTH = 60  # characters of a word in the index
LONGEST_MARKS = 10  # combining marks on one letter; writing has three at most, thousands are slow

_TO_ASCII = {ord(char): str(i % 10) for i, char in enumerate("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩")}
_TO_PERSIAN = {ord(str(i)): char for i, char in enumerate("۰۱۲۳۴۵۶۷۸۹")} | {
    ord(char): "۰۱۲۳۴۵۶۷۸۹"[i] for i, char in enumerate("٠١٢٣٤٥٦٧٨٩")
}
_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_CONSONANTS = "بپتثجچحخدذرزژسشصضطظعغفقکگلمنه"
_HAMZA = (  # the seat of a hamza is written in several ways: هیئت, هیأت, هیات; مسئول, مسؤول, مسوول; قرائت, قراءت
    (re.compile("ئ(?=[وؤ])"), "و"),
    (re.compile(f"(?<=[{_CONSONANTS}ی])ئ(?=[{_CONSONANTS}])"), "ا"),
    (re.compile("(?<=ا)ء(?=[^\\W\\d_])"), "ی"),
    (re.compile("ء"), ""),
)
_OPEN_HAMZA = re.compile(r"(?<=\w)[ئء]+(?!\w)")  # how it is folded depends on the letter that is not typed yet
_SEARCH = str.maketrans({"آ": "ا", "أ": "ا", "إ": "ا", "ٱ": "ا", "ۀ": "ه", "ة": "ه", "ئ": "ی", "ؤ": "و", "ە": "ه"})

# Removed from every text: C0 and C1 controls but tab and new lines, marks of direction, the byte order mark,
# zero-width space, joiner and word joiner, soft hyphen, and halves of surrogate pairs.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200d-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_BREAKING = re.compile("[\x00\ud800-\udfff]")
_ZWNJ_AT_EDGE = re.compile(f"(?:(?<=\\s)|^){ZWNJ}+|{ZWNJ}+(?=\\s|$)", re.MULTILINE)
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029|\x85")


def ascii_digits(text: str) -> str:
    """``text`` with its Persian and Arabic digits as 0-9. Other digits (𝟏, ①) stay."""
    return text.translate(_TO_ASCII)


def persian_digits(text: object) -> str:
    """``text`` (or a number) with every digit as ۰-۹, for Persian readers."""
    return str(text).translate(_TO_PERSIAN)


def storable(text: str) -> str:
    """``text`` without what a database or JSON cannot hold (NUL, halves of surrogate pairs)."""
    return _BREAKING.sub("", text)


def clean(text: str) -> str:
    """``text`` in the stored form: NFC, Persian letters, ASCII digits, nothing invisible.

    Lines stay; spaces at their ends go. The result is its own ``clean``.
    """
    text = _UNSEEN.sub("", _LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", _without_mark_towers(text))
    text = text.translate(_LETTERS).translate(_TO_ASCII)
    text = re.sub(f"{ZWNJ}{{2,}}", ZWNJ, text)
    text = _ZWNJ_AT_EDGE.sub("", text)
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def search_key(text: str) -> str:
    """``text`` in the searched form: similar letters are folded into one, without diacritics.

    ``/`` and ``-`` become spaces, since PostgreSQL reads ``1405/123`` as one word, a file name.
    """
    text = _without_marks(clean(text))
    for pattern, letter in _HAMZA:
        text = pattern.sub(letter, text)
    text = "".join(
        char for char in unicodedata.normalize("NFD", text.translate(_SEARCH)) if not unicodedata.combining(char)
    )
    text = re.sub("و{2,}", "و", unicodedata.normalize("NFC", text).translate(_LETTERS).translate(_SEARCH))
    return " ".join(re.sub(f"[/\\-{ZWNJ}]", " ", text).casefold().split())


def search_beginning(text: str) -> str:
    """What somebody has typed so far, as it is searched: its words begin the ``search_key`` of what they may mean."""
    return search_key(_OPEN_HAMZA.sub("", _without_marks(clean(text))))


def search_words(text: str) -> list[str]:
    """The words of ``text`` for the index, folded, in order; after a sign inside a word another one begins."""
    return [
        token[start : start + WORD_LENGTH]
        for token in search_key(text).split()
        for start in range(len(token))
        if start == 0 or (token[start].isalnum() and not token[start - 1].isalnum())
    ]


def _without_marks(text: str) -> str:
    """``text`` without vowel signs and tatweel; hamza and madda stay on their letters."""
    return "".join(char for char in text if char != "ـ" and not unicodedata.combining(char))


def _without_mark_towers(text: str) -> str:
    """``text`` with at most ``LONGEST_MARKS`` combining marks in a row."""
    if text.isascii() or len(text) <= LONGEST_MARKS:
        return text
    chars, run = [], 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= LONGEST_MARKS:
            chars.append(char)
    return "".join(chars)
