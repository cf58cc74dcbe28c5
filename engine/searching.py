"""Search by the beginnings of words: which words find a case, and the few cases that have a rare one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
)  # fmt: skip
from sqlalchemy.orm import Session, undefer

from engine.xml import parse_xml
from models.case import Case, CaseWord
from models.definition import ProcessDefinition
from models.digits import WORD_LENGTH, search_key, search_words

SPELLED = 8  # words with one beginning that are looked up one by one; with more, each case's own text is read
RARE = 2_000  # cases with a word that are looked at one by one; with more, a page of the newest is soon found
LONGEST = 1_000  # signs of all words of a case
TYPED = 10  # words typed that count

_LAST = "\U0010ffff"  # sorts after every sign
# sha256 of a deployed diagram → the names of its elements, each with its words. Versions never change.
_names: dict[str, dict[str, str]] = {}


def words_of(number: str, texts: Iterable[str]) -> list[str]:
    """The words that find a case, each once. Its count is found with and without zeros before it, too."""
    pieces = search_key(number).split()[:2]  # year and count; the check digit finds nothing by itself
    found = dict.fromkeys([*pieces, *(piece.lstrip("0") for piece in pieces[1:])])
    for text in texts:
        found.update(dict.fromkeys(search_words(text)))
    found.pop("", None)
    kept, length = [], 0
    for word in found:
        length += len(word) + 1
        if length > LONGEST:
            break
        kept.append(word)
    return kept


def as_text(words: Iterable[str]) -> str:
    """Words as ``Case.search_text`` keeps them: a word begins where a space is."""
    return "".join(f" {word}" for word in words)


def typed_words(q: str) -> list[str]:
    return [word[:WORD_LENGTH] for word in search_key(q[:200]).split()[:TYPED]]


def having(word: str) -> ColumnElement[bool]:
    """The condition on ``Case`` that a word of it begins so."""
    return Case.search_text.contains(f" {word}", autoescape=True)


def all_having(words: Sequence[str]) -> ColumnElement[bool]:
    return and_(*map(having, words))


@dataclass(frozen=True)
class Beginning:
    """A beginning of words that was typed, and what the cases have for it."""

    typed: str
    cases: int  # that have such a word (twice, if it has two); counted to one more than ``RARE``
    words: list[str]  # that begin so, read to one more than ``SPELLED``

    def of_case(self, case_id: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition that a case has such a word; ``Case`` is joined.

        A few words are looked up beside the case: their index is small and holds neighbours together, where each
        case's own row would have to be fetched from elsewhere.
        """
        if len(self.words) > SPELLED:
            return having(self.typed)
        return exists().where(CaseWord.word.in_(self.words), CaseWord.case_id == case_id)


def beginnings(session: Session, typed: Sequence[str]) -> list[Beginning]:
    """What the cases have for each word typed."""
    if not typed:
        return []
    counts = [
        select(literal_column(str(place), Integer), literal_column("''", String), func.count()).select_from(
            _cases_with(word).limit(RARE + 1).subquery()
        )
        for place, word in enumerate(typed)
    ]
    spelled = [_spelled(place, word) for place, word in enumerate(typed)]
    rows = session.execute(union_all(*counts, *spelled)).all()
    cases = {place: count for place, word, count in rows if not word}
    words = {place: [word for at, word, _count in rows if word and at == place] for place in cases}
    return [Beginning(word, cases[place], words[place]) for place, word in enumerate(typed)]


def rare_cases(found: Sequence[Beginning]) -> Select[int] | None:
    """The ids of the cases that have the rarest of these words, if those are few; ``None`` if all are frequent."""
    rarest = min(found, key=lambda beginning: beginning.cases, default=None)
    if rarest is None or rarest.cases > RARE:
        return None
    return select(_cases_with(rarest.typed).limit(RARE).subquery().c.case_id)


def element_names(session: Session) -> dict[str, str]:
    """The names of what waits for people in deployed diagrams, of all versions → their words, as ``as_text``."""
    found: dict[str, str] = {}
    rows = session.execute(select(ProcessDefinition.id, ProcessDefinition.sha256)).all()
    for definition_id, digest in rows:
        if digest not in _names:
            definition = session.get_one(ProcessDefinition, definition_id, options=[undefer(ProcessDefinition.xml)])
            _names[digest] = _read_names(definition.xml)
        found.update(_names[digest])
    return found


def one_by_one(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition for rows that are read in the order of an index until there are enough of them.

    Said plainly, PostgreSQL reckons that so few rows meet several of them that it reads all and sorts.
    """
    return case((condition, true()), else_=false())


def _read_names(xml: bytes) -> dict[str, str]:
    """Of tasks and events: nothing else waits for people."""
    nodes = [node for node in parse_xml(xml).iter("{*}*") if str(node.tag).lower().endswith(("task", "event"))]
    names = (node.get("name") or node.get("id") or "" for node in nodes)
    return {name: as_text(search_words(name)) for name in names if name}


def _spelled(place: int, typed: str) -> Select[int, str, int]:
    """The words that begin so, in their order: each is the smallest after the one before."""
    smallest, end = func.min(CaseWord.word), CaseWord.word < typed + _LAST
    first = select(smallest.label("word"), literal_column("1", Integer).label("nth"))
    words = first.where(CaseWord.word >= typed, end).cte(f"words_{place}", recursive=True)
    after = select(smallest).where(CaseWord.word > words.c.word, end).scalar_subquery()
    more = and_(words.c.word.is_not(None), words.c.nth <= SPELLED)
    each = words.union_all(select(after, words.c.nth + 1).where(more))
    return select(literal_column(str(place), Integer), each.c.word, literal_column("0", Integer)).where(
        each.c.word.is_not(None)
    )


def _cases_with(word: str) -> Select[int]:
    return select(CaseWord.case_id).where(CaseWord.word >= word, CaseWord.word < word + _LAST)
