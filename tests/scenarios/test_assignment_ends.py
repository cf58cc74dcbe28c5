"""Stories of inspectors who leave a project: what becomes of it, of their quota, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from engine.errors import Refusal
from engine.identity.permissions import may_see_case
from models.account import Message
from models.case import HistoryEntry
from models.gas import Assignment, GasProject, InspectorQuota
from models.inspection import InspectionVisit
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections
from tests.scenarios.lists import cells, read
from tests.scenarios.projects import assigned, left, operated, registered
from workflows.assignment import operations
from workflows.rules.assignment import quota_left

LAST_MINUTE_OF_ABAN = datetime(2026, 11, 21, 20, 29, tzinfo=UTC)  # 1405/08/30, 23:59 in Tehran


def quota(play: Play, person_id: int, period: str = office.PERIOD) -> InspectorQuota:
    with play.session() as session:
        return session.get_one(InspectorQuota, (person_id, period))


def capacity(play: Play, person_id: int) -> int:
    found = quota(play, person_id)
    return quota_left(found.quota, found.lost_twelfths)


def inspector_of(play: Play, project_id: int) -> int | None:
    with play.session() as session:
        return session.get_one(GasProject, project_id).inspector_id


@pytest.mark.rule("INS-3", "ASG-1")
def test_after_a_withdrawal_the_project_goes_to_another_and_never_back(play: Play) -> None:
    first = office.add_inspector(play, "inspector-1")
    second = office.add_inspector(play, "inspector-2", assigned=50)
    project_id = assigned(play, meters=3)
    assert inspector_of(play, project_id) == first and quota(play, first).assigned == 3
    left(play, project_id, "inspector-1")
    assert inspector_of(play, project_id) is None and quota(play, first).assigned == 0
    assert operated(play, "inspector-1", operations.assign_inspector) == second
    left(play, project_id, "gas_office", how="dismissed", reason="تأخیر")
    assert quota(play, second).assigned == 50
    assert operated(play, "gas_office", operations.assign_inspector) is None  # both have left it: nobody remains


@pytest.mark.rule("INS-3", "INS-13", "ASG-1", "ASG-3")
@pytest.mark.parametrize("how", ["withdrawn", "dismissed"])
def test_not_even_by_hand_does_a_project_go_back(play: Play, how: str) -> None:
    person = office.add_inspector(play, "inspector-1")
    project_id = assigned(play)
    left(play, project_id, "gas_office", how=how, reason="دلیل")
    with pytest.raises(Refusal) as refused:
        choice = {"inspector": str(person), "note": "با همهٔ این‌ها"}
        operated(play, "gas_office", operations.appoint_inspector, submission=choice)
    assert list(refused.value.errors) == ["inspector"]
    assert inspector_of(play, project_id) is None


@pytest.mark.rule("INS-13", "INS-3")
def test_the_end_is_in_the_history_and_both_sides_are_told(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1")
    project_id = assigned(play)
    with play.session() as session:
        session.add(
            InspectionVisit(
                project_id=project_id,
                inspector_id=person,
                stage="pre_inspection",
                state="planned",
                at=play.clock.now + timedelta(days=2),
                set_at=play.clock.now,
            )
        )
    before = len(play.sms())
    left(play, project_id, "gas_office", how="dismissed", reason="گزارش‌ها ثبت نشده‌اند.")
    with play.session() as session:
        assert session.scalars(select(InspectionVisit.state)).one() == "dropped"
        (ended,) = session.scalars(select(Assignment)).all()
        assert (ended.ended, ended.ended_at, ended.ended_why) == (
            "dismissed",
            play.clock.now,
            "گزارش‌ها ثبت نشده‌اند.",
        )
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.what == "inspector_dismissed")).one()
        assert entry.details and entry.details["text_values"]["reason"] == "گزارش‌ها ثبت نشده‌اند."
        told = {notice.person_id: notice.body for notice in session.scalars(select(Message))}
    assert "گزارش‌ها ثبت نشده‌اند." in told[person]
    assert "انجام نمی‌شود" in told[play.actor("contractor").person_id or 0]
    assert len(play.sms()) == before + 2


@pytest.mark.rule("INS-13")
def test_a_project_without_an_inspector_has_nobody_to_dismiss(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    project_id = assigned(play)
    left(play, project_id, "inspector-1")
    for how in ("withdrawn", "dismissed"):
        with pytest.raises(Refusal):
            left(play, project_id, "gas_office", how=how)
    assert capacity(play, play.actor("inspector-1").person_id or 0) == 100


@pytest.mark.rule("REG-8", "INS-3")
def test_the_lane_of_the_registration_goes_along_with_the_inspection(play: Play) -> None:
    first = office.add_inspector(play, "inspector-1")
    second = office.add_inspector(play, "inspector-2", assigned=50)
    office.paid(play)
    registration = play.case_id
    inspection = play.follow("gas_inspection").case_id
    with play.session() as session:
        project = session.scalars(select(GasProject)).one()
        context = play.engine._context(session, session.get_one(type(play.case), inspection), play.actor("inspector-1"))
        assert context.bound("inspector") == first
        operations.end_assignment(context, project, how="withdrawn")
        assert context.bound("inspector") is None
        assert operations.assign_inspector(context) == second
        operations.introduce_inspector(context)
        assert context.bound("inspector") == second and project.referred_at == play.clock.now
        context.case = session.get_one(type(play.case), registration)
        assert context.bound("inspector") == second
        number = project.case.number
    assert all(number in sms.text.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")) for sms in play.sms()[-2:])


@pytest.mark.both_databases("sql")
@pytest.mark.rule("ASG-5")
def test_two_withdrawals_of_a_month_cost_nothing_and_each_further_one_a_twelfth(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", quota=120)
    left_over, told = [], []
    for _ in range(4):
        left(play, assigned(play), "inspector-1")
        left_over.append(capacity(play, person))
        told.append("یک‌دوازدهم" in play.messages[0])
    assert left_over == [120, 120, 110, 100]
    assert told == [False, False, True, True]


@pytest.mark.both_databases("sql")
@pytest.mark.rule("ASG-5", "CAL-4")
def test_a_new_month_counts_from_nothing_at_midnight_in_tehran(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", quota=120)
    play.clock.now = LAST_MINUTE_OF_ABAN
    for _ in range(2):
        left(play, assigned(play), "inspector-1")
    play.clock.advance(timedelta(minutes=1))  # the first of Azar
    left_over = []
    for _ in range(3):
        left(play, assigned(play), "inspector-1")
        left_over.append(capacity(play, person))
    assert left_over == [120, 120, 110]
    play.clock.now = LAST_MINUTE_OF_ABAN
    left(play, assigned(play), "inspector-1")
    assert capacity(play, person) == 100  # the third one of Aban


@pytest.mark.rule("ASG-5", "INS-13")
def test_dismissals_and_the_withdrawals_of_others_do_not_count(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", quota=120)
    for how in ("dismissed", "withdrawn", "dismissed", "withdrawn", "dismissed"):
        left(play, assigned(play), "inspector-1", how=how, reason="دلیل")
    other = office.add_inspector(play, "inspector-2", quota=10_000)
    left(play, assigned(play), "inspector-2")
    assert (capacity(play, person), capacity(play, other)) == (120, 10_000)


@pytest.mark.rule("ASG-5", "ASG-1")
def test_what_was_lost_is_no_capacity_any_more(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1", quota=12)
    for _ in range(3):
        left(play, assigned(play), "inspector-1")
    registered(play, meters=12)
    assert operated(play, "contractor", operations.assign_inspector) is None
    registered(play, meters=11)
    assert operated(play, "contractor", operations.assign_inspector) == person


@pytest.mark.rule("ASG-5")
def test_work_of_the_last_year_is_freed_in_the_last_years_quota(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1")
    project_id = assigned(play, meters=4)
    play.clock.now = datetime(2027, 4, 1, 8, tzinfo=UTC)  # 1406/01/12
    with play.session() as session:
        session.add(InspectorQuota(inspector_id=person, period="1406", quota=50, assigned=7))
    left(play, project_id, "inspector-1")
    assert (quota(play, person).assigned, quota(play, person, "1406").assigned) == (0, 7)


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-3", "INS-13", "ASG-1", "ASG-3", "INR-2", "INR-3")
def test_by_the_diagram_a_project_goes_on_with_others_and_waits_for_the_office_at_last(play: Play) -> None:
    inspections.begins(play)
    far = office.add_inspector(play, "inspector-far", regions=(1,))
    play.does("inspector-1", "withdraw", confirmed=True)
    assert play.task("schedule_visit").assignee_id == play.actor("inspector-2").person_id
    play.does("gas_office", "dismiss_inspector", reason="گزارش‌ها ثبت نشده‌اند.")
    assert play.waits_for() == {"assign_by_hand": "gas_office"}
    assert play.actions().get("correct_report") is None
    with play.session() as session:
        assert not may_see_case(session, play.actor("inspector-far"), play.case)
    offered = [choice.value for choice in office.briefing(play, "gas_office", "assign_by_hand").choices["inspector"]]
    assert offered == [far]
    with play.session() as session:
        number = session.scalars(select(GasProject)).one().case.number
    for who, key in (("inspector-1", "withdrawn_inspections"), ("inspector-2", "dismissed_inspections")):
        assert cells(read(play, who, key), "number") == [number]
        assert read(play, who, "pre_inspections").rows == []
    waiting = read(play, "gas_office", "running_inspections", choices={"state": "no_inspector"})
    assert cells(waiting, "number") == [number]
    play.does("gas_office", "assign_by_hand", inspector=far, note="تنها بازرس مانده است.")
    (row,) = read(play, "inspector-far", "pre_inspections").rows
    assert (row.values["number"], row.url) == (number, f"/cases/{play.case.number}")
