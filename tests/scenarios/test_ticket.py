"""Stories of ``ticket``: asked, answered, passed on, replied to, left alone, brought to the president (TKT)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.errors import NotFound, Refusal, TaskClaimed, TaskNotOpen
from engine.queries import worklist
from models.case import CaseStatus, HistoryEntry
from models.jalali import parse_jalali
from tests.play import Play
from tests.scenarios import gas_office, tickets
from tests.scenarios.projects import operated
from tests.scenarios.tickets import SECOND
from workflows import roles
from workflows.ticket.operations import pass_on_ticket

TEHRAN = ZoneInfo("Asia/Tehran")
DAY = timedelta(days=1)


def moment(day: str, clock: str) -> datetime:
    """A moment in Tehran, as the guide writes it: ``1399/02/07``, ``09:09:11``."""
    return datetime.fromisoformat(f"{parse_jalali(day).isoformat()}T{clock}").replace(tzinfo=TEHRAN).astimezone(UTC)


# Sent (TKT-1, TKT-2)


@pytest.mark.rule("TKT-1", "TKT-2")
def test_a_request_gets_its_tracking_number_and_waits_in_the_worklist_of_its_unit(play: Play) -> None:
    tickets.asks(play)

    assert play.case.number in gas_office.texts(play.messages).translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))
    assert tickets.ticket(play).state == "waiting"
    assert play.case.subject == tickets.ASKS["title"]
    assert play.waits_for() == {"answer_ticket": "department_staff"}
    assert play.task("answer_ticket").scope == "information_technology"
    with pytest.raises(NotFound):
        tickets.answers(play, by="unit-finance")
    seen = gas_office.texts(gas_office.case_page(play, "citizen"))
    assert "در انتظار پاسخ" in seen and "سلام" in seen


@pytest.mark.rule("TKT-1")
@pytest.mark.parametrize("role", ["citizen", "contractor", "inspector", "supervising_engineer"])
def test_everybody_who_deals_with_the_organisation_may_ask(play: Play, role: str) -> None:
    tickets.asks(play, by=role)
    tickets.answers(play)
    assert play.waits_for() == {"reply_ticket": role}
    play.does(role, "reply_ticket", body="و این؟")
    assert play.waits_for() == {"answer_ticket": "department_staff"}


@pytest.mark.rule("TKT-1")
@pytest.mark.parametrize("who", ["unit-it", "president", "finance"])
def test_whoever_answers_does_not_ask(play: Play, who: str) -> None:
    tickets.staff(play)
    with pytest.raises(NotFound):
        play.start("ticket", by=who)


@pytest.mark.rule("TKT-1")
def test_the_seventeen_units_and_no_other_are_asked_and_nothing_may_be_left_out(play: Play) -> None:
    tickets.staff(play)
    play.start("ticket", by="citizen")
    assert len(roles.organisation().divisions_of("unit")) == 17
    refused = play.refuses("citizen", "submit_ticket", **(tickets.ASKS | {"unit": "cafeteria"}))
    assert list(refused) == ["unit"]
    assert set(play.refuses("citizen", "submit_ticket")) == {"unit", "priority", "title", "body"}
    assert list(play.refuses("citizen", "submit_ticket", **(tickets.ASKS | {"body": " \n\u200c "}))) == ["body"]
    assert list(play.refuses("citizen", "submit_ticket", **(tickets.ASKS | {"priority": "at_once"}))) == ["priority"]
    play.does("citizen", "submit_ticket", **(tickets.ASKS | {"unit": "president"}))
    assert play.task("answer_ticket").scope == "president"


@pytest.mark.rule("TKT-1")
def test_marks_that_turn_text_round_do_not_reach_a_title(play: Play) -> None:
    tickets.asks(play, title="فاکتور \u202egpj.exe\u202c مهم", body="سلام\u2066\u202e دنیا")
    assert tickets.ticket(play).title == "فاکتور gpj.exe مهم"
    assert play.case.subject == "فاکتور gpj.exe مهم"
    assert tickets.conversation(play)[0][2] == "سلام دنیا"


@pytest.mark.rule("TKT-1")
def test_a_request_that_was_not_sent_can_be_given_up(play: Play) -> None:
    tickets.staff(play)
    play.start("ticket", by="citizen").does("citizen", "discard_ticket")
    assert (play.case.status, play.case.outcome) == (CaseStatus.CANCELLED, "ticket_discarded")


# Answered (TKT-3)


@pytest.mark.both_databases("story")
@pytest.mark.rule("TKT-3", "SMS-1")
def test_an_answer_names_person_and_unit_and_the_requester_gets_an_sms(play: Play) -> None:
    tickets.asks(play)
    tickets.answers(play, "با سلام. تست انجام شد.")

    assert tickets.ticket(play).state == "answered"
    seen = gas_office.texts(gas_office.briefing(play, "citizen", "reply_ticket").blocks)
    for part in ("با سلام. تست انجام شد.", "نام unit-it", "فناوری اطلاعات", "پاسخ داده شد"):
        assert part in seen
    assert play.sms()[-1].receiver == "09131110005"
    assert "فناوری اطلاعات" in play.sms()[-1].text


@pytest.mark.both_databases("search")
@pytest.mark.rule("TKT-3")
def test_a_units_worklist_goes_by_priority_and_then_by_deadline(play: Play) -> None:
    expected = {}
    for name, priority, wait in [
        ("low", "low", 0),
        ("normal", "normal", 1),
        ("urgent, later", "urgent", 3),
        ("very urgent", "very_urgent", 4),
        ("urgent, sooner", "urgent", 2),
    ]:
        play.clock.now = play.clock.now.replace(hour=5, minute=wait)
        tickets.asks(play, priority=priority, title=name)
        expected[name] = play.case_id
    tickets.asks(play, priority="very_urgent", unit="finance")

    with play.session() as session:
        page = worklist.tasks_page(session, play.actor("unit-it"))
        order = [task.case_id for task in page.items]
    wanted = ["very urgent", "urgent, sooner", "urgent, later", "normal", "low"]
    assert order == [expected[name] for name in wanted]


@pytest.mark.rule("TKT-3")
def test_a_transfer_moves_the_ticket_with_a_note_and_keeps_its_deadline(play: Play) -> None:
    tickets.asks(play)
    before = play.task("answer_ticket")
    play.after(timedelta(hours=3))
    assert play.actions() == {"transfer_ticket": "department_staff"}

    play.does("unit-it", "transfer_ticket", unit="finance", note="دربارهٔ حق عضویت است.")

    task = play.task("answer_ticket")
    assert (task.id, task.scope, task.due_at) == (before.id, "finance", before.due_at)
    assert tickets.conversation(play)[-1] == ("transfer", "information_technology", "دربارهٔ حق عضویت است.")
    with pytest.raises(NotFound):
        tickets.answers(play, by="unit-it")
    with pytest.raises(NotFound):
        play.does("unit-it", "transfer_ticket", unit="finance", note="باز هم")
    assert "دربارهٔ حق عضویت است." in gas_office.texts(gas_office.case_page(play, "unit-finance"))
    assert tickets.receivers(play, "درخواستی به واحد شما ارجاع شد") == {"unit-finance"}

    tickets.answers(play, by="unit-finance")
    play.does("citizen", "reply_ticket", body="سپاس. یک پرسش دیگر.")
    assert play.task("answer_ticket").scope == "finance"


@pytest.mark.rule("TKT-3", "TKT-5")
def test_a_ticket_passed_on_twice_becomes_overdue_when_it_would_have(play: Play) -> None:
    tickets.asks(play)
    due = tickets.deadline(play)
    play.after(DAY)
    play.does("unit-it", "transfer_ticket", unit="finance", note="یک")
    play.does("unit-finance", "transfer_ticket", unit="information_technology", note="دو")
    play.at(due - SECOND)
    assert play.waits_for() == {"answer_ticket": "department_staff"}
    play.at(due + SECOND)
    assert play.waits_for() == {"answer_ticket": "department_staff", "escalate_ticket": "citizen"}
    play.does("unit-it", "transfer_ticket", unit="finance", note="سه")
    assert (play.task("answer_ticket").scope, tickets.deadline(play)) == ("finance", due)


@pytest.mark.rule("TKT-3")
def test_a_transfer_goes_to_another_unit_and_says_why(play: Play) -> None:
    tickets.asks(play)
    assert set(play.refuses("unit-it", "transfer_ticket")) == {"unit", "note"}
    same = play.refuses("unit-it", "transfer_ticket", unit="information_technology", note="به خودم")
    assert list(same) == ["unit"]


@pytest.mark.rule("TKT-3")
def test_a_ticket_is_not_passed_on_to_the_unit_that_has_it_whatever_the_form_offered(play: Play) -> None:
    """The form may be older than the ticket's way to the unit."""
    tickets.asks(play)
    again = {"unit": "information_technology", "note": "به خودم"}
    with pytest.raises(Refusal) as refused:
        operated(play, "unit-it", pass_on_ticket, submission=again)
    assert list(refused.value.errors) == ["unit"]
    assert [kind for kind, _unit, _text in tickets.conversation(play)] == ["request"]


@pytest.mark.rule("TKT-3")
def test_a_colleague_who_has_taken_it_loses_it_by_a_transfer(play: Play) -> None:
    tickets.asks(play)
    with play.session() as session:
        play.engine.claim(session, play.task("answer_ticket").id, by=play.actor("unit-it"))
    with pytest.raises(TaskClaimed):
        tickets.answers(play, by="unit-it-2")
    play.does("unit-it-2", "transfer_ticket", unit="finance", note="مالی است")
    assert play.task("answer_ticket").assignee_id is None
    tickets.answers(play, by="unit-finance")


@pytest.mark.both_databases("locking")
@pytest.mark.rule("TKT-3")
def test_of_two_answers_the_second_is_told_who_was_quicker(play: Play) -> None:
    tickets.asks(play)
    tickets.answers(play, by="unit-it")
    with pytest.raises(TaskNotOpen) as late:
        tickets.answers(play, by="unit-it-2")
    assert late.value.by == "نام unit-it"
    assert [kind for kind, _unit, _text in tickets.conversation(play)] == ["request", "answer"]


# Replied to, or not (TKT-4)


@pytest.mark.rule("TKT-4")
def test_a_reply_goes_back_to_the_unit_with_a_new_deadline(play: Play) -> None:
    tickets.asks(play)
    first = tickets.deadline(play)
    tickets.answers(play)
    play.after(timedelta(days=3))
    play.does("citizen", "reply_ticket", body="هنوز کار نمی‌کند.")

    assert tickets.ticket(play).state == "waiting"
    assert tickets.deadline(play) == play.engine.services.calendar.add_working_days(play.clock.now, 2) > first
    tickets.answers(play, "اکنون درست شد.")
    assert [kind for kind, _unit, _text in tickets.conversation(play)] == ["request", "answer", "reply", "answer"]


@pytest.mark.both_databases("jobs")
@pytest.mark.rule("TKT-4")
def test_without_a_reply_it_closes_after_seven_days_and_a_later_reply_is_refused_with_that_reason(play: Play) -> None:
    tickets.asks(play)
    tickets.answers(play)
    answered = play.clock.now
    assert play.task("reply_ticket").due_at == answered + 7 * DAY

    play.at(answered + 7 * DAY - SECOND)
    assert play.waits_for() == {"reply_ticket": "citizen"}
    play.at(answered + 7 * DAY + SECOND)

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "ticket_closed")
    assert tickets.ticket(play).state == "closed"
    with pytest.raises(TaskNotOpen) as closed:
        play.does("citizen", "reply_ticket", body="دیر شد")
    assert closed.value.because == "۷ روز بدون پاسخ"


# Not answered in time (TKT-5)


@pytest.mark.rule("TKT-5", "CAL-3")
@pytest.mark.parametrize(
    "sent, due",
    [
        (("1399/02/07", "09:09:11"), ("1399/02/09", "09:09:11")),
        (("1399/02/10", "13:00:00"), ("1399/02/14", "13:00:00")),
        (("1399/02/11", "10:00:00"), ("1399/02/15", "07:30:00")),
    ],
)
def test_the_deadline_is_two_working_days_as_in_the_examples(
    play: Play, sent: tuple[str, str], due: tuple[str, str]
) -> None:
    play.clock.now = moment(*sent)
    tickets.asks(play)
    assert tickets.deadline(play) == moment(*due)
    play.at(moment(*due) - SECOND)
    assert play.waits_for() == {"answer_ticket": "department_staff"}
    play.at(moment(*due) + SECOND)
    assert play.waits_for() == {"answer_ticket": "department_staff", "escalate_ticket": "citizen"}


@pytest.mark.rule("TKT-5")
def test_an_overdue_ticket_is_marked_and_unit_supervisors_and_requester_are_told(play: Play) -> None:
    tickets.overdue(play)
    assert tickets.ticket(play).overdue_at == tickets.deadline(play)
    assert tickets.receivers(play, "مهلت پاسخ به یک درخواست گذشت") == {"unit-it", "unit-it-2", "supervisor"}
    assert tickets.receivers(play, "درخواست شما بدون پاسخ ماند") == {"citizen"}
    assert "مهلت پاسخ به این درخواست گذشته است" in gas_office.texts(gas_office.case_page(play, "unit-it"))


@pytest.mark.rule("TKT-5")
def test_an_unanswered_ticket_can_go_to_the_president_but_stays_answerable(play: Play) -> None:
    tickets.overdue(play)
    briefing = gas_office.briefing(play, "citizen", "escalate_ticket")
    assert briefing.values == {"tracking_number": play.case.number}
    assert list(play.refuses("citizen", "escalate_ticket", tracking_number=play.case.number)) == ["body"]
    wrong = play.refuses("citizen", "escalate_ticket", tracking_number="1399-000001-0", body="بشتابید")
    assert list(wrong) == ["tracking_number"]

    tickets.escalates(play)
    assert play.waits_for() == {"answer_ticket": "department_staff", "answer_escalation": "president"}
    assert tickets.receivers(play, "درخواستی از رئیس سازمان") == {"president"}

    tickets.answers(play)
    assert play.waits_for() == {"answer_escalation": "president", "reply_ticket": "citizen"}


@pytest.mark.rule("TKT-5")
def test_an_answer_withdraws_an_escalation_that_was_not_sent(play: Play) -> None:
    tickets.overdue(play)
    tickets.answers(play, "ببخشید که دیر شد.")

    assert play.waits_for() == {"reply_ticket": "citizen"}
    with pytest.raises(TaskNotOpen) as too_late:
        tickets.escalates(play)
    assert too_late.value.because == "پاسخ به درخواست"
    assert tickets.ticket(play).escalated_at is None
    assert tickets.ticket(play).overdue_at is None


@pytest.mark.rule("TKT-5")
def test_after_a_reply_the_next_delay_can_go_to_the_president_again_but_not_a_second_time(play: Play) -> None:
    tickets.overdue(play)
    tickets.answers(play)
    play.does("citizen", "reply_ticket", body="پاسخ درستی نبود.")
    play.at(tickets.deadline(play) + SECOND)
    assert "escalate_ticket" in play.waits_for()
    tickets.escalates(play)
    tickets.answers(play)
    play.does("citizen", "reply_ticket", body="باز هم نه.")
    play.at(tickets.deadline(play) + SECOND)
    assert play.waits_for() == {"answer_escalation": "president", "answer_ticket": "department_staff"}


# The president (TKT-6)


@pytest.mark.both_databases("story")
@pytest.mark.rule("TKT-6")
def test_the_president_sees_the_whole_first_ticket_and_the_answer_closes_both(play: Play) -> None:
    tickets.overdue(play, body="دو هفته است که نامهٔ من مانده است.")
    tickets.escalates(play, text="لطفاً رسیدگی کنید.")
    seen = gas_office.texts(gas_office.briefing(play, "president", "answer_escalation").blocks)
    for part in ("دو هفته است که نامهٔ من مانده است.", "لطفاً رسیدگی کنید.", tickets.ASKS["title"], "فناوری اطلاعات"):
        assert part in seen

    play.does("president", "answer_escalation", body="دستور رسیدگی داده شد.")

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "ticket_decided")
    assert play.waits_for() == {}
    assert tickets.ticket(play).state == "closed"
    assert tickets.conversation(play)[-1] == ("decision", "president", "دستور رسیدگی داده شد.")
    assert play.sms()[-1].receiver == "09131110005"
    with pytest.raises(TaskNotOpen) as closed:
        tickets.answers(play)
    assert closed.value.because == "پاسخ رئیس سازمان"


@pytest.mark.rule("TKT-6")
def test_the_president_has_two_working_days(play: Play) -> None:
    tickets.asks(play)
    play.at(moment("1405/09/03", "10:00"))  # a Tuesday
    tickets.escalates(play)
    assert play.task("answer_escalation").due_at == moment("1405/09/07", "10:00"), "Thursday and Friday are free"


@pytest.mark.rule("TKT-6", "TKT-4")
def test_a_ticket_that_closes_by_silence_leaves_the_president_his_answer(play: Play) -> None:
    tickets.overdue(play)
    tickets.escalates(play)
    tickets.answers(play)
    play.after(7 * DAY + SECOND)
    assert play.waits_for() == {"answer_escalation": "president"}
    assert tickets.ticket(play).state == "closed"
    play.does("president", "answer_escalation", body="پیگیری شد.")
    assert play.case.status is CaseStatus.COMPLETED


# What is kept where


@pytest.mark.rule("TKT-2")
def test_nothing_of_the_conversation_is_in_the_cases_state(play: Play) -> None:
    tickets.asks(play, body="رازی که تنها در جدول است")
    tickets.answers(play, "پاسخی که تنها در جدول است")
    with play.session() as session:
        state = session.get_one(type(play.case), play.case_id).state
    for words in ("راز", "تنها در جدول", tickets.ASKS["title"]):
        assert words.encode() not in state
        assert words.encode("unicode-escape") not in state


def test_the_history_tells_who_did_what(play: Play) -> None:
    tickets.overdue(play)
    with play.session() as session:
        lines = session.query(HistoryEntry).filter_by(case_id=play.case_id).order_by(HistoryEntry.id).all()
        told = [line.what for line in lines]
    assert told.count("ticket_overdue") == 1
    assert "ticket_sent" in told
