"""Search by the beginnings of words, rare ones and frequent ones, on both databases; lists that follow an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from engine import case_numbers
from engine.actor import Actor, actor_for
from engine.persistence import search
from engine.persistence.search import set_subject
from engine.queries import cases, worklist
from models.account import Person, RoleGrant
from models.case import NEVER, Case, CaseStatus, CaseWord, Participant, Task, TaskKind
from models.database import open_database, session_factory
from models.definition import ProcessDefinition
from tests.engine.office import NOW

pytestmark = pytest.mark.both_databases("search")


@pytest.fixture
def opened(database_url: str) -> Iterator[Session]:
    database = open_database(database_url)
    with session_factory(database)() as session:
        yield session
    database.dispose()


def person(session: Session, username: str, role: str, *scopes: str) -> Actor:
    made = Person(
        username=username,
        password_hash="",
        first_name="رها",
        last_name=username,
        created_at=NOW,
        kind="staff",
        roles=[RoleGrant(role=role, scope=scope) for scope in scopes or ("",)],
    )
    session.add(made)
    session.flush()
    return actor_for(made)


def case(session: Session, subject: str, *search: str, by: Actor | None = None) -> Case:
    definition = session.scalars(select(ProcessDefinition).limit(1)).one()
    made = Case(
        number=case_numbers.placeholder(),
        process_key=definition.key,
        definition_id=definition.id,
        status=CaseStatus.RUNNING,
        state=b"",
        started_at=NOW,
        started_by_id=by.person_id if by else None,
    )
    session.add(made)
    session.flush()
    made.number = case_numbers.case_number(made.id, NOW)
    set_subject(session, made, subject, list(search))
    if by is not None:
        session.add(Participant(case_id=made.id, role="requester", person_id=by.person_id, since=NOW))
    session.flush()
    return made


def task(session: Session, of: Case, role: str, **values: object) -> Task:
    made = Task(
        **{
            "case_id": of.id,
            "kind": TaskKind.USER_TASK,
            "key": "decide",
            "process_key": of.process_key,
            "name": "تعیین زمان بازدید",
            "token": str(of.id),
            "role": role,
            "since": NOW,
            "due_at": None,
            **values,
        }
    )
    session.add_all([made, Participant(case_id=of.id, role=role, since=NOW)])
    session.flush()
    return made


def found(session: Session, actor: Actor, q: str) -> list[Case]:
    return cases.cases_page(session, actor, q=q).items


@pytest.mark.rule("ACC-5")
def test_a_case_is_found_by_the_beginnings_of_its_words(opened: Session) -> None:
    supervisor = person(opened, "boss", "supervisor")
    wanted = case(opened, "«كارگاه» آزادی،پلاک ۱۲", "احمدی")
    case(opened, "دیگر")
    for typed in ("کارگاه", "کار", "ازا", "پلاک 12", "احمدی کار", "آزادی،پلاک", "«کارگاه"):
        assert found(opened, supervisor, typed) == [wanted], typed
    for typed in ("ارگاه", "حمدی", "احمدی دیگر", "!"):
        assert found(opened, supervisor, typed) == [], typed


@pytest.mark.rule("ACC-5")
def test_a_case_is_found_however_its_hamza_is_written(opened: Session) -> None:
    supervisor = person(opened, "boss", "supervisor")
    wanted = [case(opened, subject) for subject in ("تایید هیئت مدیره", "تأیید هیأت مدیره", "تائید هیات مدیره")]
    for typed in ("تایید", "تأیید", "تائید", "هیئت", "هیأت", "هیات", "هیئ", "تأ"):
        assert sorted(one.id for one in found(opened, supervisor, typed)) == [one.id for one in wanted], typed


def test_a_case_is_found_by_its_count_without_the_zeros(opened: Session) -> None:
    supervisor = person(opened, "boss", "supervisor")
    wanted = case(opened, "دیگر")
    year, count, _digit = wanted.number.split("-")
    assert wanted in found(opened, supervisor, count.lstrip("0"))
    assert found(opened, supervisor, count) == [wanted]
    assert found(opened, supervisor, f"{year}/{count}") == [wanted]


def test_new_words_take_the_place_of_the_old_ones(opened: Session) -> None:
    supervisor = person(opened, "boss", "supervisor")
    one = case(opened, "پیش از این")
    set_subject(opened, one, "پس از این", [])
    assert found(opened, supervisor, "پیش") == []
    assert found(opened, supervisor, "پس") == [one]
    kept = opened.scalars(select(CaseWord.word).where(CaseWord.case_id == one.id)).all()
    assert sorted(kept) == sorted(one.search_text.split())
    assert all(character not in one.search_text for character in "يك")


@pytest.mark.parametrize(("rare", "spelled"), [(0, 0), (0, 1), (0, 8), (2_000, 8)])
def test_rare_and_frequent_words_find_the_same(
    opened: Session, monkeypatch: pytest.MonkeyPatch, rare: int, spelled: int
) -> None:
    monkeypatch.setattr(search, "MAX_RARE_CASES", rare)
    monkeypatch.setattr(search, "MAX_SPELLINGS", spelled)
    owner, stranger = person(opened, "owner", "contractor"), person(opened, "stranger", "contractor")
    clerk, supervisor = person(opened, "clerk", "clerk"), person(opened, "boss", "supervisor")
    made = [case(opened, f"باغ {number}", "سرو" if number % 2 else "", by=owner) for number in range(7)]
    waiting = [task(opened, one, "clerk") for one in made]
    firs = [one for one in reversed(made) if made.index(one) % 2]
    for actor in (owner, clerk, supervisor):
        first = cases.cases_page(opened, actor, q="باغ سرو", limit=2)
        second = cases.cases_page(opened, actor, q="باغ سرو", limit=2, cursor=first.next)
        assert [*first.items, *second.items] == firs
        assert second.next is None
    assert found(opened, stranger, "باغ") == []
    assert worklist.tasks_page(opened, clerk, q="سرو").items == [one for one in waiting if one.case in firs]
    assert worklist.tasks_page(opened, clerk, q="بازدید سرو").items == [one for one in waiting if one.case in firs]
    assert worklist.tasks_page(opened, stranger, q="سرو").items == []


def test_frequent_words_that_are_hardly_ever_together_lead_to_few_cases(
    opened: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_RARE_CASES", 2)
    clerk, supervisor = person(opened, "clerk", "clerk"), person(opened, "boss", "supervisor")
    for number in range(6):
        task(opened, case(opened, f"{('باغ', 'سرو')[number % 2]} بلند"), "clerk")
    both = case(opened, "باغبان باغ سرو")
    waiting = task(opened, both, "clerk")

    def few(q: str) -> object:
        return search.few_cases(opened, search.beginnings(opened, search.typed_words(q)))

    assert few("باغ سرو") == [both.id], "once, although two of its words begin so"
    assert few("سرو بلند") is None, "many have both"
    assert few("باغ") is None
    assert found(opened, supervisor, "باغ سرو") == found(opened, clerk, "سرو باغ") == [both]
    assert worklist.tasks_page(opened, clerk, q="باغ سرو").items == [waiting]
    assert few("باغ سرو بلند") == []
    assert found(opened, supervisor, "باغ سرو بلند") == []
    monkeypatch.setattr(search, "MAX_SPELLINGS", 1)
    assert few("باغ سرو") is None, "words that begin with the first are not spelled out"
    assert found(opened, supervisor, "باغ سرو") == [both]


def test_a_beginning_is_spelled_out_as_far_as_its_words_are_few(
    opened: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_SPELLINGS", 2)
    for subject in ("بادام", "بادبزن بادام", "بادگیر", "بابا", "بار"):
        case(opened, subject)
    typed = ["باد", "بادب", "بادامز", "با", "بار", "بابا", "باد", "بادگ", "بادا", "ب"]
    found = search.beginnings(opened, typed)
    assert [one.typed for one in found] == typed
    assert [one.cases for one in found] == [3 + 1, 1, 0, 6, 1, 1, 4, 1, 2, 6], "a case with two such words counts twice"
    assert [one.words for one in found[:4]] == [
        ["بادام", "بادبزن", "بادگیر"],
        ["بادبزن"],
        [],
        ["بابا", "بادام", "بادبزن"],
    ]
    owner = person(opened, "owner", "supervisor")
    assert len(cases.cases_page(opened, owner, q=" ".join(typed[:2])).items) == 1


def test_a_person_of_several_groups_pages_through_one_list(opened: Session) -> None:
    clerk = person(opened, "clerk", "clerk", "north", "south")
    other = Actor(
        person_id=clerk.person_id,
        username="clerk",
        name="",
        roles=frozenset({"clerk", "inspector"}),
        scopes=frozenset({("clerk", "north"), ("clerk", "south"), ("inspector", "")}),
    )
    one = case(opened, "باغ")
    rows = [("clerk", "north", None), ("clerk", "south", 3), ("inspector", "x", 1), ("clerk", "", 2)]
    made = [
        task(opened, one, role, scope=scope, due_at=NOW + timedelta(hours=hours) if hours else None, token=str(number))
        for number, (role, scope, hours) in enumerate(rows)
    ]
    own = task(opened, one, "clerk", scope="elsewhere", assignee_id=clerk.person_id, priority=60, token="own")
    task(opened, one, "clerk", scope="elsewhere", token="closed to them")
    assert made[0].sort_due_at == NEVER
    expected = [made[2], made[3], made[1], made[0], own]
    items: list[Task] = []
    cursor: str | None = None
    for _page in range(3):
        page = worklist.tasks_page(opened, other, cursor=cursor, limit=2)
        items, cursor = [*items, *page.items], page.next
    assert items == expected
    assert cursor is None


def test_existing_cases_get_their_words_by_the_migration(database_url: str) -> None:
    from alembic import command

    from models import migrate

    database = open_database(database_url)
    with session_factory(database)() as session:
        one = case(session, "«كارگاه» آزادی،پلاک ۱۲", "احمدی 12")
        task(session, one, "clerk", due_at=NOW)
        session.commit()
        words, written = sorted(one.search_text.split()), one.search_text
    command.downgrade(migrate.configuration(database), "0003")
    with database.begin() as connection:  # as it was written then
        connection.execute(
            text("UPDATE cases SET search_text = :text WHERE id = :id"),
            {"id": one.id, "text": f"{one.number.replace('-', ' ')} «کارگاه» ازادی،پلاک 12 احمدی 12"},
        )
    migrate.upgrade(database)
    with session_factory(database)() as session:
        assert session.scalars(select(Case.search_text).where(Case.id == one.id)).one() == written
        found = session.scalars(select(CaseWord.word).where(CaseWord.case_id == one.id)).all()
        assert sorted(found) == words
        assert session.scalars(select(func.min(Task.sort_due_at))).one() == NOW
    database.dispose()


@pytest.mark.rule("ACC-5")
def test_words_kept_before_are_found_by_the_new_folding(database_url: str) -> None:
    from alembic import command

    from models import migrate

    database = open_database(database_url)
    kept = {  # subject → its words and others, as they were folded then
        "هیئت مدیره": " 1405 1 هییت مدیره داوود",
        "جزء اول": " 1405 1 جزء اول مسیول",
        "بی‌تغییر": " 1405 1 بی تغییر هیوا",
    }
    with session_factory(database)() as session:
        ids = {subject: case(session, subject).id for subject in kept}
        session.commit()
    command.downgrade(migrate.configuration(database), "0014")
    with database.begin() as connection:
        for subject, words in kept.items():
            values = {"id": ids[subject], "text": words}
            connection.execute(text("UPDATE cases SET search_text = :text WHERE id = :id"), values)
            connection.execute(text("DELETE FROM case_words WHERE case_id = :id"), values)
            connection.execute(
                text("INSERT INTO case_words (word, case_id) VALUES (:word, :id)"),
                [{"word": word, "id": ids[subject]} for word in words.split()],
            )
    migrate.upgrade(database)
    with session_factory(database)() as session:
        supervisor = person(session, "boss", "supervisor")
        for typed, subject in [
            ("هیات", "هیئت مدیره"),
            ("هیأت", "هیئت مدیره"),
            ("داود", "هیئت مدیره"),
            ("مسؤول", "جزء اول"),
            ("جزء", "جزء اول"),
            ("هیوا", "بی‌تغییر"),
        ]:
            assert [one.subject for one in found(session, supervisor, typed)] == [subject], typed
        for one in session.scalars(select(Case)):
            words = session.scalars(select(CaseWord.word).where(CaseWord.case_id == one.id)).all()
            assert sorted(words) == sorted(one.search_text.split())
    database.dispose()
