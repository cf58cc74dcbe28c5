"""Looking for a case and at it: by number, by words, what it waits for, its place on the diagram."""

import pytest

from engine.actor import SYSTEM, actor_for
from engine.errors import NotAllowed, NotFound, Refusal
from engine.persistence.history import record
from engine.queries import cases, history, messages
from models.account import Message
from models.case import CaseStatus, FlowPassage, TaskKind
from models.digits import persian_digits
from models.job import Incident, Job, JobKind
from models.language import reading
from tests.engine.office import DIAGRAM, NOW, Office


@pytest.mark.rule("CASE-1", "ACC-5")
def test_a_case_is_found_by_its_number_however_it_is_typed(office: Office) -> None:
    owner = office.actor("citizen")
    case = office.case(by=owner)
    plain = case.number.replace("-", "")
    for typed in (case.number, plain, persian_digits(case.number), f" {case.number.replace('-', ' ')} "):
        assert cases.case_by_number(office.session, owner, typed) is case


@pytest.mark.rule("CASE-1")
def test_a_slip_in_a_number_and_another_persons_case_are_both_not_found(office: Office) -> None:
    owner = office.actor("citizen")
    case = office.case(by=owner)
    wrong = case.number[:-1] + str((int(case.number[-1]) + 1) % 10)
    for typed, actor in ((wrong, owner), ("", owner), ("x" * 99, owner), (case.number, office.actor("citizen"))):
        with pytest.raises(NotFound):
            cases.case_by_number(office.session, actor, typed)


def test_a_page_of_cases_holds_what_the_person_may_see_newest_first(office: Office) -> None:
    owner = office.actor("citizen")
    mine = [office.case(by=owner, subject=f"ساختمان {number + 90}") for number in range(5)]
    office.case()
    first = cases.cases_page(office.session, owner, limit=3)
    second = cases.cases_page(office.session, owner, limit=3, cursor=first.next)
    assert [*first.items, *second.items] == list(reversed(mine))
    assert second.next is None
    assert cases.cases_page(office.session, owner, q="ساختمان ۹۳").items == [mine[3]]
    assert cases.cases_page(office.session, owner, q=mine[2].number.replace("-", "")).items == [mine[2]]
    mine[0].status = CaseStatus.COMPLETED
    assert cases.cases_page(office.session, owner, status="completed").items == [mine[0]]
    assert cases.cases_page(office.session, owner, status="nonsense").items == []
    assert cases.cases_page(office.session, owner, process="other").items == []


def job(office: Office, case_id: int, kind: JobKind, element: str, process: str = "errand") -> Job:
    made = Job(
        case_id=case_id,
        kind=kind,
        element_id=element,
        process_key=process,
        token="t",
        due_at=office.after(days=7),
        run_at=NOW,
    )
    office.session.add(made)
    office.session.flush()
    return made


@pytest.mark.rule("CASE-2")
def test_a_case_says_what_it_waits_for_for_whom_since_when_and_until_when(office: Office) -> None:
    case, clerk = office.case(), office.actor("clerk")
    office.task(case, to=clerk, due=office.after(days=2))
    office.task(case, kind=TaskKind.ACTION, key="withdraw")
    job(office, case.id, JobKind.TIMER, "a_week")
    (wait,) = cases.waits_for(office.session, case)
    assert (wait.name, wait.assignee, wait.role_name, wait.due) == ("تصمیم", clerk.name, "کارمند", office.after(days=2))
    (sentence,) = cases.sentences(office.session, case)
    assert sentence == (
        f"این پرونده از ۱۴۰۵/۰۸/۳۰ ساعت ۱۱:۳۰ در انتظار «تصمیم» از سوی {clerk.name} (کارمند) است"
        " (مهلت: ۱۴۰۵/۰۹/۰۲ ساعت ۱۱:۳۰)."
    )


@pytest.mark.rule("CASE-2")
def test_a_case_without_a_task_says_what_the_system_does_or_until_when_it_waits(office: Office) -> None:
    case = office.case()
    assert cases.sentences(office.session, case) == ["این پرونده در حال پردازش است."]
    job(office, case.id, JobKind.TIMER, "a_week")
    assert "یک هفته درنگ" in cases.sentences(office.session, case)[0]
    job(office, case.id, JobKind.OPERATION, "call_bank")
    (sentence,) = cases.sentences(office.session, case)
    assert "پرسش از بانک" in sentence


def test_a_case_that_is_stopped_failed_or_over_says_so(office: Office) -> None:
    case = office.case(status=CaseStatus.SUSPENDED)
    office.task(case)
    office.session.add(Incident(case_id=case.id, message="x", at=NOW, last_at=NOW))
    office.session.flush()
    first, second, third = cases.sentences(office.session, case)
    assert "خطا" in first and "متوقف" in second and "تصمیم" in third
    case.status, case.ended_at = CaseStatus.COMPLETED, NOW
    assert cases.sentences(office.session, case) == ["این پرونده در ۱۴۰۵/۰۸/۳۰ ساعت ۱۱:۳۰ به پایان رسید."]
    assert cases.waits_for(office.session, case) == []


@pytest.mark.rule("CASE-2")
def test_the_diagram_shows_what_is_done_and_what_is_waited_for(office: Office) -> None:
    case = office.case()
    office.task(case)
    job(office, case.id, JobKind.OPERATION, "request", process="payment")
    for element in ("asked", "decide"):
        office.session.add(FlowPassage(case_id=case.id, process_key="errand", element_id=element, last_at=NOW))
    office.session.flush()
    view = cases.diagram(office.session, case)
    assert view.xml == DIAGRAM
    assert (view.finished, view.waiting) == (["asked"], ["decide", "pay"])
    case.status = CaseStatus.CANCELLED
    view = cases.diagram(office.session, case)
    assert (view.finished, view.waiting) == (["asked", "decide"], [])


def test_cases_that_refer_to_one_another_are_shown_as_far_as_they_may_be_seen(office: Office) -> None:
    owner = office.actor("citizen")
    one = office.case(by=owner)
    two, hidden = office.case(by=owner), office.case()
    two.refers_to_id = hidden.refers_to_id = one.id
    office.session.flush()
    assert cases.related(office.session, owner, one) == [two]
    assert cases.related(office.session, owner, two) == [one]


@pytest.mark.rule("CASE-1")
def test_a_history_is_read_in_sentences_page_by_page(office: Office) -> None:
    case, clerk = office.case(), office.actor("clerk")
    record(office.session, case, what="case_started", by=clerk, at=NOW)
    record(
        office.session,
        case,
        what="task_completed",
        by=clerk,
        at=NOW,
        task_key="decide",
        task_name="تصمیم",
        details={"values": {"outcome": "approve"}},
    )
    record(office.session, case, what="own_words", by=SYSTEM, at=NOW, details={"text": "بازرس تعیین شد"})
    record(office.session, case, what="case_cancelled", by=clerk, at=NOW, details={"text": "به درخواست مالک"})
    first = history.entries(office.session, case, limit=3)
    rest = history.entries(office.session, case, limit=3, cursor=first.next)
    lines = [*first.items, *rest.items]
    words = ["پرونده شروع شد", "«تصمیم» انجام شد", "بازرس تعیین شد", "پرونده لغو شد"]
    assert [line.words for line in lines] == words
    assert [line.who for line in lines] == [clerk.name, clerk.name, "سامانه", clerk.name]
    assert (lines[1].values, lines[3].text) == ({"outcome": "approve"}, "به درخواست مالک")
    newest = history.entries(office.session, case, limit=1, newest_first=True)
    assert newest.items[0].words == words[-1]


def test_every_kind_of_history_line_can_be_read_in_both_languages(office: Office) -> None:
    case = office.case()
    for what in history.KINDS:
        record(office.session, case, what=what, by=SYSTEM, at=NOW, task_name="تصمیم")
    for language in ("fa", "en"):
        with reading(language):
            assert all(line.words for line in history.entries(office.session, case).items)


@pytest.mark.rule("ACC-4")
def test_a_message_to_a_role_reaches_its_people_and_one_to_a_person_only_that_person(office: Office) -> None:
    session, office_staff = office.session, office.actor("gas_office")
    reader, other = office.person("inspector"), office.actor("citizen")
    to_role = messages.send(session, by=office_staff, title="آگهی", body="متن", role="inspector", now=NOW)
    to_one = messages.send(session, by=office_staff, title="نامه", body="متن", username=reader.username, now=NOW)
    actor = office.actor("inspector")
    assert [one.message for one in messages.page(session, actor).items] == [to_role]
    assert messages.unread_count(session, other) == 0
    reader_actor = actor_for(reader)
    assert [one.message for one in messages.page(session, reader_actor).items] == [to_one, to_role]
    assert [one.message for one in messages.page(session, reader_actor, public=True).items] == [to_role]
    assert messages.unread_count(session, reader_actor) == 2
    messages.read(session, reader_actor, to_one.id, now=NOW)
    messages.read(session, reader_actor, to_one.id, now=NOW)
    session.flush()
    assert messages.unread_count(session, reader_actor) == 1
    assert messages.unread_count(session, actor) == 1, "another reader has not read it"
    with pytest.raises(NotFound):
        messages.read(session, other, to_one.id, now=NOW)


@pytest.mark.rule("ACC-4")
def test_messages_are_sent_by_those_who_may_and_to_somebody_who_exists(office: Office) -> None:
    session, sender = office.session, office.actor("gas_office")
    with pytest.raises(NotAllowed):
        messages.send(session, by=office.actor("citizen"), title="ع", body="م", role="inspector", now=NOW)
    for wrong, field in (
        ({"title": " ", "body": "م", "role": "inspector"}, "title"),
        ({"title": "ع", "body": "", "role": "inspector"}, "body"),
        ({"title": "ع", "body": "م", "role": "nonsense"}, "role"),
        ({"title": "ع", "body": "م", "username": "nobody"}, "username"),
    ):
        with pytest.raises(Refusal) as refused:
            messages.send(session, by=sender, now=NOW, **wrong)
        assert list(refused.value.errors) == [field]


def test_an_old_message_to_a_role_is_not_new_to_somebody_who_joined_later(office: Office) -> None:
    office.session.add(Message(role="inspector", title="ع", body="م", sent_at=office.after(days=-30)))
    office.session.flush()
    assert messages.unread_count(office.session, office.actor("inspector")) == 0
