"""Search of cases by prefixes of words: the index of words, and candidate cases for rare or several words."""

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

MAX_SPELLINGS = 8  # words with one prefix that are looked up in the index; with more, each case's text is searched
MAX_RARE_CASES = 2_000  # cases with a word that are all read; with more, the newest cases fill a page sooner
MAX_TEXT_LENGTH = 1_000  # characters of all words of a case
MAX_TYPED_WORDS = 10  # typed words that are searched; more are ignored

_LAST = "\U0010ffff"  # sorts after every sign
# sha256 of a deployed diagram → the names of its elements, each with its words. Versions never change.
_names: dict[str, dict[str, str]] = {}


def words_of(number: str, texts: Iterable[str]) -> list[str]:
    """Search words of a case, each once: its number (the count with and without leading zeros), then ``texts``."""
    pieces = search_key(number).split()[:2]  # year and count; the check digit finds nothing by itself
    words = dict.fromkeys([*pieces, *(piece.lstrip("0") for piece in pieces[1:])])
    for text in texts:
        words.update(dict.fromkeys(search_words(text)))
    words.pop("", None)
    stored, length = [], 0
    for word in words:
        length += len(word) + 1
        if length > MAX_TEXT_LENGTH:
            break
        stored.append(word)
    return stored


def as_text(words: Iterable[str]) -> str:
    """Words in the format of ``Case.search_text``: a space before each word."""
    return "".join(f" {word}" for word in words)


def typed_words(q: str) -> list[str]:
    """The first ``MAX_TYPED_WORDS`` words of a query, folded like the index."""
    return [word[:WORD_LENGTH] for word in search_beginning(q[:200]).split()[:MAX_TYPED_WORDS]]


def having(word: str) -> ColumnElement[bool]:
    """Condition on ``Case``: one of its words has the prefix ``word``."""
    return Case.search_text.contains(f" {word}", autoescape=True)


def all_having(words: Sequence[str]) -> ColumnElement[bool]:
    """Condition on ``Case``: it has a word for each of the prefixes."""
    return and_(*map(having, words))


def _prefix_query() -> CompoundSelect[int, str]:
    """Rows ``(number, word)``: one with the number of cases, then one for each word with the prefix, in order."""
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


_PREFIX_QUERY = _prefix_query()


@dataclass(frozen=True)
class Beginning:
    """A typed prefix with the cases and the words of the index that match it."""

    typed: str
    cases: int  # index entries with this prefix, counted up to ``MAX_RARE_CASES`` + 1
    words: list[str]  # with this prefix, read up to ``MAX_SPELLINGS`` + 1

    def of_case(self, case_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Condition that a case has a word with this prefix; ``Case`` is joined.

        A few words are looked up beside the case: their index is small and holds neighbours together, where each
        case's own row would have to be fetched from elsewhere.
        """
        if len(self.words) > MAX_SPELLINGS:
            return having(self.typed)
        looked_up = select(CaseWord.case_id).where(CaseWord.word.in_(self.words), CaseWord.case_id == case_id).limit(1)
        return looked_up.scalar_subquery().is_not(None)  # for EXISTS, PostgreSQL reads all cases with the word


def beginnings(session: Session, typed: Sequence[str]) -> list[Beginning]:
    """Look up each typed word in the index. Returns one ``Beginning`` for each, in the same order."""
    matches = []
    for word in typed:
        parameters = {"typed": word, "end": word + _LAST, "most": MAX_RARE_CASES + 1, "spelled": MAX_SPELLINGS}
        rows = session.execute(_PREFIX_QUERY, parameters).all()
        matches.append(Beginning(word, sum(row.number for row in rows), [row.word for row in rows if row.word]))
    return matches


def few_cases(session: Session, prefixes: Sequence[Beginning]) -> Select[int] | list[int] | None:
    """Ids of at most ``MAX_RARE_CASES`` cases that include every match; ``None`` if there are more.

    They are the cases with the rarest word, or those with all of several frequent words, whose lists are met in the
    index: read from the newest case backwards, words that are hardly ever together would cost all cases.
    """
    rarest = min(prefixes, key=lambda beginning: beginning.cases, default=None)
    if rarest is not None and rarest.cases <= MAX_RARE_CASES:
        return select(_cases_with(rarest.typed).limit(MAX_RARE_CASES).subquery().c.case_id)
    spellings = [prefix.words for prefix in prefixes if len(prefix.words) <= MAX_SPELLINGS]
    if len(spellings) < 2:
        return None
    first, *others = lists = [aliased(CaseWord) for _ in spellings]
    met = select(first.case_id).where(*(index.word.in_(words) for index, words in zip(lists, spellings, strict=True)))
    for other in others:
        met = met.join(other, other.case_id == first.case_id)
    ids = session.scalars(met.limit(MAX_RARE_CASES + 1)).all()
    return None if len(ids) > MAX_RARE_CASES else sorted(set(ids))


def element_names(session: Session) -> dict[str, str]:
    """Names of tasks and events of all deployed versions → their search words, in the format of ``as_text``."""
    names: dict[str, str] = {}
    rows = session.execute(select(ProcessDefinition.id, ProcessDefinition.sha256)).all()
    for definition_id, digest in rows:
        if digest not in _names:
            definition = session.get_one(ProcessDefinition, definition_id, options=[undefer(ProcessDefinition.xml)])
            _names[digest] = _read_names(definition.xml)
        names.update(_names[digest])
    return names


def row_by_row(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Wrap a condition so that the database filters rows in the order of an index and stops at the limit.

    With the plain condition PostgreSQL estimates few matches, reads all of them and sorts.
    """
    return case((condition, true()), else_=false())


def _read_names(xml: bytes) -> dict[str, str]:
    """Names of tasks and events, the only elements that wait for people → their search words."""
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
