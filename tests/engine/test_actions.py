"""The list of open actions: whose they are, in which order, and how one finds the case's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from engine.contributions.operations import OperationContext, Operations
from engine.errors import InvalidSubmission
from engine.queries import actions
from tests.databases import postgres_url
from tests.engine.small import Small, chain, end, event, flow, process, service, start, user_task

pytestmark = pytest.mark.both_databases("search")

operations = Operations()


@operations.register("test_actions.call_it")
def call_it(context: OperationContext, *, number: int) -> None:
    """Names the case."""
    context.set_subject(f"پروژهٔ سرو {number}", [])


def action(identifier: str, role: str) -> str:
    return event("boundaryEvent", identifier, "message asked", attributes='attachedToRef="wait"', role=role)


def drawn(key: str) -> bytes:
    return process(
        start()
        + service("naming", "test_actions.call_it", number="number")
        + user_task("wait")
        + end()
        + action(f"dismiss_{key}", "finance")
        + end("gone")
        + action("withdraw", "citizen")
        + end("withdrawn")
        + chain("begin", "naming", "wait", "done")
        + flow(f"dismiss_{key}", "gone")
        + flow("withdraw", "withdrawn"),
        key=key,
        messages="asked",
    )


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, drawn("one"), drawn("two"), operations=operations)
    yield made
    made.close()


def page(small: Small, who: str, **asked: Any) -> Any:
    return small.look(lambda session: actions.actions_page(session, small.actor(who), **asked))


def found(small: Small, who: str, **asked: Any) -> list[tuple[str, str]]:
    return [(task.key, task.case.number) for task in page(small, who, **asked).items]


def some(small: Small, who: str) -> bool:
    answer: bool = small.look(lambda session: actions.any_open(session, small.actor(who)))
    return answer


def test_a_group_sees_what_it_may_do_and_nobody_else_does(small: Small) -> None:
    one, two = small.start("one", number=1).case, small.start("two", number=2, by="sara").case
    assert found(small, "reza") == [("dismiss_two", two.number), ("dismiss_one", one.number)]
    assert found(small, "ali") == [("withdraw", one.number)]
    assert found(small, "sara") == [("withdraw", two.number)]
    assert found(small, "boss") == []
    assert [some(small, who) for who in ("reza", "ali", "boss")] == [True, True, False]


def test_it_is_found_by_process_by_action_and_by_the_cases_words(small: Small) -> None:
    one, two = small.start("one", number=1).case, small.start("two", number=2).case
    assert found(small, "reza", process="one") == [("dismiss_one", one.number)]
    assert found(small, "reza", action="dismiss_two") == [("dismiss_two", two.number)]
    assert found(small, "reza", q="سرو ۲") == [("dismiss_two", two.number)]
    assert found(small, "reza", q=one.number) == [("dismiss_one", one.number)]
    assert found(small, "reza", q="چنار") == []
    assert found(small, "reza", process="one", action="dismiss_two") == []


def test_pages_follow_each_other_without_gap_or_repetition(small: Small) -> None:
    made = [small.start("one", number=number).case.number for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        some = page(small, "reza", cursor=cursor, limit=2)
        seen += [task.case.number for task in some.items]
        cursor = some.next
        if cursor is None:
            break
    assert seen == made[::-1]
    with pytest.raises(InvalidSubmission):
        page(small, "reza", cursor="bm9uc2Vuc2U")


def test_what_was_done_or_cannot_be_done_now_is_not_listed(small: Small) -> None:
    one, two = small.start("one", number=1).case, small.start("two", number=2).case
    small.complete(one.id, "dismiss_one", by="reza")
    assert found(small, "reza") == [("dismiss_two", two.number)]
    with small.engine.transaction() as session:
        small.engine.supervision.suspend(session, two.id, by=small.actor("boss"))
    assert found(small, "reza") == []
    assert not some(small, "reza")


def test_the_kinds_are_those_of_the_persons_roles(small: Small) -> None:
    def kinds(who: str) -> list[tuple[str, str]]:
        definitions = small.engine.definitions
        read = small.look(lambda session: actions.kinds(session, definitions, small.actor(who)))
        return [(kind.process_key, kind.key) for kind in read]

    assert kinds("reza") == [("one", "dismiss_one"), ("two", "dismiss_two")]
    assert kinds("ali") == [("one", "withdraw"), ("two", "withdraw")]
    assert kinds("boss") == []


@pytest.mark.pg
def test_the_list_follows_its_index() -> None:
    """However many other things wait for the group."""
    small = Small(postgres_url(), drawn("one"), operations=operations)
    case = small.start("one", number=1).case
    with small.engine.transaction() as session:
        session.execute(
            text(
                "INSERT INTO tasks (case_id, kind, key, process_key, name, token, role, scope, claimed, since,"
                " sort_due_at, priority, status) SELECT :case, CASE WHEN n % 50 = 0 THEN 'action' ELSE 'user_task' END,"
                " 'k', 'one', 'k', 't', 'finance', '', false, now(), now(), 50, 'open' FROM generate_series(1, 20000) n"
            ),
            {"case": case.id},
        )
    with small.engine.transaction() as session:
        session.execute(text("ANALYZE tasks"))
    with small.engine.transaction() as session:
        way = next(one for one in actions._ways(small.actor("reza")) if "assignee_id IS NULL" in str(one.whereclause))
        asked = way.order_by(text("tasks.id DESC")).limit(31)
        compiled = asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True, "render_postcompile": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}")))
    small.close()
    assert "ix_tasks_open_actions_of_group" in plan, plan
