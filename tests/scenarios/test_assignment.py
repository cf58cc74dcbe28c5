"""Stories of assigning inspectors at the end of ``project_registration``."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from engine.jobs import runner
from models.case import HistoryEntry
from models.gas import InspectorQuota
from tests.scenarios import gas_office as office
from tests.scenarios.gas_office import METER


@pytest.mark.both_databases("search")
@pytest.mark.rule("ASG-1")
def test_only_active_ready_inspectors_of_the_region_with_room_and_of_another_firm_are_candidates(play):
    play.people.add("contractor", "contractor", company="گازرسانان پارس", mobile="09130000001")
    office.add_inspector(play, "inspector-idle", ready=False)
    office.add_inspector(play, "inspector-gone", active=False)
    office.add_inspector(play, "inspector-far", regions=(1, 2))
    office.add_inspector(play, "inspector-full", quota=10, assigned=10)
    office.add_inspector(play, "inspector-own", firm="گازرسانان  پارس")
    chosen = office.add_inspector(play, "inspector-right", assigned=90)
    office.paid(play)
    (made,) = office.assignments(play)
    assert made.inspector_id == chosen
    assert {load["name"].split()[-1] for load in made.loads} == {"inspector-full", "inspector-right"}


@pytest.mark.rule("ASG-2")
def test_the_lowest_load_wins_and_the_work_is_weighed_by_meters(play):
    office.add_inspector(play, "inspector-busy", quota=100, assigned=50)
    office.add_inspector(play, "inspector-free", quota=10, assigned=4)
    names = []
    for code in ("1", "2", "3"):
        office.paid(play, METER, METER, renovation_code=code)
        names.append(office.project(play).inspector.username)
        play.clock.advance(timedelta(minutes=1))
    assert names == ["inspector-free", "inspector-busy", "inspector-busy"]  # 40 % → 60 %; 50 % → 52 %


@pytest.mark.both_databases("search")
@pytest.mark.rule("ASG-2")
def test_equal_loads_go_to_whoever_has_waited_longest(play):
    office.add_inspector(play, "inspector-1", last_assigned_at=play.clock.now - timedelta(days=1))
    office.add_inspector(play, "inspector-2", last_assigned_at=play.clock.now - timedelta(days=2))
    office.paid(play)
    assert office.project(play).inspector.username == "inspector-2"


@pytest.mark.both_databases("story")
@pytest.mark.rule("ASG-3")
def test_without_a_candidate_the_gas_office_chooses_and_sees_why(play):
    office.add_inspector(play, "inspector-full", quota=0)
    far = office.add_inspector(play, "inspector-far", regions=(1,))
    own = office.add_inspector(play, "inspector-own", firm="نام contractor")
    office.paid(play)
    assert play.waits_for() == {"assign_by_hand": "gas_office"}

    with play.session() as session:
        told = repr([entry.details for entry in session.scalars(select(HistoryEntry))])
    assert "ظرفیت خالی" in told and "inspector-full" not in told  # what others carry is not for everyone involved

    seen = office.briefing(play, "gas_office", "assign_by_hand")
    assert "ظرفیت خالی" in office.texts(seen.blocks)
    assert own not in [choice.value for choice in seen.choices["inspector"]]
    assert list(play.refuses("gas_office", "assign_by_hand", inspector=own)) == ["inspector"]
    assert list(play.refuses("gas_office", "assign_by_hand", inspector=far)) == ["note"]

    play.does("gas_office", "assign_by_hand", inspector=far, note="تنها بازرس در دسترس است.")
    assert play.case.outcome == "inspection_started"
    (made,) = office.assignments(play)
    assert (made.inspector_id, made.note, made.by_hand_by_id) == (
        far,
        "تنها بازرس در دسترس است.",
        play.actor("gas_office").person_id,
    )


@pytest.mark.rule("ASG-4")
def test_supervisors_and_the_gas_office_see_why_this_inspector_and_others_do_not(play):
    office.add_inspector(play, "inspector-1")
    office.add_inspector(play, "inspector-2", assigned=10)
    office.paid(play)
    for who in ("supervisor", "gas_office"):
        page = office.texts(office.case_page(play, who))
        assert "نسبت کار ارجاع‌شده" in page and "inspector-2" in page
    assert "inspector-2" not in office.texts(office.case_page(play, "contractor"))


@pytest.mark.both_databases("locking")
@pytest.mark.rule("ASG-2")
def test_two_assignments_at_the_same_moment_never_overfill_a_capacity(play):
    """Both have read the candidates before either writes: the lock has to keep the second one waiting."""
    person = office.add_inspector(play, "inspector-1", quota=3)
    cases, authorities = [], []
    for code in ("1", "2"):
        office.up_to_invoice(play, METER, METER, renovation_code=code)
        play.does("contractor", "review_invoice")
        cases.append(play.case_id)
        authorities.append(play.payment().authority)
    for authority in authorities:
        with play.session() as session:
            play.application.test_gateway.decide(session, authority, decision="pay", now=play.clock.now)
            play.application.payment_returned(play.engine, session, gateway="test", authority=authority)

    with both_read_before_either_writes(play):
        threads = [threading.Thread(target=verify_one_payment, args=(play, name)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    play.work()

    assert [made.inspector_id for made in office.assignments(play)] == [person]
    with play.session() as session:
        assert session.scalars(select(InspectorQuota.assigned)).one() == 2
    waits = []
    for case_id in cases:
        play.case_id = case_id
        waits += play.waits_for().items()
    assert waits == [("assign_by_hand", "gas_office")]


@contextmanager
def both_read_before_either_writes(play):
    """Whoever has read the quotas waits until the other has too, at most half a second."""
    both = threading.Barrier(2, timeout=0.5)
    waits = []

    def pause(_connection, _cursor, statement, *_rest):
        if statement.startswith("SELECT inspector_quotas"):
            waits.append(statement)
            with suppress(threading.BrokenBarrierError):
                both.wait()

    event.listen(play.application.database, "after_cursor_execute", pause)
    try:
        yield
    finally:
        event.remove(play.application.database, "after_cursor_execute", pause)
    assert len(waits) >= 2


def verify_one_payment(play, owner: str) -> None:
    """What a worker does: take one due job, ask the gateway, go on with the case."""
    with play.session() as session:
        (job,) = runner.take(session, owner=owner, now=play.clock.now, limit=1)
    runner.run(play.engine, job, owner=owner)
