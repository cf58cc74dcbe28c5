"""Words that find a case are kept with one spelling of their hamza (هیئت, هیأت, هیات)

A new folding needs no new words from whoever starts the next step: what is kept is folded here. The kept words have
lost their hamza (``مسئول`` is ``مسیول``), so those of the subject are folded anew from the subject itself, and the
others by their known beginnings.

Revision ID: 0015
Revises: 0014
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHUNK = 1_000  # cases
LONGEST = 1_000  # signs of all words of a case
WORD_LENGTH = 60

cases = sa.table(
    "cases", sa.column("id", sa.BigInteger), sa.column("subject", sa.Text), sa.column("search_text", sa.Text)
)
case_words = sa.table("case_words", sa.column("word", sa.Text), sa.column("case_id", sa.BigInteger))

CONSONANTS = "بپتثجچحخدذرزژسشصضطظعغفقکگلمنه"
FOLDED_ANEW = (
    (re.compile("[ـ\u064b-\u0652]"), ""),
    (re.compile("ئ(?=[وؤ])"), "و"),
    (re.compile(f"(?<=[{CONSONANTS}ی])ئ(?=[{CONSONANTS}])"), "ا"),
    (re.compile("ئ"), "ی"),
    (re.compile("ؤ"), "و"),
    (re.compile("[آأإ]"), "ا"),
    (re.compile("(?<=ا)ء(?=[^\\W\\d_])"), "ی"),
    (re.compile("ء"), ""),
    (re.compile("و{2,}"), "و"),
)
BEGINNINGS = {  # as they were kept → as they are kept from now on
    "هییت": "هیات",
    "مسیول": "مسول",
    "مسیله": "مساله",
    "جریت": "جرات",
    "نشیت": "نشات",
    "سیوال": "سوال",
    "ریوف": "روف",
}
CHANGED = ["وو", "ء", *(f" {beginning}" for beginning in BEGINNINGS)]


def upgrade() -> None:
    connection, last = op.get_bind(), 0
    touched = sa.or_(
        *(cases.c.search_text.contains(part) for part in CHANGED),
        *(cases.c.subject.contains(sign) for sign in "ئء"),
    )
    while True:
        wanted = sa.select(cases).where(cases.c.id > last, touched).order_by(cases.c.id).limit(CHUNK)
        rows = connection.execute(wanted).all()
        for row in rows:
            _fold(connection, row.id, row.subject or "", row.search_text or "")
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


def downgrade() -> None:
    """The words stay: folded so, they find their cases as before wherever no hamza is in them."""


def folded(word: str) -> str:
    """A kept word as it is kept from now on."""
    for beginning, new in BEGINNINGS.items():
        if word.startswith(beginning):
            word = new + word.removeprefix(beginning)
    word = re.sub("(?<=ا)ء(?=[^\\W\\d_])", "ی", word).replace("ء", "")
    return re.sub("و{2,}", "و", word)


def of_subject(subject: str) -> list[str]:
    """The words of a subject that have a hamza whose letter was lost."""
    words = []
    for word in re.findall("[^\\W\\d_ـ\u064b-\u0652]*[ئء][\\wـ\u064b-\u0652]*", subject):
        for pattern, letter in FOLDED_ANEW:
            word = pattern.sub(letter, word)
        words.append(word[:WORD_LENGTH])
    return words


def _fold(connection: sa.Connection, case_id: int, subject: str, text: str) -> None:
    before = text.split()
    after: list[str] = []
    length = 0
    for word in dict.fromkeys([*map(folded, before), *of_subject(subject)]):
        length += len(word) + 1
        if word and length <= LONGEST:
            after.append(word)
    gone, new = set(before) - set(after), set(after) - set(before)
    if not gone and not new:
        return
    connection.execute(
        sa.update(cases).where(cases.c.id == case_id).values(search_text="".join(f" {word}" for word in after))
    )
    if gone:
        connection.execute(sa.delete(case_words).where(case_words.c.case_id == case_id, case_words.c.word.in_(gone)))
    if new:
        connection.execute(sa.insert(case_words), [{"word": word, "case_id": case_id} for word in sorted(new)])
