"""Starting a case with a form: what was sent reaches the first step, and a refusal leaves no case behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from engine.contributions.operations import OperationContext, Operations
from engine.errors import InvalidSubmission, NotFound, Refusal
from models.case import Case, HistoryEntry
from tests.engine.small import AnyForm, Small, chain, end, flow, process, service, start, user_task

operations = Operations()


@operations.register("test_starting.enquire")
def enquire(context: OperationContext, *, submission: dict[str, Any], project: str) -> dict[str, Any]:
    """Refers to the case with the number that was sent, and refuses any other text."""
    found = context.session.scalars(select(Case).where(Case.number == project)).one_or_none()
    if found is None:
        raise Refusal({"answer": ["چنین پروژه‌ای نیست."]})
    context.refer_to(found)
    context.set_subject(submission["remarks"], [])
    return {"found": True}


@operations.register("test_starting.look_at_itself")
def look_at_itself(context: OperationContext) -> None:
    """Refers to its own case."""
    context.refer_to(context.case)


ASKED = process(
    start()
    + service("enquiring", "test_starting.enquire", submission="submission", project="answer")
    + user_task("review")
    + end()
    + chain("begin", "enquiring", "review", "done"),
)
PLAIN = process(start() + user_task("wait") + end() + chain("begin", "wait", "done"), key="plain")
ITSELF = process(
    start()
    + service("looking", "test_starting.look_at_itself")
    + end()
    + flow("begin", "looking")
    + flow("looking", "done"),
    key="itself",
)


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, ASKED, PLAIN, ITSELF, operations=operations)
    yield made
    made.close()


def started(small: Small, form: AnyForm, *, key: str = "small", by: str = "ali") -> Case:
    with small.engine.transaction() as session:
        return small.engine.start_case(session, key, by=small.actor(by), form=form).case


def asking(**values: Any) -> AnyForm:
    return AnyForm(("small", "begin"), values)


def case_of(small: Small, case_id: int) -> Case:
    found: Case = small.look(lambda session: session.get(Case, case_id, options=[undefer(Case.state)]))
    return found


def cases(small: Small) -> int:
    found: int = small.look(lambda session: session.scalar(select(func.count()).select_from(Case)))
    return found


@pytest.mark.both_databases("saving")
def test_what_was_sent_reaches_the_operations_of_the_first_step(small: Small) -> None:
    other = small.start("plain").case
    case = case_of(small, started(small, asking(answer=other.number, remarks="تأییدیه")).id)
    assert (case.subject, case.refers_to_id) == ("تأییدیه", other.id)
    assert set(small.open(case.id)) == {"review"}


def test_only_what_the_diagram_reads_becomes_data_of_the_case(small: Small) -> None:
    other = small.start("plain").case
    state = case_of(small, started(small, asking(answer=other.number, remarks="هرگز-نگه-داشته-نشود")).id).state
    assert other.number.encode() in state
    assert "هرگز-نگه-داشته-نشود".encode() not in state
    assert b"submission" not in state


def test_a_field_called_like_the_case_does_not_stand_in_for_it(small: Small) -> None:
    other = small.start("plain").case
    case = case_of(small, started(small, asking(answer=other.number, remarks="", case=other.id)).id)
    assert f'"case":{case.id}'.encode() in case.state


def test_the_history_tells_what_it_was_started_with(small: Small) -> None:
    other = small.start("plain").case
    case = started(small, asking(answer=other.number, remarks="تأییدیه"))
    line = small.look(
        lambda session: session.scalars(
            select(HistoryEntry).where(HistoryEntry.case_id == case.id).order_by(HistoryEntry.id)
        ).first()
    )
    assert (line.what, line.task_key, line.details["values"]["remarks"]) == ("case_started", "begin", "تأییدیه")


@pytest.mark.both_databases("saving")
def test_a_refusal_of_the_first_step_leaves_no_case(small: Small) -> None:
    with pytest.raises(Refusal) as refused:
        started(small, asking(answer="1405-999999-9", remarks=""))
    assert list(refused.value.errors) == ["answer"]
    assert cases(small) == 0
    assert small.look(lambda session: session.scalar(select(func.count()).select_from(HistoryEntry))) == 0


def test_a_form_that_does_not_validate_starts_nothing(small: Small) -> None:
    form = AnyForm(("small", "begin"), {}, error_map={"answer": ["پاسخ را وارد کنید."]})
    with pytest.raises(InvalidSubmission):
        started(small, form)
    assert cases(small) == 0


def test_the_form_of_something_else_starts_nothing(small: Small) -> None:
    with pytest.raises(ValueError, match="is not the form of"):
        started(small, AnyForm(("small", "review"), {}))
    assert cases(small) == 0


def test_whoever_may_not_start_it_is_not_told_what_is_wrong_with_the_form(small: Small) -> None:
    form = AnyForm(("small", "begin"), {}, error_map={"answer": ["پاسخ را وارد کنید."]})
    with pytest.raises(NotFound):
        started(small, form, by="reza")
    with pytest.raises(NotFound):
        small.look(lambda session: small.engine.start_view(session, "small", by=small.actor("reza")))


def test_a_case_refers_to_another_one_and_never_to_itself(small: Small) -> None:
    with pytest.raises(Exception, match="itself"):
        small.start("itself")
