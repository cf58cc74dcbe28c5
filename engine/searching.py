"""Search by the beginnings of words: which words find a case, and the few cases that have a rare one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, and_, case, false, func, select, true
from sqlalchemy.orm import Session, undefer

from engine.xml import parse_xml
from models.case import Case, CaseWord
from models.definition import ProcessDefinition
from models.digits import WORD_LENGTH, search_key, search_words

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


def rare_cases(session: Session, words: Sequence[str]) -> Select[int] | None:
    """The ids of the cases that have the rarest of these words, if those are few; ``None`` if all are frequent."""
    if not words:
        return None
    counts = [
        select(func.count()).select_from(_cases_with(word).limit(RARE + 1).subquery()).scalar_subquery()
        for word in words
    ]
    found = session.execute(select(*counts)).one()
    count, word = min(zip(found, words, strict=True))
    if count > RARE:
        return None
    return select(_cases_with(word).limit(RARE).subquery().c.case_id)


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
