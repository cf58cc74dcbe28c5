"""Search by the beginnings of words: which words find a case, and the few cases that rare or several words lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, bindparam, case, false, func, literal, select, true
from sqlalchemy.orm import Session, aliased, undefer

from engine.persistence import statements
from engine.xml import parse_xml
from models.case import Case, CaseWord
from models.definition import ProcessDefinition
from models.digits import WORD_LENGTH, search_beginning, search_key, search_words

MAX_SPELLINGS = 8  # words with one beginning that are looked up one by one; with more, each case's own text is read
MAX_RARE_CASES = 2_000  # cases with a word that are looked at one by one; with more, a page of the newest is soon found
MAX_TEXT_LENGTH = 1_000  # signs of all words of a case
MAX_TYPED_WORDS = 10  # words typed that count

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
        if length > MAX_TEXT_LENGTH:
            break
        kept.append(word)
    return kept


def as_text(words: Iterable[str]) -> str:
    """Words as ``Case.search_text`` keeps them: a word begins where a space is."""
    return "".join(f" {word}" for word in words)


def typed_words(q: str) -> list[str]:
    return [word[:WORD_LENGTH] for word in search_beginning(q[:200]).split()[:MAX_TYPED_WORDS]]


def having(word: str) -> ColumnElement[bool]:
    """The condition on ``Case`` that a word of it begins so."""
    return Case.search_text.contains(f" {word}", autoescape=True)


def all_having(words: Sequence[str]) -> ColumnElement[bool]:
    return and_(*map(having, words))


def _ask_for_beginning() -> CompoundSelect[int, str]:
    """A row with the number of cases, and one for each word: the smallest first, then the next after each."""
    begin, end = CaseWord.word >= bindparam("typed"), CaseWord.word < bindparam("end")
    some = select(CaseWord.case_id).where(begin, end).limit(bindparam("most"))
    smallest = func.min(CaseWord.word)
    first = select(smallest.label("word"), literal(1).label("nth")).where(begin, end)
    words = first.cte("words", recursive=True)
    after = select(smallest).where(CaseWord.word > words.c.word, end).scalar_subquery()
    more = and_(words.c.word.is_not(None), words.c.nth <= bindparam("spelled"))
    words = words.union_all(select(after, words.c.nth + 1).where(more))
    count = select(func.count().label("number"), literal("").label("word")).select_from(some.subquery())
    return count.union_all(select(literal(0), words.c.word).where(words.c.word.is_not(None)))


_BEGINNING = _ask_for_beginning()


@dataclass(frozen=True)
class Beginning:
    """A beginning of words that was typed, and what the cases have for it."""

    typed: str
    cases: int  # that have such a word (twice, if it has two); counted to one more than ``MAX_RARE_CASES``
    words: list[str]  # that begin so, read to one more than ``MAX_SPELLINGS``

    def of_case(self, case_id: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition that a case has such a word; ``Case`` is joined.

        A few words are looked up beside the case: their index is small and holds neighbours together, where each
        case's own row would have to be fetched from elsewhere.
        """
        if len(self.words) > MAX_SPELLINGS:
            return having(self.typed)
        looked_up = select(CaseWord.case_id).where(CaseWord.word.in_(self.words), CaseWord.case_id == case_id).limit(1)
        return looked_up.scalar_subquery().is_not(None)  # for EXISTS, PostgreSQL reads all cases with the word


def beginnings(session: Session, typed: Sequence[str]) -> list[Beginning]:
    """What the cases have for each word typed."""
    found = []
    for word in typed:
        asked = {"typed": word, "end": word + _LAST, "most": MAX_RARE_CASES + 1, "spelled": MAX_SPELLINGS}
        rows = session.execute(_BEGINNING, asked).all()
        found.append(Beginning(word, sum(row.number for row in rows), [row.word for row in rows if row.word]))
    return found


def few_cases(session: Session, found: Sequence[Beginning]) -> Select[int] | list[int] | None:
    """The ids of a few cases among which all are that have these words; ``None`` if those are too many.

    They are the cases with the rarest word, or those with all of several frequent words, whose lists are met in the
    index: read from the newest case backwards, words that are hardly ever together would cost all cases.
    """
    rarest = min(found, key=lambda beginning: beginning.cases, default=None)
    if rarest is not None and rarest.cases <= MAX_RARE_CASES:
        return select(_cases_with(rarest.typed).limit(MAX_RARE_CASES).subquery().c.case_id)
    spelled = [one.words for one in found if len(one.words) <= MAX_SPELLINGS]
    if len(spelled) < 2:
        return None
    first, *others = lists = [aliased(CaseWord) for _ in spelled]
    met = select(first.case_id).where(*(one.word.in_(words) for one, words in zip(lists, spelled, strict=True)))
    for other in others:
        met = met.join(other, other.case_id == first.case_id)
    ids = session.scalars(met.limit(MAX_RARE_CASES + 1)).all()
    return None if len(ids) > MAX_RARE_CASES else sorted(set(ids))


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


def _cases_with(word: str) -> Select[int]:
    return select(CaseWord.case_id).where(CaseWord.word >= word, CaseWord.word < word + _LAST)


def set_subject(session: Session, case: Case, subject: str, search: list[str]) -> None:
    """Set the title of the case in lists, and the words that find it: its number, ``subject`` and ``search``."""
    case.subject = subject[:300]
    words = words_of(case.number, [subject, *search])
    before, after = set(case.search_text.split()), set(words)
    if before == after:
        return
    case.search_text = as_text(words)
    connection = session.connection()
    if gone := before - after:
        connection.execute(statements.DELETE_WORDS, {"this_case": case.id, "this_words": sorted(gone)})
    connection.execute(statements.ADD_WORDS, [{"word": word, "case_id": case.id} for word in sorted(after - before)])
